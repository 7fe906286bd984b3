//! The location of watchexec, and its command line.

use crate::announce;
use crate::image::{Image, WATCHEXEC, find_program, is_executable};
use crate::launch::Launch;
use reload_options::Settings;
use reload_options::ignore::DEFAULT_PATTERNS;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The watchexec in the layer of this buildpack, else the first on the `PATH`.
pub(crate) fn find(image: &Image, path: Option<&OsStr>) -> Option<PathBuf> {
    let own = image
        .own_layers
        .as_ref()
        .map(|layers| layers.join(WATCHEXEC).join("bin").join(WATCHEXEC));
    own.filter(|program| is_executable(program))
        .or_else(|| find_program(WATCHEXEC, path?))
}

/// The command that runs a process of this type, and restarts it after each change, and the directory for the
/// files of its changes.
pub(crate) fn command(
    program: &Path,
    settings: &Settings,
    watch: &[PathBuf],
    image: &Image,
    r#type: &str,
    launch: &Launch,
) -> (Command, Option<TempDir>) {
    let mut command = Command::new(program);
    command
        .args(arguments(settings, watch, &image.app))
        .arg("--");
    // watchexec passes its environment on to the process.
    launch.prepare_to_run(&mut command);
    let directory = image.program.as_ref().and_then(|own| {
        let debounce = &settings.debounce;
        announce::add(&mut command, own, r#type, &image.app, debounce)
    });
    command.args(&launch.command);
    (command, directory)
}

/// The options, all of which every watchexec from 2.0.0 on has.
fn arguments(settings: &Settings, watch: &[PathBuf], app_directory: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![
        "--restart".into(),
        // Starts are announced instead, with the files that have changed.
        "--quiet".into(),
        "--emit-events-to=file".into(),
        // The command is a list: a shell would need quoting, and tiny images have none.
        "--shell=none".into(),
        // .gitignore lists build outputs, which are the very files that tools sync. The search for
        // .gitignore files also slows down the first start with thousands of directories.
        "--no-discover-ignore".into(),
        // The directory that patterns are relative to. Without it watchexec guesses, and a HOME
        // that does not exist is an error.
        option("--project-origin", app_directory.as_os_str()),
        // The signals of a terminal (Ctrl-C, Ctrl-\\, its end, Ctrl-Z) reach watchexec too. The first
        // three are for this program to act on; the last would halt watchexec for good, since
        // no shell in a container wakes it.
        "--map-signal=INT:".into(),
        "--map-signal=QUIT:".into(),
        "--map-signal=HUP:".into(),
        "--map-signal=TSTP:".into(),
    ];
    for path in watch {
        arguments.push(option("--watch", path.as_os_str()));
    }
    // The last pattern that matches counts, so that the user's can take one of ours back.
    for pattern in DEFAULT_PATTERNS {
        arguments.push(option("--ignore", pattern.as_ref()));
    }
    for pattern in &settings.ignore {
        arguments.push(option("--ignore", pattern.below(app_directory).as_ref()));
    }
    for (name, value) in [
        ("--stop-signal", settings.signal.to_string()),
        ("--stop-timeout", settings.stop_timeout.to_string()),
        ("--debounce", settings.debounce.to_string()),
    ] {
        arguments.push(option(name, value.as_ref()));
    }
    if let Some(interval) = &settings.poll {
        arguments.push(option("--poll", interval.to_string().as_ref()));
    }
    arguments
}

/// One argument, so that no value can be taken for an option or for a file of arguments.
fn option(name: &str, value: &OsStr) -> OsString {
    let mut argument = OsString::from(name);
    argument.push("=");
    argument.push(value);
    argument
}
