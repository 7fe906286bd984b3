//! `live-reload`, the program of the `reload` process of an image.
//!
//! It restarts another buildpack's process when files change, without that buildpack knowing of
//! it: watchexec watches, this program supervises. In the order of a start:
//!
//! | step | module |
//! |---|---|
//! | the command line | `reload_options` |
//! | where the image keeps its layers, and which processes it has | [`image`], [`metadata`] |
//! | which process is restarted, and why that one | [`choice`] |
//! | how the process is launched, and with which environment | [`launch`], [`environment`], [`exec_d`], [`shell`] |
//! | faults that watchexec passes over | [`checks`], [`inotify`], [`file_system`] |
//! | the loop, what it decides, and what it does | [`supervise`], [`state`], [`supervisor`] |
//! | commands before a start | [`before`] |
//! | the process, its group and its terminal | [`process`], [`processes`], [`terminal`], [`signals`] |
//! | changes, and when a sync is over | [`watching`], [`watcher`], [`watchexec`], [`files`], [`sync`], [`syncs`] |
//! | a process that runs watchexec itself | [`wrapped`] |
//! | errors, each with its remedy | [`problem`] |
//! | output for people | [`texts`] |
//!
//! For images that lack them it also serves as [`tar`] and [`rm`], by which Tilt and Skaffold copy
//! files into a container and delete them there. Called `watchexec`, it is the [`init`] of a process that
//! runs watchexec itself.

mod backoff;
mod before;
mod brake;
mod checks;
mod choice;
mod environment;
mod exec_d;
mod file_system;
mod files;
mod image;
mod init;
mod inotify;
mod launch;
mod metadata;
mod open_directory;
mod problem;
mod process;
mod processes;
mod rm;
mod shell;
mod signals;
mod start;
mod state;
mod supervise;
mod supervisor;
mod sync;
mod syncs;
mod tar;
mod terminal;
mod texts;
mod watcher;
mod watchexec;
mod watching;
mod wrapped;

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
        Some(watchexec::ARGUMENT) => watchexec::become_it(arguments.into_iter().skip(1)),
        _ => start::run(arguments),
    }
}
