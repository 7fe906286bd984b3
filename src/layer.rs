//! The layer with watchexec: what is recorded of it, and when a cached one is kept.

use crate::checksum::Checksum;
use crate::dependency::{Dependency, Platform};
use crate::error::Error;
use crate::fetch::fetch;
use crate::locate::Source;
use crate::log::Log;
use crate::messages::lines;
use crate::network::Network;
use crate::release::Installed;
use crate::sbom::{Subject, crates, documents, extension};
use crate::unpack::{Limits, unpack};
use libcnb::Buildpack;
use libcnb::build::BuildContext;
use libcnb::data::layer::LayerName;
use libcnb::data::layer_name;
use libcnb::data::sbom::{SBOM_FORMATS, SbomFormat};
use libcnb::generic::GenericMetadata;
use libcnb::layer::{
    CachedLayerDefinition, EmptyLayerCause, InvalidMetadataAction, LayerRef, LayerState,
    RestoredLayerAction, UncachedLayerDefinition,
};
use libcnb::sbom::Sbom;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// What the layer's metadata records: which release it was made from, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerMetadata {
    /// The release.
    pub release: Release,
    /// The files.
    pub installed: Installed,
    /// Identity of the SBOMs.
    pub described: String,
}

/// Everything that decides the content of the layer. A URL is not part of it: the lifecycle
/// publishes layer metadata as a label of the image, and a URL may hold a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Version of watchexec.
    pub version: String,
    /// Checksum of the archive.
    pub checksum: Checksum,
    /// Operating system and architecture of the image.
    pub platform: String,
}

/// Why a cached layer is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Discard {
    /// A part of what was recorded is no longer what is wanted.
    Changed {
        /// Which part.
        what: &'static str,
        /// What was recorded.
        from: String,
        /// What is wanted.
        to: String,
    },
    /// A recorded file is not there as it was.
    Incomplete(&'static str),
    /// Its metadata has another form, as of another version of the buildpack.
    OtherForm,
}

impl Release {
    /// What would be recorded of a dependency.
    #[must_use]
    pub fn of(dependency: &Dependency, checksum: Checksum, platform: &Platform) -> Self {
        Self {
            version: dependency.version.to_string(),
            checksum,
            platform: platform.to_string(),
        }
    }

    /// Why a layer recorded as `cached` cannot serve for this release; empty where it can.
    #[must_use]
    pub fn discards(&self, cached: &LayerMetadata, layer: &Path) -> Vec<Discard> {
        // Taken apart, so that a further field cannot be forgotten here.
        let Release {
            version,
            checksum,
            platform,
        } = &cached.release;
        let mut discards: Vec<Discard> = [
            ("version", version.clone(), self.version.clone()),
            ("platform", platform.clone(), self.platform.clone()),
            ("checksum", checksum.to_string(), self.checksum.to_string()),
        ]
        .into_iter()
        .filter(|(_, from, to)| from != to)
        .map(|(what, from, to)| Discard::Changed { what, from, to })
        .collect();
        if let Some(missing) = cached.installed.first_missing(layer) {
            discards.push(Discard::Incomplete(missing.file.path()));
        }
        discards
    }
}

/// What a build puts into the layer.
#[derive(Debug)]
pub struct Order<'a> {
    /// The release.
    pub dependency: &'a Dependency,
    /// Checksum of its archive.
    pub checksum: Checksum,
    /// What the image is built for.
    pub platform: &'a Platform,
    /// Where the release is taken from.
    pub source: &'a Source,
    /// Whether a buildpack wants to run it during the build.
    pub wanted_at_build: bool,
}

/// The layer's name, which is also its folder.
#[must_use]
pub fn name() -> LayerName {
    layer_name!("watchexec")
}

/// Makes the layer, or keeps the one that the cache has.
///
/// A release from inside the buildpack is copied anew each time: looking into a cache would cost
/// more than it saves. Everything else is cached.
///
/// # Errors
/// The release cannot be had or installed. What is in the layer then has to be [removed](remove_all).
pub fn provide<B: Buildpack<Error = Error>>(
    context: &BuildContext<B>,
    order: &Order,
    network: &Network,
    log: &Log,
) -> libcnb::Result<Installed, Error> {
    let release = Release::of(order.dependency, order.checksum, order.platform);
    if order.source.is_inside_buildpack() {
        let layer = context.uncached_layer(
            name(),
            UncachedLayerDefinition {
                build: order.wanted_at_build,
                launch: true,
            },
        )?;
        return fill(context, &layer, release, order, network, log);
    }

    let layer = context.cached_layer(
        name(),
        CachedLayerDefinition {
            build: order.wanted_at_build,
            launch: true,
            invalid_metadata_action: &|_: &GenericMetadata| InvalidMetadataAction::DeleteLayer,
            restored_layer_action: &|cached: &LayerMetadata, path| {
                let discards = release.discards(cached, path);
                if discards.is_empty() {
                    (RestoredLayerAction::KeepLayer, Ok(cached.clone()))
                } else {
                    (RestoredLayerAction::DeleteLayer, Err(discards))
                }
            },
        },
    )?;
    match &layer.state {
        LayerState::Restored { cause: Ok(cached) } => {
            log.detail(&lines::kept(&cached.installed));
            return keep(context, &layer, order, cached, log);
        }
        LayerState::Empty {
            cause:
                EmptyLayerCause::RestoredLayerAction {
                    cause: Err(discards),
                },
        } => log.detail(&lines::discarded(discards)),
        LayerState::Empty {
            cause: EmptyLayerCause::InvalidMetadataAction { .. },
        } => log.detail(&lines::discarded(&[Discard::OtherForm])),
        _ => log.debug(&lines::nothing_cached()),
    }
    fill(context, &layer, release, order, network, log)
}

/// Puts the release into an empty layer.
fn fill<B: Buildpack<Error = Error>, MAC, RAC>(
    context: &BuildContext<B>,
    layer: &LayerRef<B, MAC, RAC>,
    release: Release,
    order: &Order,
    network: &Network,
    log: &Log,
) -> libcnb::Result<Installed, Error> {
    let installed = install(order, &layer.path(), network, log)?;
    let described = describe(context, layer, order, &installed, None, log)?;
    let metadata = LayerMetadata {
        release,
        installed,
        described,
    };
    layer.write_metadata(&metadata)?;
    Ok(metadata.installed)
}

/// Leaves a layer as the cache has it, but for what the buildpack says of it by now.
fn keep<B: Buildpack<Error = Error>, MAC, RAC>(
    context: &BuildContext<B>,
    layer: &LayerRef<B, MAC, RAC>,
    order: &Order,
    cached: &LayerMetadata,
    log: &Log,
) -> libcnb::Result<Installed, Error> {
    let before = Some(cached.described.as_str());
    let described = describe(context, layer, order, &cached.installed, before, log)?;
    if described != cached.described {
        layer.write_metadata(LayerMetadata {
            described,
            ..cached.clone()
        })?;
    }
    Ok(cached.installed.clone())
}

/// Removes all layers of a failed build, finished or not, so that there is nothing of them that
/// could be taken for a layer. The directory is this buildpack's own.
pub fn remove_all(layers_dir: &Path) {
    // The error of the build is the one to report; should this fail too, the lifecycle still
    // exports nothing of a failed build.
    for entry in fs::read_dir(layers_dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
}

/// Writes the SBOMs of a layer that has its files, unless those of this identity are there, and
/// returns their identity.
fn describe<B: Buildpack<Error = Error>, MAC, RAC>(
    context: &BuildContext<B>,
    layer: &LayerRef<B, MAC, RAC>,
    order: &Order,
    installed: &Installed,
    there: Option<&str>,
    log: &Log,
) -> libcnb::Result<String, Error> {
    let mut subject = Subject::release(
        &context.buildpack_descriptor.buildpack,
        order.dependency,
        order.checksum,
        installed,
    );
    let identity = subject.identity().to_string();
    let exists = |format: &SbomFormat| {
        let file = format!("{}.{}", name(), extension(format));
        context.layers_dir.join(file).is_file()
    };
    if there == Some(identity.as_str()) && SBOM_FORMATS.iter().all(exists) {
        return Ok(identity);
    }

    let program = layer.path().join(installed.program.file.path());
    // A program without a list that can be read is as good as one without a list.
    let crates = crates::read(&program).unwrap_or_else(|error| {
        log.warning(&lines::unreadable_crates(&error));
        None
    });
    subject.crates = crates.as_deref();
    layer.write_sboms(&sboms(&subject))?;
    log.detail(&lines::described(crates.as_deref()));
    Ok(identity)
}

/// The SBOMs of a layer, as libcnb takes them.
pub(crate) fn sboms(subject: &Subject) -> [Sbom; 3] {
    documents(subject).map(|document| Sbom::from_bytes(document.format, document.data))
}

/// Brings the release into a folder.
fn install(order: &Order, layer: &Path, network: &Network, log: &Log) -> Result<Installed, Error> {
    let installed = match order.source {
        Source::Bundle(bundle) => {
            log.detail(&lines::bundled());
            let installed = bundle.install(layer)?;
            log.detail(&lines::verified_bundle(&installed));
            installed
        }
        Source::Archive { address, reason } => {
            log.debug(&lines::located(reason));
            log.detail(&lines::fetching(address));
            if let Some(error) = network.logins.ignored() {
                log.debug(&lines::ignored_netrc(error));
            }
            let archive =
                fetch(address, order.checksum, network, log).map_err(|error| Error::Fetch {
                    error,
                    reason: reason.clone(),
                })?;
            log.detail(&lines::verified(order.checksum, archive.bytes().len()));
            unpack(&archive, layer, &Limits::BUILD)?
        }
    };
    log.detail(&lines::installed(&installed));
    Ok(installed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::ReleaseFile;

    fn release(version: &str, content: &[u8]) -> Release {
        let checksum = Checksum::of(content);
        let entry = format!(
            "id = 'watchexec'\nversion = '{version}'\nuri = 'https://example.com/w.tar.xz'"
        );
        let dependency: Dependency = toml::from_str(&entry).unwrap();
        let platform = Platform {
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
        };
        Release::of(&dependency, checksum, &platform)
    }

    fn layer(release: Release) -> (tempfile::TempDir, LayerMetadata) {
        let directory = tempfile::tempdir().unwrap();
        let program = ReleaseFile::Program
            .install(&mut &b"program"[..], directory.path())
            .unwrap();
        let installed = Installed::new(vec![program]).unwrap();
        let metadata = LayerMetadata {
            release,
            installed,
            described: String::new(),
        };
        (directory, metadata)
    }

    #[test]
    fn an_equal_layer_is_kept() {
        let wanted = release("2.8.0", b"archive");
        let (directory, cached) = layer(wanted.clone());
        assert_eq!(wanted.discards(&cached, directory.path()), []);
    }

    #[test]
    fn the_recorded_form_survives_toml() {
        let (_directory, cached) = layer(release("2.8.0", b"archive"));
        let text = toml::to_string(&cached).unwrap();
        assert_eq!(toml::from_str::<LayerMetadata>(&text).unwrap(), cached);
    }

    #[test]
    fn each_difference_is_a_reason() {
        let (directory, cached) = layer(release("2.7.3", b"old"));
        let reasons: Vec<&str> = release("2.8.0", b"new")
            .discards(&cached, directory.path())
            .into_iter()
            .map(|discard| match discard {
                Discard::Changed { what, .. } => what,
                Discard::Incomplete(_) | Discard::OtherForm => "other",
            })
            .collect();
        assert_eq!(reasons, ["version", "checksum"]);
    }

    #[test]
    fn a_layer_without_its_program_is_not_kept() {
        let wanted = release("2.8.0", b"archive");
        let (directory, cached) = layer(wanted.clone());
        std::fs::remove_file(directory.path().join("bin/watchexec")).unwrap();
        assert_eq!(
            wanted.discards(&cached, directory.path()),
            [Discard::Incomplete("bin/watchexec")]
        );
    }
}
