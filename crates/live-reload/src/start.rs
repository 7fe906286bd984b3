//! The `reload` process from its command line to its end.

use crate::checks;
use crate::environment::Environment;
use crate::file_system;
use crate::image::Image;
use crate::inotify::{self, Shortage};
use crate::launch::Launch;
use crate::metadata::{Metadata, Process};
use crate::signals::Signals;
use crate::supervise::{self, Stop, SuperviseError};
use crate::texts::{Notice, Problem, USAGE, answer, tell};
use crate::watchexec;
use reload_options::{Request, Settings};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The launcher's default of `CNB_EXEC_ENV` (platform specification, "Launcher").
const DEFAULT_EXECUTION_ENVIRONMENT: &str = "production";

/// Restarts a process whenever files change, until this program is told to stop; or prints
/// its usage or its version.
///
/// The exit status is that of the process; 1 where it cannot be started, 2 where the arguments
/// cannot be used.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let result = match Request::from_arguments(arguments) {
        Ok(Request::Reload(settings)) => restart(&settings),
        Ok(Request::Help) => {
            answer(USAGE);
            Ok(0)
        }
        Ok(Request::Version) => {
            answer(concat!(
                env!("CARGO_BIN_NAME"),
                " ",
                env!("CARGO_PKG_VERSION")
            ));
            Ok(0)
        }
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(problem) => {
            tell(&problem);
            ExitCode::from(problem.exit_status())
        }
    }
}

fn restart(settings: &Settings) -> Result<u8, Problem> {
    // From here on, so that a stop that comes while things are being found is not lost.
    let mut signals = Signals::listen().map_err(SuperviseError::Signals)?;
    let ready = prepare(settings, &mut signals);
    // The process has not been started, so the status can only tell of the signal.
    if let Some(signal) = signals.stop() {
        return Ok(supervise::status_of_signal(signal as i32));
    }
    let (watchexec, stop) = ready?;
    Ok(supervise::run(watchexec, stop, &mut signals)?)
}

/// Finds all that is needed. Gives watchexec, ready to be started, and how the process is stopped.
fn prepare(settings: &Settings, signals: &mut Signals) -> Result<(Command, Stop), Problem> {
    let image = Image::find().map_err(Problem::NoAppDirectory)?;
    let metadata = Metadata::read(&image.metadata()).map_err(|error| Problem::Metadata {
        file: image.metadata(),
        error,
    })?;
    let environment = Environment::current();
    let process = find_process(settings, &metadata, &environment)?;
    let launch =
        Launch::prepare(process, &metadata, &image, environment, signals).map_err(|error| {
            Problem::Launch {
                process: settings.process.clone(),
                error,
            }
        })?;
    let watch = find_problems(settings, &image, &launch)?;
    let program =
        watchexec::find(&image, launch.environment.get("PATH")).ok_or(Problem::NoWatchexec)?;
    tell(Notice::Restarting {
        process: &settings.process,
        command: &process.command_line,
        watch: &watch,
    });
    Ok((
        watchexec::command(&program, settings, &watch, &image.app, &launch),
        Stop {
            signal: settings.signal.signal(),
            timeout: settings.stop_timeout.duration(),
        },
    ))
}

fn find_process<'a>(
    settings: &Settings,
    metadata: &'a Metadata,
    environment: &Environment,
) -> Result<&'a Process, Problem> {
    let execution_environment = environment
        .get("CNB_EXEC_ENV")
        .and_then(|value| value.to_str())
        .filter(|value| !value.is_empty())
        .unwrap_or(DEFAULT_EXECUTION_ENVIRONMENT);
    metadata
        .process(settings.process.as_str(), execution_environment)
        .map_err(|reason| Problem::NoProcess {
            wanted: settings.process.clone(),
            execution_environment: execution_environment.to_owned(),
            reason,
        })
}

/// Finds what would fail silently. Gives the paths to watch; what is no more than a risk is told
/// on the way.
fn find_problems(
    settings: &Settings,
    image: &Image,
    launch: &Launch,
) -> Result<Vec<PathBuf>, Problem> {
    if !launch.working_directory.is_dir() {
        return Err(Problem::NoWorkingDirectory {
            process: settings.process.clone(),
            directory: launch.working_directory.clone(),
        });
    }
    if launch.through_launcher {
        tell(Notice::ThroughLauncher(&settings.process));
    } else {
        checks::program(launch).map_err(|error| Problem::Program {
            process: settings.process.clone(),
            error,
        })?;
    }
    if runs_watchexec(launch) {
        tell(Notice::RestartsItself(&settings.process));
    }
    let watch = checks::watch_paths(&settings.watch, &image.app).map_err(Problem::WatchPaths)?;
    if settings.poll.is_none() {
        let path = watch.first().unwrap_or(&image.app);
        match inotify::check(path) {
            Ok(()) => {}
            Err(Shortage::Instances { limit }) => return Err(Problem::NoInstance { limit }),
            Err(Shortage::Watches { limit }) => {
                tell(Notice::NoWatch { limit });
            }
        }
        for place in file_system::unreported(&watch) {
            tell(Notice::Unreported(&place));
        }
    }
    Ok(watch)
}

/// Whether the buildpack of the process lets watchexec restart it already.
fn runs_watchexec(launch: &Launch) -> bool {
    launch
        .command
        .first()
        .is_some_and(|program| Path::new(program).ends_with("watchexec"))
}
