//! `live-reload`, the program of the `reload` process of an image.
//!
//! It restarts another buildpack's process when files change, without that buildpack knowing of
//! it. watchexec does the watching; this program finds the command and its environment, reports
//! faults that watchexec would pass over, and mediates between watchexec and the platform for
//! signals, orphans and the exit status. In the order of a start:
//!
//! | step | module |
//! |---|---|
//! | the command line | `reload_options` |
//! | where the image keeps its layers, and which processes it has | [`image`], [`metadata`] |
//! | which process is restarted, and why that one | [`choice`] |
//! | how the process is launched, and with which environment | [`launch`], [`environment`], [`exec_d`], [`shell`] |
//! | faults that watchexec passes over | [`checks`], [`inotify`], [`file_system`] |
//! | watchexec and its options | [`watchexec`] |
//! | each start with its changes, and ends that nobody asked for | [`announce`], [`changes`], [`ends`] |
//! | signals, orphans and the exit status | [`signals`], [`process_tree`], [`supervise`] |
//! | errors, each with its remedy | [`problem`] |
//! | output for people | [`texts`] |
//!
//! For images that lack them it also serves as [`tar`] and [`rm`], by which Tilt and Skaffold copy
//! files into a container and delete them there. Called `watchexec`, it is the [`init`] of a process that
//! runs watchexec itself.

mod announce;
mod changes;
mod checks;
mod choice;
mod ends;
mod environment;
mod exec_d;
mod file_system;
mod image;
mod init;
mod inotify;
mod launch;
mod metadata;
mod open_directory;
mod printable;
mod problem;
mod process_tree;
mod rm;
mod shell;
mod signals;
mod start;
mod supervise;
mod tar;
mod texts;
mod watchexec;

use std::ffi::OsString;
use std::process::ExitCode;

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
        Some(announce::ARGUMENT) => announce::run(arguments.into_iter().skip(1)),
        _ => start::run(arguments),
    }
}
