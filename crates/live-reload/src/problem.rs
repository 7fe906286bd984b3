//! Every error that keeps the process from being restarted, with its remedy.

use crate::checks::ProgramError;
use crate::choice::NoProcess;
use crate::inotify::Shortage;
use crate::launch::LaunchError;
use crate::metadata::MetadataError;
use crate::shell::BASH;
use crate::supervise::SuperviseError;
use reload_options::ArgumentError;
use std::io;
use std::path::PathBuf;

/// An error of the `reload` process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The arguments cannot be used.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// The working directory does not exist.
    #[error(
        "The working directory cannot be found ({0}).\n\
         It has to be the app directory, in which the launcher of the image starts all processes. \
         Start this one by its type: docker run --entrypoint reload IMAGE"
    )]
    NoAppDirectory(io::Error),
    /// The image's list of processes cannot be read from this file.
    #[error(
        "The processes of this image cannot be read from {0} ({1}).\n\
         The file is written by the lifecycle when it builds an image. Where the image's layers are \
         elsewhere, set CNB_LAYERS_DIR to that directory."
    )]
    Metadata(PathBuf, MetadataError),
    /// The image has no such process, or not for this execution environment.
    #[error(transparent)]
    NoProcess(#[from] NoProcess),
    /// The process cannot be launched.
    #[error(
        "The process `{0}` cannot be launched: {1}.\n\
         This comes from the buildpack of that process; without live reload it fails in the same \
         way: docker run --entrypoint {0} IMAGE"
    )]
    Launch(String, LaunchError),
    /// The working directory of the process does not exist.
    #[error(
        "The process `{0}` is to run in {1}, which is not a directory.\n\
         Its buildpack has named that directory. Sync it, or mount it, before the container starts."
    )]
    NoWorkingDirectory(String, PathBuf),
    /// The program of the process cannot be started.
    #[error("The process `{0}` runs {1}")]
    Program(String, ProgramError),
    /// The shell of a shell process cannot be started.
    #[error(
        "The process `{0}` is a shell process, and this image has no {BASH} to run it.\n\
         Use a run image with bash, or a newer release of the buildpack that contributes the \
         process: with Buildpack API 0.9 it needs no shell."
    )]
    NoBash(String),
    /// Paths to watch do not exist; each with the error of the system.
    #[error(
        "These paths are to be watched, but cannot be found:\n  {}\n\
         Name paths that exist when the container starts, relative to the app directory or \
         absolute, at start with --watch or at build with BP_LIVE_RELOAD_WATCH.",
        .0.join("\n  ")
    )]
    WatchPaths(Vec<String>),
    /// No file can be watched.
    #[error(transparent)]
    NoInstance(Shortage),
    /// The image has no watchexec.
    #[error(
        "This image has no watchexec, neither in a layer of the Watchexec Buildpack nor in a \
         directory of the PATH.\n\
         Build it again with BP_LIVE_RELOAD_ENABLED=true, and do not remove layers from it."
    )]
    NoWatchexec,
    /// watchexec cannot be run.
    #[error(
        "watchexec could not be started: {0}.\n\
         Check that the container may start programs of the image: its user, its security profile, \
         and its limits of memory and processes."
    )]
    Supervise(#[from] SuperviseError),
}

impl Problem {
    /// The exit status of this program.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Arguments(_) => 2,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests;
