//! `live-reload`, the program of the `reload` process of an image.
//!
//! It restarts another buildpack's process when files change, without that buildpack knowing of
//! it: watchexec watches, this program supervises. In the order of a start:
//!
//! | step | module |
//! |---|---|
//! | the command line, and what follows from it | `reload_options`, [`start`] |
//! | where the image keeps its layers | [`image`] |
//! | which process is restarted, with which command and environment | [`launch`] |
//! | which paths have changed: watchexec reports them, and scans find the rest | [`watch`] |
//! | when a sync is over | [`sync`] |
//! | the loop: a change, a stop, a start | [`supervise`] |
//! | the signals and the ends of children that it waits for | [`signals`], [`children`] |
//! | errors with their remedies, and output for people | [`problem`], [`output`] |
//!
//! It also serves as `tar` and `rm` ([`sync_tools`]), and called `watchexec`, as the [`init`] of a
//! process that runs watchexec itself.

mod backoff;
mod children;
mod image;
mod init;
mod launch;
mod output;
mod problem;
mod signals;
mod start;
mod supervise;
mod sync;
mod sync_tools;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;
use sync_tools::{rm, tar};
use watch::watchexec;

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let program = arguments.drain(..arguments.len().min(1)).next();
    if program.as_ref().is_some_and(init::is_called) {
        return start::status(init::run(&arguments));
    }
    // The build writes these names as the first argument of the processes `tar` and `rm`.
    match arguments.first().and_then(|argument| argument.to_str()) {
        Some("tar") => tar::run(arguments.into_iter().skip(1)),
        Some("rm") => rm::run(arguments.into_iter().skip(1)),
        Some(watchexec::ARGUMENT) => watchexec::become_watchexec(arguments.into_iter().skip(1)),
        _ => start::run(arguments),
    }
}
