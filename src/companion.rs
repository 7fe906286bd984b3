//! The companion: the `reload` process, the sync tools, and the layer with the program that
//! serves as both.

use crate::checksum::{self, Checksum, CopyError};
use crate::error::Error;
use crate::layer::sboms;
use crate::release;
use crate::sbom::{DescribedFile, Subject};
use libcnb::Buildpack;
use libcnb::build::BuildContext;
use libcnb::data::launch::{Launch, LaunchBuilder, ProcessBuilder, ProcessType};
use libcnb::data::{layer_name, process_type};
use libcnb::layer::UncachedLayerDefinition;
use reload_options::{ProcessChoice, Settings, SyncTool};
use std::fs::File;
use std::path::{Path, PathBuf};

/// What it is called.
const NAME: &str = "live-reload";
/// The program, below the buildpack's directory and below its layer.
const PROGRAM: &str = "bin/live-reload";

/// What of the companion a build contributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// The settings of the `reload` process, where there is one.
    pub reload: Option<Settings>,
    /// Whether `tar` and `rm` are process types.
    pub sync_tools: bool,
}

/// The companion cannot be put into its layer.
#[derive(Debug, thiserror::Error)]
pub enum CompanionError {
    /// The program is not in the buildpack, or cannot be copied.
    #[error("{path}: {error}")]
    Program {
        /// Where it should be, in the buildpack or in its layer.
        path: PathBuf,
        /// What is wrong.
        error: CopyError,
    },
    /// A process type that libcnb does not take.
    #[error(transparent)]
    ProcessType(#[from] libcnb::data::launch::ProcessTypeError),
}

impl Companion {
    /// Decides what is contributed.
    ///
    /// A buildpack that requires watchexec restarts its process by itself, and a second process
    /// that restarts it once more would only confuse. So there is a `reload` process if nobody
    /// else requires watchexec, or if the user names the type to restart.
    #[must_use]
    pub fn decide(
        choice: &ProcessChoice,
        settings: &Settings,
        sync_tools: bool,
        required_by_others: bool,
    ) -> Self {
        let wanted = match choice {
            ProcessChoice::Unset => !required_by_others,
            ProcessChoice::None => false,
            ProcessChoice::Named => true,
        };
        Self {
            reload: wanted.then(|| settings.clone()),
            sync_tools,
        }
    }

    /// The processes, for launch.toml.
    ///
    /// # Errors
    /// None that a user could bring about: the types are fixed.
    pub fn launch(&self) -> Result<Launch, CompanionError> {
        let mut launch = LaunchBuilder::new();
        if let Some(settings) = &self.reload {
            launch.process(
                ProcessBuilder::new(process_type!("reload"), settings.command())
                    .default(true)
                    .build(),
            );
        }
        if self.sync_tools {
            for tool in SyncTool::ALL {
                let kind: ProcessType = tool.name().parse()?;
                launch.process(ProcessBuilder::new(kind, tool.command()).build());
            }
        }
        Ok(launch.build())
    }

    /// Makes the layer with the program and its SBOMs, if anything uses it. It is copied from the buildpack
    /// each time, which is faster than asking a cache for it.
    ///
    /// # Errors
    /// The program is not in the buildpack, or cannot be written.
    pub fn provide<B: Buildpack<Error = Error>>(
        &self,
        context: &BuildContext<B>,
    ) -> libcnb::Result<(), Error> {
        if self.reload.is_none() && !self.sync_tools {
            return Ok(());
        }
        let layer = context.uncached_layer(
            layer_name!("live-reload"),
            UncachedLayerDefinition {
                build: false,
                launch: true,
            },
        )?;
        let from = context.buildpack_dir.join(PROGRAM);
        let checksum = copy(&from, &layer.path()).map_err(|error| {
            let path = match error {
                CopyError::Read(_) => from,
                CopyError::Write(_) => layer.path().join(PROGRAM),
            };
            Error::Companion(CompanionError::Program { path, error })
        })?;
        let subject = Subject::part(
            &context.buildpack_descriptor.buildpack,
            NAME,
            vec![DescribedFile {
                path: PROGRAM,
                checksum,
            }],
        );
        layer.write_sboms(&sboms(&subject))
    }
}

fn copy(from: &Path, layer: &Path) -> Result<Checksum, CopyError> {
    let mut program = File::open(from).map_err(CopyError::Read)?;
    let mut copy = release::create(layer, PROGRAM, 0o755).map_err(CopyError::Write)?;
    let (_, checksum) = checksum::copy(&mut program, &mut copy)?;
    Ok(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(choice: &ProcessChoice, required_by_others: bool) -> bool {
        Companion::decide(choice, &Settings::default(), false, required_by_others)
            .reload
            .is_some()
    }

    #[test]
    fn a_process_is_contributed_where_nobody_else_restarts_or_the_user_asks() {
        for (choice, alone, beside_others) in [
            (&ProcessChoice::Unset, true, false),
            (&ProcessChoice::None, false, false),
            (&ProcessChoice::Named, true, true),
        ] {
            assert_eq!(decide(choice, false), alone, "{choice:?}");
            assert_eq!(decide(choice, true), beside_others, "{choice:?}");
        }
    }

    #[test]
    fn launch_toml_has_the_processes() {
        let companion = Companion {
            reload: Some(Settings::default()),
            sync_tools: true,
        };
        insta::assert_snapshot!(toml::to_string(&companion.launch().unwrap()).unwrap());
        let none = Companion {
            reload: None,
            sync_tools: false,
        };
        assert_eq!(toml::to_string(&none.launch().unwrap()).unwrap(), "");
    }
}
