//! Docker Compose: the plugin that the docker client has, or one built from `e2e/compose`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use crate::command::output;
use crate::directories::Directories;
use crate::go;

/// A Compose that has `up --watch`.
#[derive(Debug)]
pub(crate) struct Compose {
    version: String,
    /// The folder of the docker client's configuration in which the plugin is, if it was built.
    configuration: Option<PathBuf>,
}

impl Compose {
    /// Finds or builds it.
    pub(crate) fn provide(directories: &Directories) -> Result<Self> {
        let version = || output(Command::new("docker").args(["compose", "version", "--short"]));
        let help = output(Command::new("docker").args(["compose", "up", "--help"]));
        if let Ok(version) = version()
            && help.is_ok_and(|help| help.contains("--watch"))
        {
            return Ok(Self {
                version,
                configuration: None,
            });
        }
        let configuration = directories.target("docker");
        let plugins = configuration.join("cli-plugins");
        fs::create_dir_all(&plugins)?;
        let version = go::compose(&plugins.join("docker-compose"), directories)?;
        Ok(Self {
            version,
            configuration: Some(configuration),
        })
    }

    /// Its version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The variables by which the docker client finds it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let folder = self.configuration.iter();
        folder
            .map(|folder| ("DOCKER_CONFIG", folder.display().to_string()))
            .collect()
    }
}
