//! The companion of the buildpack: the `reload` process of an image.
//!
//! It restarts another buildpack's process when files change, without that buildpack knowing of
//! it. watchexec does the watching; this program finds out what is to be run and with which
//! environment, finds what would otherwise go wrong without a word, and stands between watchexec
//! and the platform for signals, orphans and the exit status. In the order of a start:
//!
//! | step | module |
//! |---|---|
//! | the command line | `watchexec_buildpack::reload` |
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

use std::ffi::OsString;
use std::process::ExitCode;
use watchexec_buildpack::reload::SyncTool;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = arguments.first().and_then(|argument| argument.to_str());
    match first {
        Some("--help" | "-h") => {
            texts::answer(texts::USAGE);
            ExitCode::SUCCESS
        }
        Some("--version" | "-V") => {
            texts::answer(concat!(
                env!("CARGO_BIN_NAME"),
                " ",
                env!("CARGO_PKG_VERSION")
            ));
            ExitCode::SUCCESS
        }
        Some(name) => match SyncTool::named(name) {
            Some(SyncTool::Tar) => tar::run(arguments.into_iter().skip(1)),
            Some(SyncTool::Rm) => rm::run(arguments.into_iter().skip(1)),
            None => start::run(arguments),
        },
        None => start::run(arguments),
    }
}
