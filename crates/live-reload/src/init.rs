//! `watchexec` on the PATH of the image: supervised as PID 1, otherwise replaced by the real one.
//!
//! A buildpack that wraps its process with watchexec makes it PID 1 of the container. There it
//! kills the process 2 s after SIGTERM, regardless of its `--stop-timeout` and of the platform
//! (watchexec-cli's use of the crate `pid1`). As a child of this program it is not PID 1, and the
//! process gets its full stop timeout.

use crate::image::{Image, WATCHEXEC};
use crate::problem::Problem;
use crate::signals::Signals;
use crate::supervise::wrapped;
use crate::watch::watchexec;
use reload_options::Settings;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Command};

/// Whether this program was called by the name `watchexec`.
pub(crate) fn is_called(program: &OsString) -> bool {
    Path::new(program).ends_with(WATCHEXEC)
}

/// Runs the watchexec of this buildpack with these arguments. Returns its exit status, or that of
/// the process that it had to stop.
///
/// # Errors
/// The image has no watchexec, or it cannot be run.
pub(crate) fn run(arguments: &[OsString]) -> Result<u8, Problem> {
    let image = Image::find().map_err(Problem::NoAppDirectory)?;
    // A watchexec on the PATH could be this program.
    let program = watchexec::find(&image, None).ok_or(Problem::NoWatchexec)?;
    let mut command = Command::new(&program);
    command.args(arguments);
    if process::id() != 1 {
        let error = command.exec();
        return Err(Problem::Watchexec(program, error));
    }
    let mut signals = Signals::listen().map_err(Problem::Signals)?;
    wrapped::run(command, &Settings::default(), &mut signals)
}
