//! Everything that people read: what happened, why, and what to do.

use crate::checks::{MissingPath, ProgramError};
use crate::file_system::Unreported;
use crate::launch::LaunchError;
use crate::metadata::{MetadataError, NoProcess};
use crate::supervise::SuperviseError;
use reload_options::process_type::ProcessType;
use reload_options::{ArgumentError, Setting};
use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};
use std::path::PathBuf;

/// The answer to `--help`.
pub(crate) const USAGE: &str = "\
Restarts a process of this image whenever files change.

Usage: live-reload [OPTION]... [TYPE]

  TYPE                 process type to restart [default: web]
  --watch PATH         watch this, instead of the app directory; may be repeated
  --ignore PATTERN     changes of these files restart nothing; may be repeated
  --debounce TIME      collect changes for this long before a restart [default: 50ms]
  --signal NAME        signal that stops the process [default: SIGTERM]
  --stop-timeout TIME  kill the process when it takes longer to stop [default: 10s]
  --poll TIME          look for changes this often, where the file system does not report them;
                       `off` relies on the file system [default: off]

What is given later wins, and the image has given the settings of its build. A --watch or an
--ignore after the TYPE replaces all those before it.

Usage: live-reload tar ARGUMENT...
       live-reload rm ARGUMENT...

Copies files into the container and deletes them, for tools that need `tar` and `rm` there.";

/// Tells people something. It is written in one piece, as the process writes there too; where nobody
/// reads it, the work goes on.
pub(crate) fn tell(text: impl Display) {
    let text = format!("{text}\n");
    io::stderr().write_all(text.as_bytes()).ok();
}

/// Gives what was asked for, to a person or to a program that reads it.
pub(crate) fn answer(text: impl Display) {
    let text = format!("{text}\n");
    io::stdout().write_all(text.as_bytes()).ok();
}

/// Why nothing is restarted.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The arguments cannot be used.
    Arguments(ArgumentError),
    /// The working directory does not exist.
    NoAppDirectory(io::Error),
    /// The image's list of processes cannot be read.
    Metadata {
        /// The file that has it.
        file: PathBuf,
        /// Why.
        error: MetadataError,
    },
    /// There is no such process, or not in this execution environment.
    NoProcess {
        /// The type that was to be restarted.
        wanted: ProcessType,
        /// The execution environment.
        execution_environment: String,
        /// Why there is none.
        reason: NoProcess,
    },
    /// The process cannot be launched.
    Launch {
        /// Its type.
        process: ProcessType,
        /// Why.
        error: LaunchError,
    },
    /// Its working directory does not exist.
    NoWorkingDirectory {
        /// Its type.
        process: ProcessType,
        /// The directory.
        directory: PathBuf,
    },
    /// Its program cannot be started.
    Program {
        /// Its type.
        process: ProcessType,
        /// Why.
        error: ProgramError,
    },
    /// Paths to watch do not exist.
    WatchPaths(Vec<MissingPath>),
    /// The user has no inotify instance left.
    NoInstance {
        /// How many a user may have.
        limit: Option<usize>,
    },
    /// The image has no watchexec.
    NoWatchexec,
    /// watchexec cannot be run.
    Supervise(SuperviseError),
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

impl From<ArgumentError> for Problem {
    fn from(error: ArgumentError) -> Self {
        Self::Arguments(error)
    }
}

impl From<SuperviseError> for Problem {
    fn from(error: SuperviseError) -> Self {
        Self::Supervise(error)
    }
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "live-reload: error: ")?;
        match self {
            Self::Arguments(error) => arguments(f, error),
            Self::NoAppDirectory(error) => write!(
                f,
                "The working directory cannot be found ({error}).\n\
                 It has to be the app directory, in which the launcher of the image starts all \
                 processes. Start this one by its type: docker run --entrypoint reload IMAGE"
            ),
            Self::Metadata { file, error } => write!(
                f,
                "The processes of this image cannot be read from {} ({error}).\n\
                 The file is written by the lifecycle when it builds an image. Where the image's \
                 layers are elsewhere, set CNB_LAYERS_DIR to that directory.",
                file.display()
            ),
            Self::NoProcess {
                wanted,
                execution_environment,
                reason,
            } => no_process(f, wanted, execution_environment, reason),
            Self::Launch { process, error } => write!(
                f,
                "The process `{process}` cannot be launched: {error}.\n\
                 This comes from the buildpack of that process; without live reload it fails in \
                 the same way: docker run --entrypoint {process} IMAGE"
            ),
            Self::NoWorkingDirectory { process, directory } => write!(
                f,
                "The process `{process}` is to run in {}, which is not a directory.\n\
                 Its buildpack has named that directory. Sync it, or mount it, before the \
                 container starts.",
                directory.display()
            ),
            Self::Program { process, error } => program(f, process, error),
            Self::WatchPaths(missing) => watch_paths(f, missing),
            Self::NoInstance { limit } => write!(
                f,
                "This user has no inotify instance left to watch files with{}.\n\
                 Containers of the same user share them with the programs of the host. Raise the \
                 limit on the host, for example with `sysctl fs.inotify.max_user_instances=1024`, \
                 or do without: {}",
                Limit(*limit),
                PollInstead
            ),
            Self::NoWatchexec => write!(
                f,
                "This image has no watchexec, neither in a layer of the Watchexec Buildpack nor \
                 in a directory of the PATH.\n\
                 Build it again with BP_LIVE_RELOAD_ENABLED=true, and do not remove layers from \
                 it."
            ),
            Self::Supervise(error) => write!(
                f,
                "watchexec could not be started: {error}.\n\
                 Check that the container may start programs of the image: its user, its security \
                 profile, and its limits of memory and processes."
            ),
        }
    }
}

fn arguments(f: &mut Formatter<'_>, error: &ArgumentError) -> fmt::Result {
    match error {
        ArgumentError::Invalid(invalid) => write!(
            f,
            "{} is {:?}, which {}.\nAccepted: {}.",
            invalid.name(),
            invalid.value,
            invalid.why,
            invalid.setting.accepted()
        ),
        ArgumentError::UnknownOption(option) => write!(
            f,
            "There is no option {option}.\n\
             Options are: {}; what they do is in `live-reload --help`.",
            options()
        ),
        ArgumentError::MissingValue(option) => write!(
            f,
            "{option} has no value.\nGive one: `{option} VALUE` or `{option}=VALUE`."
        ),
        ArgumentError::NotUnicode(argument) => write!(
            f,
            "The argument {argument:?} is not UTF-8.\nwatchexec takes no other text."
        ),
    }
}

fn options() -> String {
    let options: Vec<_> = Setting::ALL
        .iter()
        .map(|setting| setting.argument())
        .filter(|argument| argument.starts_with('-'))
        .collect();
    options.join(", ")
}

fn no_process(
    f: &mut Formatter<'_>,
    wanted: &ProcessType,
    execution_environment: &str,
    reason: &NoProcess,
) -> fmt::Result {
    match reason {
        NoProcess::UnknownType { known } if known.is_empty() => write!(
            f,
            "There is no process `{wanted}` to restart: no buildpack has given this image any \
             process.\n\
             Add a Procfile, or whatever your buildpack takes the start command from, and build \
             the image again."
        ),
        NoProcess::UnknownType { known } => write!(
            f,
            "There is no process `{wanted}` to restart in this image. It has: {}.\n\
             Name one of them, at start with `docker run --entrypoint reload IMAGE TYPE` or at \
             build with {}=TYPE.",
            known.join(", "),
            Setting::Process.variable()
        ),
        NoProcess::OtherEnvironment { environments } => write!(
            f,
            "The process `{wanted}` is not for the execution environment \
             `{execution_environment}`, but for: {}.\n\
             Start the container with one of these, for example with `--env CNB_EXEC_ENV={}`.",
            environments.join(", "),
            environments.first().map_or("", String::as_str)
        ),
    }
}

fn program(f: &mut Formatter<'_>, process: &ProcessType, error: &ProgramError) -> fmt::Result {
    match error {
        ProgramError::NotOnPath(name) => write!(
            f,
            "The process `{process}` runs `{name}`, which is in no directory of the PATH.\n\
             Check the start command of the process, and that the run image or a buildpack \
             provides that program."
        ),
        ProgramError::Missing(file) => write!(
            f,
            "The process `{process}` runs {}, which does not exist.\n\
             Check the start command of the process. If a sync has deleted the file, put it back \
             and start the container again.",
            file.display()
        ),
        ProgramError::NotExecutable(file) => write!(
            f,
            "The process `{process}` runs {}, which this user may not execute.\n\
             Make it executable where it comes from (`chmod +x`). If a sync has replaced it, let \
             the sync keep file modes.",
            file.display()
        ),
        ProgramError::NoInterpreter {
            script,
            interpreter,
        } if interpreter.to_string_lossy().ends_with('\r') => write!(
            f,
            "The process `{process}` runs {}, a script whose lines end as on Windows: the system \
             looks for a program {:?}.\n\
             Save it with the line ends of Unix (LF), and have git keep them: `* text=auto \
             eol=lf` in .gitattributes.",
            script.display(),
            interpreter.to_string_lossy()
        ),
        ProgramError::NoInterpreter {
            script,
            interpreter,
        } => write!(
            f,
            "The process `{process}` runs {}, a script for {}, which this image does not have.\n\
             Use a run image that has it, or another first line in the script.",
            script.display(),
            interpreter.display()
        ),
    }
}

fn watch_paths(f: &mut Formatter<'_>, missing: &[MissingPath]) -> fmt::Result {
    writeln!(f, "These paths are to be watched, but cannot be found:")?;
    for MissingPath { path, error } in missing {
        writeln!(f, "  {} ({error})", path.display())?;
    }
    write!(
        f,
        "Name paths that exist when the container starts, relative to the app directory or \
         absolute, at start with {} or at build with {}.",
        Setting::Watch.argument(),
        Setting::Watch.variable()
    )
}

/// What is told when a process is about to run.
#[derive(Debug)]
pub(crate) enum Notice<'a> {
    /// What is about to happen.
    Restarting {
        /// The process.
        process: &'a ProcessType,
        /// Its command.
        command: &'a [String],
        /// What is watched.
        watch: &'a [PathBuf],
    },
    /// The process is a script, which only the launcher can run.
    ThroughLauncher(&'a ProcessType),
    /// The buildpack of the process lets watchexec restart it already.
    RestartsItself(&'a ProcessType),
    /// The user has no inotify watch left.
    NoWatch {
        /// How many a user may have.
        limit: Option<usize>,
    },
    /// Changes may go unseen in this place.
    Unreported(&'a Unreported),
}

impl Display for Notice<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restarting {
                process,
                command,
                watch,
            } => write!(
                f,
                "live-reload: `{process}` ({}) restarts when files change in {}",
                command.join(" "),
                Places(watch)
            ),
            Self::ThroughLauncher(process) => write!(
                f,
                "live-reload: warning: The process `{process}` is a shell script of a buildpack \
                 with an API below 0.9, and runs through a second launcher.\n\
                 Variables that buildpacks append or prepend to, such as PATH, have their part \
                 twice in it, and each restart runs the exec.d programs of all layers again. A \
                 newer release of that buildpack mends both."
            ),
            Self::RestartsItself(process) => write!(
                f,
                "live-reload: warning: The process `{process}` runs watchexec itself, so that each \
                 change restarts it twice.\n\
                 Start it by its own type: docker run --entrypoint {process} IMAGE"
            ),
            Self::NoWatch { limit } => write!(
                f,
                "live-reload: warning: This user has no inotify watch left{}, so most changes will \
                 go unseen.\n\
                 Containers of the same user share them with the programs of the host. Raise the \
                 limit on the host, for example with `sysctl fs.inotify.max_user_watches=524288`, \
                 or do without: {}",
                Limit(*limit),
                PollInstead
            ),
            Self::Unreported(Unreported { path, file_system }) => write!(
                f,
                "live-reload: warning: {} is on {file_system}, which may not report changes that \
                 are made outside of this container.\n\
                 If they go unseen: {}",
                path.display(),
                PollInstead
            ),
        }
    }
}

/// A limit of the system, where it is known.
struct Limit(Option<usize>);

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => write!(f, " (the limit is {limit})"),
            None => Ok(()),
        }
    }
}

/// How to do without inotify.
struct PollInstead;

impl Display for PollInstead {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`docker run --entrypoint reload IMAGE {} 1s`, or {}=1s at build, looks for changes \
             itself.",
            Setting::Poll.argument(),
            Setting::Poll.variable()
        )
    }
}

/// Paths in a sentence.
struct Places<'a>(&'a [PathBuf]);

impl Display for Places<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, path) in self.0.iter().enumerate() {
            if index > 0 {
                write!(f, ", ")?;
            }
            write!(f, "{}", path.display())?;
        }
        Ok(())
    }
}

/// What `rm` could not do. Printed after `rm: `.
#[derive(Debug)]
pub(crate) enum RmProblem {
    /// An option that this rm does not have.
    UnknownOption(String),
    /// No path.
    NothingToRemove,
    /// One path.
    Path(PathBuf, io::Error),
}

impl Display for RmProblem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOption(option) => write!(
                f,
                "unknown option '{option}'\n\
                 This rm is part of live-reload and serves tools that sync files. It accepts -r, \
                 -f, -v and their long forms. For more, use a run image with an rm of its own."
            ),
            Self::NothingToRemove => write!(f, "there is nothing to remove: give paths"),
            Self::Path(path, error) => write!(f, "cannot remove '{}': {error}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
