//! The command of the process, with the environment of its own buildpack applied once.

use crate::environment::{Environment, apply_directory, directories, files};
use crate::exec_d::{self, ExecDError};
use crate::image::Image;
use crate::metadata::{Metadata, Process};
use crate::signals::Signals;
use std::env;
use std::io;
use std::path::PathBuf;

/// The directory in which the exporter makes a link to the launcher for each process type.
const PROCESSES: &str = "/cnb/process";

/// The Platform API for a nested launcher, which refuses to run without one, and removes it from the
/// environment of the process. 0.12 is supported from lifecycle 0.17 on; later ones change nothing for a
/// process that goes this way.
const PLATFORM_API: &str = "0.12";

/// A process, ready to be run any number of times.
#[derive(Debug)]
pub(crate) struct Launch {
    /// Program and arguments, not empty.
    pub(crate) command: Vec<String>,
    /// The directory in which it runs.
    pub(crate) working_directory: PathBuf,
    /// All its environment variables.
    pub(crate) environment: Environment,
    /// Whether the command starts a second launcher, which starts the process.
    pub(crate) through_launcher: bool,
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
    /// One of its exec.d programs fails.
    #[error("{0}: {1}")]
    ExecD(PathBuf, ExecDError),
}

impl Launch {
    /// Prepares a process.
    ///
    /// The command of a direct process is run as it is, as by the launcher. A shell process is a
    /// script that needs the profile.d scripts of all layers, so it goes through a second launcher,
    /// which applies the general environment again, as it cannot know of the first.
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
        if !process.direct {
            environment.extend([
                ("CNB_PLATFORM_API".into(), PLATFORM_API.into()),
                ("CNB_LAYERS_DIR".into(), image.layers.clone().into()),
                ("CNB_APP_DIR".into(), image.app.clone().into()),
            ]);
            return Ok(Self {
                command: vec![format!("{PROCESSES}/{}", process.r#type)],
                working_directory: image.app.clone(),
                environment,
                through_launcher: true,
            });
        }
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
        let working_directory = match &process.working_directory {
            None => image.app.clone(),
            Some(directory) => image.app.join(directory),
        };
        Ok(Self {
            command: process.command_line.clone(),
            working_directory,
            environment,
            through_launcher: false,
        })
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
