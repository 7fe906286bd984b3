//! The companion of the buildpack: the `reload` process of an image.
//!
//! It restarts another buildpack's process when files change, without that buildpack knowing of
//! it. watchexec does the watching; this program finds out what is to be run and with which
//! environment, finds what would otherwise go wrong without a word, and stands between watchexec
//! and the platform for signals, orphans and the exit status. In the order of a start:
//!
//! | step | module |
//! |---|---|
//! | the command line | `reload_options` |
//! | where the image keeps its layers, and which processes it has | [`image`], [`metadata`] |
//! | how the process is launched, and with which environment | [`launch`], [`environment`], [`exec_d`] |
//! | what would fail silently | [`checks`], [`inotify`], [`file_system`] |
//! | watchexec and its options | [`watchexec`] |
//! | signals, orphans and the exit status | [`signals`], [`supervise`] |
//! | everything that people read | [`texts`] |
//!
//! For images that lack them it also serves as [`tar`] and [`rm`], by which Tilt and Skaffold copy
//! files into a container and delete them there.

mod checks;
mod environment;
mod exec_d;
mod file_system;
mod image;
mod inotify;
mod launch;
mod metadata;
mod rm;
mod signals;
mod start;
mod supervise;
mod tar;
mod texts;
mod watchexec;

use reload_options::SyncTool;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first().and_then(|argument| argument.to_str());
    match first.and_then(SyncTool::named) {
        Some(SyncTool::Tar) => tar::run(arguments.into_iter().skip(1)),
        Some(SyncTool::Rm) => rm::run(arguments.into_iter().skip(1)),
        None => start::run(arguments),
    }
}
