//! watchexec as the reporter of changes: its location and its command line.

use crate::image::{Image, WATCHEXEC, find_program, is_executable};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use printable::printable;
use reload_options::Settings;
use reload_options::ignore::default_patterns;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};

/// The first argument of a call that becomes watchexec. It is for this program to give, not for a
/// user.
pub(crate) const ARGUMENT: &str = "--become-watchexec";

/// The watchexec in the layer of this buildpack, else the first on the `PATH`.
pub(crate) fn find(image: &Image, path: Option<&OsStr>) -> Option<PathBuf> {
    let own = image
        .own_layers
        .as_ref()
        .map(|layers| layers.join(WATCHEXEC).join("bin").join(WATCHEXEC));
    own.filter(|program| is_executable(program))
        .or_else(|| find_program(WATCHEXEC, path?))
}

/// The command that writes a line for each change of a file below `watch`. It ends with this
/// program.
pub(crate) fn command(
    program: &Path,
    settings: &Settings,
    watch: &[PathBuf],
    image: &Image,
) -> Command {
    let mut command = match &image.program {
        Some(own) => {
            let mut command = Command::new(own);
            command
                .arg(ARGUMENT)
                .arg(process::id().to_string())
                .arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(arguments(settings, watch, &image.app));
    command
}

/// Becomes watchexec: `PARENT PROGRAM ARGUMENT…`. The kernel kills it when its parent ends, which
/// the parent cannot arrange for itself (prctl(2), `PR_SET_PDEATHSIG`), and which outside of PID 1
/// nobody else would do.
///
/// Returns only if watchexec cannot be run.
pub(crate) fn become_watchexec(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(parent), Some(program)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    set_pdeathsig(Signal::SIGKILL).ok();
    // The parent may have ended before.
    if parent.to_str() == Some(&getppid().to_string()) {
        let error = Command::new(&program).args(arguments).exec();
        crate::output::log(format_args!(
            "live-reload: {} cannot be run ({error})",
            printable(&program)
        ));
    }
    ExitCode::FAILURE
}

/// The options, all of which every watchexec from 2.0.0 on has.
fn arguments(settings: &Settings, watch: &[PathBuf], app_directory: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "--only-emit-events".into(),
        "--emit-events-to=stdio".into(),
        // Each change is reported at once; when a sync is over, this program decides.
        "--debounce=0s".into(),
        // .gitignore lists build outputs, which are the very files that tools sync. The search for
        // .gitignore files also slows down the first start with thousands of directories.
        "--no-discover-ignore".into(),
        // The directory that patterns are relative to. Without it watchexec guesses, and a HOME
        // that does not exist is an error.
        option("--project-origin", app_directory.as_os_str()),
    ];
    for path in watch {
        arguments.push(option("--watch", path.as_os_str()));
    }
    // The last pattern that matches counts, so that the user's can override one of ours.
    for pattern in default_patterns() {
        arguments.push(option("--ignore", pattern.as_ref()));
    }
    for pattern in &settings.ignore {
        arguments.push(option("--ignore", pattern.below(app_directory).as_ref()));
    }
    arguments
}

/// One argument, so that no value can be taken for an option or for a file of arguments.
fn option(name: &str, value: &OsStr) -> OsString {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(value);
    argument
}
