//! The errors of the `reload` process, each with its remedy.

use crate::launch::LaunchError;
use crate::launch::choice::NoProcess;
use crate::launch::metadata::MetadataError;
use crate::launch::program::ProgramError;
use crate::launch::shell::BASH;
use crate::watch::inotify::Shortage;
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
        "The working directory does not exist ({0}).\n\
         Start `reload` in the app directory, as the launcher does: docker run --entrypoint reload \
         IMAGE"
    )]
    NoAppDirectory(io::Error),
    /// The image's list of processes cannot be read from this file.
    #[error(
        "Cannot read the processes of this image from {0} ({1}).\n\
         The lifecycle writes this file when it builds an image. If the layers are in another \
         directory, set CNB_LAYERS_DIR to it."
    )]
    Metadata(PathBuf, MetadataError),
    /// The image has no such process, or not for this execution environment.
    #[error(transparent)]
    NoProcess(#[from] NoProcess),
    /// The process cannot be launched.
    #[error(
        "Cannot launch the process `{0}`: {1}.\n\
         The cause is in that process's buildpack. To see it fail without live reload: \
         docker run --entrypoint {0} IMAGE"
    )]
    Launch(String, LaunchError),
    /// The working directory of the process does not exist.
    #[error(
        "The process `{0}` should run in {1}, which is not a directory.\n\
         Its buildpack chose that directory. Create or mount it before the container starts."
    )]
    NoWorkingDirectory(String, PathBuf),
    /// The program of the process cannot be started.
    #[error("The process `{0}` runs {1}")]
    Program(String, ProgramError),
    /// The shell of a shell process cannot be started.
    #[error(
        "The process `{0}` needs a shell, and this image has no {BASH}.\n\
         Use a run image with bash, or a release of the process's buildpack with Buildpack API 0.9 or \
         newer, whose processes need no shell."
    )]
    NoBash(String),
    /// Paths to watch do not exist; each with the error of the system.
    #[error(
        "Cannot watch these paths:\n  {}\n\
         Name paths that exist when the container starts, relative to the app directory or absolute: \
         --watch PATH, or BP_LIVE_RELOAD_WATCH at build.",
        .0.join("\n  ")
    )]
    WatchPaths(Vec<String>),
    /// No file can be watched.
    #[error(transparent)]
    NoInstance(Shortage),
    /// The image has no watchexec.
    #[error(
        "This image has no watchexec, in its layers or on the PATH.\n\
         Build it again with BP_LIVE_RELOAD_ENABLED=true, and do not remove layers from it."
    )]
    NoWatchexec,
    /// watchexec cannot be run.
    #[error(
        "Cannot start watchexec: {0:?} cannot be run ({1}).\n\
         Check that the container may start programs: its user, its security profile, and its limits \
         for memory and processes."
    )]
    Watchexec(PathBuf, io::Error),
    /// Signal handlers cannot be installed, or signals or children cannot be waited for.
    #[error(
        "Cannot receive signals ({0}).\n\
         Check the limits of the container for open files, and its security profile."
    )]
    Signals(io::Error),
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
