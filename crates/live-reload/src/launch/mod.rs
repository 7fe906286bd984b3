//! The launch of the process: the command, with the environment of its own buildpack applied once.
//!
//! [`metadata`] has the processes of the image, [`choice`] chooses one, [`environment`], [`exec_d`]
//! and [`shell`] do for it what the launcher does for all, and [`program`] checks that it can be
//! started.

pub(crate) mod choice;
pub(crate) mod environment;
pub(crate) mod exec_d;
pub(crate) mod metadata;
pub(crate) mod program;
pub(crate) mod shell;

use crate::image::Image;
use crate::signals::Signals;
use environment::{Environment, apply_directory, directories, files};
use exec_d::ExecDError;
use metadata::{Metadata, Process};
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A process, ready to be run any number of times.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// Program and arguments, not empty.
    pub(crate) command: Vec<String>,
    /// The directory in which it runs.
    pub(crate) working_directory: PathBuf,
    /// All its environment variables.
    pub(crate) environment: Environment,
    /// Precedes a command that runs in the process's environment: for a shell process, the shell
    /// that sources the profile scripts; otherwise empty.
    pub(crate) prefix: Vec<String>,
}

/// Why a process cannot be launched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// Its entry in metadata.toml has no command.
    #[error("it has no command")]
    NoCommand,
    /// A directory of its layers cannot be read.
    #[error("its environment in {0} cannot be read ({1})")]
    Environment(PathBuf, io::Error),
    /// An exec.d program of the type fails.
    #[error("{0}: {1}")]
    ExecD(PathBuf, ExecDError),
}

impl Launch {
    /// Prepares a process.
    ///
    /// The command of a direct process is run as it is, and that of a shell process by a shell, as
    /// by the launcher.
    ///
    /// # Errors
    /// The process, its environment or its exec.d programs are broken.
    pub(crate) fn prepare(
        process: &Process,
        metadata: &Metadata,
        image: &Image,
        signals: &mut Signals,
    ) -> Result<Self, LaunchError> {
        if process.command_line.is_empty() {
            return Err(LaunchError::NoCommand);
        }
        let mut environment: Environment = env::vars_os().collect();
        let layers = layers(metadata, image)?;
        for layer in &layers {
            let directory = layer.join("env.launch").join(&process.r#type);
            apply_directory(&mut environment, &directory)
                .map_err(|error| LaunchError::Environment(directory, error))?;
        }
        for layer in &layers {
            let directory = layer.join("exec.d").join(&process.r#type);
            let programs =
                files(&directory).map_err(|error| LaunchError::Environment(directory, error))?;
            for program in programs {
                exec_d::run(&program, &image.app, &mut environment, signals)
                    .map_err(|error| LaunchError::ExecD(program, error))?;
            }
        }
        let (command, working_directory, prefix) = if process.direct {
            let directory = process.working_directory.as_deref().unwrap_or_default();
            let directory = image.app.join(directory);
            (process.command_line.clone(), directory, Vec::new())
        } else {
            let profiles = shell::profiles(&layers, &process.r#type)
                .map_err(|(directory, error)| LaunchError::Environment(directory, error))?;
            // The profile scripts run in the app directory, and the shell changes to the other.
            let command = shell::command(process, &profiles, &image.app);
            let prefix = shell::prefix(&process.r#type, &profiles, &image.app);
            (command, image.app.clone(), prefix)
        };
        Ok(Self {
            command,
            working_directory,
            environment,
            prefix,
        })
    }

    /// The launch of a different command in the environment of the process, but in the app
    /// directory.
    pub(crate) fn with_command(&self, command: &[String], app: &Path) -> Self {
        Self {
            command: [&self.prefix, command].concat(),
            working_directory: app.to_owned(),
            ..self.clone()
        }
    }

    /// The command of the process.
    pub(crate) fn command(&self) -> Command {
        let (program, arguments) = self.command.split_first().unzip();
        let mut command = Command::new(program.map_or("", String::as_str));
        command
            .args(arguments.unwrap_or_default())
            .current_dir(&self.working_directory)
            .env_clear()
            .envs(&self.environment);
        command
    }
}

/// All layers of the image, in the order in which the launcher goes through them: that of the
/// buildpacks, then that of their names.
fn layers(metadata: &Metadata, image: &Image) -> Result<Vec<PathBuf>, LaunchError> {
    let mut layers = Vec::new();
    for buildpack in &metadata.buildpacks {
        let directory = image.layers.join(buildpack);
        layers.extend(
            directories(&directory).map_err(|error| LaunchError::Environment(directory, error))?,
        );
    }
    Ok(layers)
}
