//! The layer with `live-reload`, and the processes that it serves.
//!
//! The program is in the buildpack, so the layer is launch-only: a build that finds it in the
//! previous image writes no content.

use super::layer::{Layer, LayerError, Restored};
use libcnb::data::buildpack::Buildpack;
use libcnb::data::launch::{Launch, LaunchBuilder, ProcessBuilder, ProcessType, ProcessTypeError};
use libcnb::data::layer_content_metadata::LayerTypes;
use libcnb::data::process_type;
use reload_options::{ProcessChoice, SYNC_TOOLS, Settings};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use watchexec_release::checksum::{self, Checksum, CopyError};
use watchexec_release::files;
use watchexec_release::sbom::{DescribedFile, Subject, documents};

const NAME: &str = "live-reload";
/// The program, in the buildpack's directory and in the layer.
const PROGRAM: &str = "bin/live-reload";

/// The processes that `live-reload` serves in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Processes {
    /// The settings of the `reload` process, where there is one.
    pub reload: Option<Settings>,
    /// Whether `tar` and `rm` are process types.
    pub sync_tools: bool,
}

/// The layer's metadata, which decides whether it can be kept.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    /// Of the program.
    checksum: Checksum,
    /// The serial number of the SBOMs.
    sbom: String,
}

/// Why `live-reload` cannot be put into its layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveReloadError {
    /// The layer's files.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The program is not in the buildpack, or cannot be copied.
    #[error("{path}: {error}")]
    Program { path: PathBuf, error: CopyError },
    /// libcnb refuses a process type.
    #[error(transparent)]
    ProcessType(#[from] ProcessTypeError),
}

impl Processes {
    /// Decides which processes there are.
    ///
    /// A buildpack that requires watchexec restarts its process by itself, and a second process that
    /// restarts it too would only confuse. So there is a `reload` process if no other buildpack
    /// requires watchexec, or if the user names the type to restart.
    pub(crate) fn decide(
        choice: ProcessChoice,
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
    /// None that a user could cause: the types are fixed.
    pub(crate) fn launch(&self) -> Result<Launch, LiveReloadError> {
        let mut launch = LaunchBuilder::new();
        if let Some(settings) = &self.reload {
            launch.process(
                ProcessBuilder::new(process_type!("reload"), settings.command())
                    .default(true)
                    .build(),
            );
        }
        if self.sync_tools {
            for tool in SYNC_TOOLS {
                let kind: ProcessType = tool.parse()?;
                let command = [reload_options::PROGRAM, tool];
                launch.process(ProcessBuilder::new(kind, command).build());
            }
        }
        Ok(launch.build())
    }

    /// Keeps the layer of an earlier build, or makes it anew, if a process needs it.
    ///
    /// # Errors
    /// The program is not in the buildpack, or the layer cannot be written.
    pub(crate) fn provide_layer(
        &self,
        buildpack: &Buildpack,
        buildpack_dir: &Path,
        layers_dir: &Path,
    ) -> Result<(), LiveReloadError> {
        if self.reload.is_none() && !self.sync_tools {
            return Ok(());
        }
        let layer = Layer::new(layers_dir, NAME);
        let program = buildpack_dir.join(PROGRAM);
        let checksum = read(&program, &mut io::sink())?;
        let file = DescribedFile {
            path: PROGRAM,
            checksum,
        };
        let subject = Subject::part(buildpack, NAME, vec![file]);
        let metadata = Metadata {
            checksum,
            sbom: subject.identity().to_string(),
        };
        let kept = matches!(layer.restored::<Metadata>()?,
            Restored::Metadata(earlier) if earlier == metadata)
            && !layer.has_content();
        if !kept {
            layer.empty()?;
            let mut copy =
                files::create(&layer.path(), PROGRAM, 0o755).map_err(|error| LayerError {
                    path: layer.path().join(PROGRAM),
                    error,
                })?;
            read(&program, &mut copy)?;
        }
        if !kept || !layer.has_sboms() {
            layer.write_sboms(&documents(&subject))?;
        }
        let types = LayerTypes {
            launch: true,
            build: false,
            cache: false,
        };
        Ok(layer.write_metadata(types, metadata)?)
    }
}

/// Copies the program and returns its checksum.
fn read(program: &Path, to: &mut impl io::Write) -> Result<Checksum, LiveReloadError> {
    let copied = File::open(program)
        .map_err(CopyError::Read)
        .and_then(|mut file| checksum::copy(&mut file, to));
    let (_, checksum) = copied.map_err(|error| LiveReloadError::Program {
        path: program.to_owned(),
        error,
    })?;
    Ok(checksum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(choice: ProcessChoice, required_by_others: bool) -> bool {
        Processes::decide(choice, &Settings::default(), false, required_by_others)
            .reload
            .is_some()
    }

    #[test]
    fn adds_reload_where_no_other_buildpack_restarts_or_the_user_asks() {
        for (choice, alone, beside_others) in [
            (ProcessChoice::Unset, true, false),
            (ProcessChoice::None, false, false),
            (ProcessChoice::Named, true, true),
        ] {
            assert_eq!(decide(choice, false), alone, "{choice:?}");
            assert_eq!(decide(choice, true), beside_others, "{choice:?}");
        }
    }

    #[test]
    fn writes_its_processes_to_launch_toml() {
        let processes = Processes {
            reload: Some(Settings::default()),
            sync_tools: true,
        };
        insta::assert_snapshot!(toml::to_string(&processes.launch().unwrap()).unwrap());
        let none = Processes {
            reload: None,
            sync_tools: false,
        };
        assert_eq!(toml::to_string(&none.launch().unwrap()).unwrap(), "");
    }
}
