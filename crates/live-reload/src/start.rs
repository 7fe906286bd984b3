//! The `reload` process from its command line to its end.

use crate::children::status_of_signal;
use crate::image::Image;
use crate::launch::Launch;
use crate::launch::choice;
use crate::launch::metadata::{Metadata, Process};
use crate::launch::program;
use crate::output::{help, log, print, warn};
use crate::problem::Problem;
use crate::signals::Signals;
use crate::supervise;
use crate::supervise::supervisor::Reloaded;
use crate::supervise::wrapped;
use crate::watch::file_system;
use crate::watch::inotify::{self, Shortage};
use crate::watch::root::Root;
use crate::watch::watchexec;
use printable::printable;
use reload_options::process_type::ProcessType;
use reload_options::{Request, Setting, Settings};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
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
        Ok(Request::Help(settings)) => {
            print(help(&settings));
            Ok(0)
        }
        Ok(Request::Version) => {
            print(concat!(
                env!("CARGO_BIN_NAME"),
                " ",
                env!("CARGO_PKG_VERSION")
            ));
            Ok(0)
        }
        Err(error) => Err(error.into()),
    };
    status(result)
}

/// Ends this program: logs the error, if there is one.
pub(crate) fn status(result: Result<u8, Problem>) -> ExitCode {
    match result {
        Ok(status) => ExitCode::from(status),
        Err(problem) => {
            log(format_args!("live-reload: error: {problem}"));
            ExitCode::from(problem.exit_status())
        }
    }
}

fn restart(settings: &Settings) -> Result<u8, Problem> {
    // Before anything else, so that a stop during the preparation is not lost.
    let mut signals = Signals::listen().map_err(Problem::Signals)?;
    let ready = prepare(settings, &mut signals);
    // The process has not been started, so the status can only tell of the signal.
    if let Some(signal) = signals.stop() {
        return Ok(status_of_signal(signal as i32));
    }
    match ready? {
        Ready::Wrapped(command) => wrapped::run(command, settings, &mut signals),
        Ready::Reloaded(reloaded, roots) => {
            supervise::run(&reloaded, roots, settings, &mut signals)
        }
    }
}

/// A process that can be started.
enum Ready {
    /// It runs watchexec itself.
    Wrapped(Command),
    /// This program reloads it.
    Reloaded(Reloaded, Vec<Root>),
}

/// Prepares the start of the process, and logs which one that is.
fn prepare(settings: &Settings, signals: &mut Signals) -> Result<Ready, Problem> {
    let image = Image::find().map_err(Problem::NoAppDirectory)?;
    let file = image.metadata();
    let metadata = Metadata::read(&file).map_err(|error| Problem::Metadata(file, error))?;
    let execution_environment = env::var("CNB_EXEC_ENV").unwrap_or_default();
    let execution_environment = match execution_environment.as_str() {
        "" => DEFAULT_EXECUTION_ENVIRONMENT,
        given => given,
    };
    let named = settings.process.as_ref().map(ProcessType::as_str);
    let (chosen, reason) = choice::choose(&metadata.processes, named, execution_environment)?;
    let process = &mut chosen.clone();
    if let Some(arguments) = &settings.arguments {
        process.replace_arguments(arguments);
    }
    let process = &*process;
    let launch = Launch::prepare(process, &metadata, &image, signals)
        .map_err(|error| Problem::Launch(process.r#type.clone(), error))?;
    check_launch(process, &launch, &image)?;
    if process.runs_watchexec() {
        log(format_args!(
            "live-reload: starting {} ({reason}), which reloads itself: {}",
            process.r#type,
            printable(&chosen.command_line.join(" "))
        ));
        warn_of_unused(&process.r#type, settings);
        return Ok(Ready::Wrapped(launch.command()));
    }
    let roots = Root::all(&settings.watch, &image.app).map_err(Problem::WatchPaths)?;
    let warnings = match settings.poll {
        None => check_events(&image, &roots)?,
        Some(_) => Vec::new(),
    };
    let path = launch.environment.get(OsStr::new("PATH"));
    let watchexec = watchexec::find(&image, path.map(OsString::as_os_str));
    let watchexec = watchexec.ok_or(Problem::NoWatchexec)?;
    let paths: Vec<String> = roots
        .iter()
        .map(|root| printable(&root.path).to_string())
        .collect();
    log(format_args!(
        "live-reload: restarting {} ({reason}) when files change in {}",
        process.r#type,
        paths.join(", ")
    ));
    warnings.into_iter().for_each(warn);
    let reloaded = Reloaded {
        r#type: process.r#type.clone(),
        launch,
        image,
        watchexec,
    };
    Ok(Ready::Reloaded(reloaded, roots))
}

/// Checks that the process can be started.
fn check_launch(process: &Process, launch: &Launch, image: &Image) -> Result<(), Problem> {
    let r#type = process.r#type.clone();
    // A shell that cannot change to it would run the process in the app directory.
    let directory = process.working_directory.as_deref().unwrap_or_default();
    let directory = image.app.join(directory);
    if !directory.is_dir() {
        return Err(Problem::NoWorkingDirectory(r#type, directory));
    }
    program::check(launch).map_err(|error| {
        if process.direct {
            Problem::Program(r#type, error)
        } else {
            Problem::NoBash(r#type)
        }
    })
}

/// Warns of changed settings that have no effect, since the process runs watchexec itself.
fn warn_of_unused(r#type: &str, settings: &Settings) {
    let unused: Vec<String> = Setting::ALL
        .iter()
        .filter(|setting| setting.variable != Setting::PROCESS.variable)
        .filter(|setting| setting.is_changed(settings))
        .map(|setting| match setting.argument {
            "--signal" | "--stop-timeout" => {
                format!("{} (except when the container stops)", setting.variable)
            }
            _ => setting.variable.to_owned(),
        })
        .collect();
    if !unused.is_empty() {
        warn(format_args!(
            "The process `{type}` runs watchexec itself, so these settings have no effect: {}.\n\
             To restart another process with them: docker run --entrypoint reload IMAGE TYPE",
            unused.join(", ")
        ));
    }
}

/// Checks that the kernel reports changes, and gives a warning for each place where it may not.
///
/// # Errors
/// No file can be watched.
fn check_events(image: &Image, roots: &[Root]) -> Result<Vec<String>, Problem> {
    let watch: Vec<PathBuf> = roots.iter().map(|root| root.path.clone()).collect();
    let shortage = match inotify::check(watch.first().unwrap_or(&image.app)) {
        Err(shortage @ Shortage::Instances(_)) => return Err(Problem::NoInstance(shortage)),
        Err(shortage @ Shortage::Watches(_)) => Some(shortage.to_string()),
        Ok(()) => None,
    };
    let unreported = file_system::unreported(&watch);
    let unreported = unreported.iter().map(ToString::to_string);
    Ok(shortage.into_iter().chain(unreported).collect())
}
