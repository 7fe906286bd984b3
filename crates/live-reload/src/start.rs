//! The `reload` process from its command line to its end.

use crate::checks;
use crate::file_system;
use crate::image::Image;
use crate::inotify::{self, Shortage};
use crate::launch::Launch;
use crate::metadata::Metadata;
use crate::problem::Problem;
use crate::signals::Signals;
use crate::supervise::{self, SuperviseError};
use crate::texts::{USAGE, answer, tell, warn};
use crate::watchexec;
use reload_options::process_type::ProcessType;
use reload_options::{Request, Settings};
use std::env;
use std::ffi::{OsStr, OsString};
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
            tell(format_args!("live-reload: error: {problem}"));
            ExitCode::from(problem.exit_status())
        }
    }
}

fn restart(settings: &Settings) -> Result<u8, Problem> {
    // Before anything else, so that a stop during the preparation is not lost.
    let mut signals = Signals::listen().map_err(SuperviseError::Signals)?;
    let ready = prepare(settings, &mut signals);
    // The process has not been started, so the status can only tell of the signal.
    if let Some(signal) = signals.stop() {
        return Ok(supervise::status_of_signal(signal as i32));
    }
    Ok(supervise::run(ready?, settings, &mut signals)?)
}

/// Prepares watchexec to be started, and logs the process that it restarts.
fn prepare(settings: &Settings, signals: &mut Signals) -> Result<Command, Problem> {
    let image = Image::find().map_err(Problem::NoAppDirectory)?;
    let file = image.metadata();
    let metadata = Metadata::read(&file).map_err(|error| Problem::Metadata(file, error))?;
    let execution_environment = env::var("CNB_EXEC_ENV").unwrap_or_default();
    let execution_environment = match execution_environment.as_str() {
        "" => DEFAULT_EXECUTION_ENVIRONMENT,
        given => given,
    };
    let r#type = &settings.process;
    let process = metadata.process(r#type.as_str(), execution_environment)?;
    let launch = Launch::prepare(process, &metadata, &image, signals)
        .map_err(|error| Problem::Launch(r#type.clone(), error))?;
    check_launch(r#type, &launch)?;
    let watch = checks::watch_paths(&settings.watch, &image.app).map_err(Problem::WatchPaths)?;
    if settings.poll.is_none() {
        check_events(&image, &watch)?;
    }
    let path = launch.environment.get(OsStr::new("PATH"));
    let program = watchexec::find(&image, path.map(OsString::as_os_str));
    let program = program.ok_or(Problem::NoWatchexec)?;
    let paths: Vec<String> = watch
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    tell(format_args!(
        "live-reload: `{}` ({}) restarts when files change in {}",
        r#type,
        process.command_line.join(" "),
        paths.join(", ")
    ));
    Ok(watchexec::command(
        &program, settings, &watch, &image.app, &launch,
    ))
}

/// Checks that the process can be started, and warns of a second launcher or a second watchexec.
fn check_launch(r#type: &ProcessType, launch: &Launch) -> Result<(), Problem> {
    if !launch.working_directory.is_dir() {
        let directory = launch.working_directory.clone();
        return Err(Problem::NoWorkingDirectory(r#type.clone(), directory));
    }
    if launch.through_launcher {
        warn(format_args!(
            "The process `{type}` is a shell script of a buildpack with an API below 0.9, and runs \
             through a second launcher.\n\
             Variables that buildpacks append or prepend to, such as PATH, have their part twice in \
             it, and each restart runs the exec.d programs of all layers again. A newer release of \
             that buildpack fixes both.",
        ));
    } else {
        checks::program(launch).map_err(|error| Problem::Program(r#type.clone(), error))?;
    }
    let program = launch.command.first();
    if program.is_some_and(|program| Path::new(program).ends_with("watchexec")) {
        warn(format_args!(
            "The process `{type}` runs watchexec itself, so that each change restarts it twice.\n\
             Start it by its own type: docker run --entrypoint {type} IMAGE",
        ));
    }
    Ok(())
}

/// Checks that the kernel reports changes, and warns where it may not report all of them.
fn check_events(image: &Image, watch: &[PathBuf]) -> Result<(), Problem> {
    match inotify::check(watch.first().unwrap_or(&image.app)) {
        Err(shortage @ Shortage::Instances(_)) => return Err(Problem::NoInstance(shortage)),
        Err(shortage @ Shortage::Watches(_)) => warn(shortage),
        Ok(()) => {}
    }
    for place in file_system::unreported(watch) {
        warn(place);
    }
    Ok(())
}
