//! The command of a shell process: a script, or a program with arguments that a shell evaluates
//! (`direct = false`). Buildpacks with an API below 0.9 contribute them.
//!
//! The launcher has applied the environment of all layers, and has run their exec.d programs. It
//! sources their profile scripts for shell processes only, so this program has to (platform
//! specification, "Launch"; lifecycle, `launch/shell.go` and `launch/bash.go`). The scripts are
//! part of the command, so that each restart runs them again, while a second launcher would also
//! apply the environment again and run all exec.d programs at each restart.

use super::environment::files;
use super::metadata::Process;
use std::io;
use std::path::{Path, PathBuf};

/// The shell, by the path at which the launcher expects it.
pub(crate) const BASH: &str = "/bin/bash";

/// The links to the launcher, one for each process type. Profile scripts see that of the type as
/// `$0`.
const PROCESSES: &str = "/cnb/process";

/// The profile scripts of a type, in the order of the layers.
///
/// # Errors
/// A directory cannot be read.
pub(crate) fn profiles(
    layers: &[PathBuf],
    r#type: &str,
) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut profiles = Vec::new();
    for layer in layers {
        let general = layer.join("profile.d");
        let of_type = general.join(r#type);
        for directory in [general, of_type] {
            profiles.extend(files(&directory).map_err(|error| (directory, error))?);
        }
    }
    Ok(profiles)
}

/// The command that sources the scripts and runs the process in a shell of its own, which sees
/// only what the scripts have exported.
pub(crate) fn command(process: &Process, profiles: &[PathBuf], app: &Path) -> Vec<String> {
    let directory = process.working_directory.as_deref().map_or(app, Path::new);
    let run = match process.command_line.len() {
        0 | 1 => "exec bash -c \"$@\"".to_owned(),
        // The inner shell expands each token to one word.
        tokens => {
            let words: Vec<String> = (0..tokens)
                .map(|token| format!(r#""$(eval echo \"${{{token}}}\")""#))
                .collect();
            format!("exec bash -c '{}' \"$@\"", words.join(" "))
        }
    };
    let mut command = sourced(&process.r#type, profiles, directory, &run);
    command.extend_from_slice(&process.command_line);
    command
}

/// The start of a command line that runs the words after it in the environment of a shell process.
pub(crate) fn prefix(r#type: &str, profiles: &[PathBuf], app: &Path) -> Vec<String> {
    sourced(r#type, profiles, app, "exec \"$@\"")
}

/// A shell command that sources the scripts, changes to the directory, and executes `run`.
fn sourced(r#type: &str, profiles: &[PathBuf], directory: &Path, run: &str) -> Vec<String> {
    let profiles = profiles.iter();
    let mut script: Vec<String> = profiles
        .map(|profile| format!("source \"{}\"", profile.display()))
        .collect();
    // A sync may add or delete it between two starts.
    script.push("if [ -f .profile ]; then source ./.profile; fi".to_owned());
    script.push(format!("cd \"{}\"", directory.display()));
    script.push(run.to_owned());
    vec![
        BASH.to_owned(),
        "-c".to_owned(),
        script.join("; "),
        format!("{PROCESSES}/{}", r#type),
    ]
}
