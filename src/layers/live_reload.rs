//! The layer with `live-reload`, and the processes that run it.
//!
//! The program is part of the buildpack, so the layer is launch-only: a rebuild takes it over from
//! the previous image and writes no content.

use super::layer::Layer;
use crate::errors::Error;
use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use libcnb::data::buildpack::Buildpack;
use libcnb::data::launch::{Launch, LaunchBuilder, ProcessBuilder};
use libcnb::data::process_type;
use reload_options::Settings;
use serde::{Deserialize, Serialize};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use watchexec_release::checksum::Checksum;
use watchexec_release::files;
use watchexec_release::sbom::subject::Subject;
use watchexec_release::sbom::{crates, identity};

const NAME: &str = "live-reload";
/// The program, in the buildpack's directory and in the layer.
const PROGRAM: &str = "bin/live-reload";
/// A directory that comes before all others on the PATH. It contains `live-reload` under the name
/// of watchexec, so that processes that run watchexec themselves run `live-reload`, which stops
/// them as they ask.
const INIT: &str = "init";

/// The processes that `live-reload` serves in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Processes {
    /// The settings of the `reload` process, unless the user wants none.
    pub reload: Option<Settings>,
    /// Whether `reload` is the default process. It is not if another buildpack requires watchexec:
    /// that buildpack has its own process for reloading.
    pub reload_is_default: bool,
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

impl Processes {
    /// The processes, for launch.toml.
    pub(crate) fn launch(&self) -> Launch {
        let mut launch = LaunchBuilder::new();
        if let Some(settings) = &self.reload {
            launch.process(
                ProcessBuilder::new(process_type!("reload"), settings.command())
                    .default(self.reload_is_default)
                    .build(),
            );
        }
        if self.sync_tools {
            for (kind, tool) in [(process_type!("tar"), "tar"), (process_type!("rm"), "rm")] {
                let command = [reload_options::PROGRAM, tool];
                launch.process(ProcessBuilder::new(kind, command).build());
            }
        }
        launch.build()
    }

    /// Keeps or writes the layer, if a process needs it.
    ///
    /// # Errors
    /// The program is not in the buildpack, or the layer cannot be written.
    pub(crate) fn provide_layer(
        &self,
        buildpack: &Buildpack,
        buildpack_dir: &Path,
        layers_dir: &Path,
    ) -> Result<(), Error> {
        if self.reload.is_none() && !self.sync_tools {
            return Ok(());
        }
        let layer = Layer::new(layers_dir, NAME, buildpack);
        let source = buildpack_dir.join(PROGRAM);
        let program = fs::read(&source).map_err(Error::Package)?;
        let checksum = Checksum::of(&program);
        let mut subject = Subject::part(buildpack, NAME, vec![(PROGRAM, checksum)]);
        let metadata = Metadata {
            checksum,
            sbom: identity(&subject).to_string(),
        };
        let is_kept = matches!(layer.restored::<Metadata>(), Some(Ok(earlier)) if earlier == metadata)
            && !layer.has_content()
            && layer.has_sboms();
        if !is_kept {
            layer.empty()?;
            files::create(&layer.path(), PROGRAM, 0o755, &program)?;
            put_before_watchexec(&layer.path())?;
            let crates = crates::listed_beside(&source).map_err(Error::Package)?;
            subject.crates = crates.as_deref();
            layer.write_sboms(&subject)?;
        }
        Ok(layer.write_metadata(false, false, metadata)?)
    }
}

/// Makes processes find `live-reload` where they look for watchexec. The launcher applies
/// `env.launch` of a buildpack's layers after it has added all their `bin` to the PATH (CNB
/// buildpack spec, "Environment").
fn put_before_watchexec(layer: &Path) -> io::Result<()> {
    let init = layer.join(INIT);
    fs::create_dir(&init)?;
    // Whatever the umask.
    fs::set_permissions(&init, Permissions::from_mode(0o755))?;
    symlink(format!("../{PROGRAM}"), init.join("watchexec"))?;
    let path = init.as_os_str().as_encoded_bytes();
    files::create(layer, "env.launch/PATH.prepend", 0o644, path)?;
    files::create(layer, "env.launch/PATH.delim", 0o644, b":")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_its_processes_to_launch_toml() {
        let processes = Processes {
            reload: Some(Settings::default()),
            reload_is_default: true,
            sync_tools: true,
        };
        insta::assert_snapshot!(toml::to_string(&processes.launch()).unwrap());
        let none = Processes {
            reload: None,
            reload_is_default: true,
            sync_tools: false,
        };
        assert_eq!(toml::to_string(&none.launch()).unwrap(), "");
    }
}
