//! The layer with watchexec.
//!
//! A downloaded release is cached: when the previous image is not there, restoring 11 MB is faster
//! than downloading 3 MB and decoding them. A release from inside the buildpack is at hand in every
//! build, so its layer is launch-only, and a build that finds it in the previous image writes no
//! content.

use super::layer::{Layer, LayerError, Restored};
use crate::lines::{self, Change};
use crate::log::Log;
use libcnb::data::buildpack::Buildpack;
use libcnb::data::layer_content_metadata::LayerTypes;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
use watchexec_release::archive::{Limits, UnpackError, unpack};
use watchexec_release::archive_url::{ArchiveUrl, Location};
use watchexec_release::bundle::BundleError;
use watchexec_release::catalog::{Release, Target};
use watchexec_release::checksum::Checksum;
use watchexec_release::download::{DownloadError, Failure, Network, Observer, download};
use watchexec_release::files::{Installed, ReleaseFile};
use watchexec_release::origin::{Origin, Source};
use watchexec_release::sbom::{Subject, crates, documents};

/// The layer and everything that a build needs to fill it.
pub(crate) struct WatchexecLayer<'a> {
    /// Describes itself in the SBOMs.
    pub buildpack: &'a Buildpack,
    /// The release to install.
    pub release: &'a Release<'a>,
    /// The target of the image.
    pub target: &'a Target,
    /// Where the release is taken from.
    pub source: &'a Source,
    /// Whether a buildpack wants to run watchexec during the build.
    pub required_at_build: bool,
    /// How servers are reached.
    pub network: &'a Network,
    pub log: &'a Log,
}

/// The layer's metadata, which decides whether it can be kept.
///
/// A URL is not part of it: the lifecycle publishes layer metadata as a label of the image, and a
/// URL may hold a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    version: String,
    target: String,
    /// Of the archive.
    checksum: Checksum,
    installed: Installed,
    /// The serial number of the SBOMs.
    sbom: String,
}

/// Why watchexec cannot be put into its layer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WatchexecError {
    /// The layer's files.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The download, and what gave its URL.
    #[error("{error}")]
    Download {
        error: DownloadError,
        origin: Origin,
    },
    /// The archive.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The release inside the buildpack.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl WatchexecLayer<'_> {
    /// Keeps the layer of an earlier build, or makes it anew.
    ///
    /// # Errors
    /// The release is not available or cannot be installed. What is in the layers directory then has
    /// to be [removed](super::remove_all).
    pub(crate) fn provide(&self, layers_dir: &Path) -> Result<(), WatchexecError> {
        let layer = Layer::new(layers_dir, "watchexec");
        let (installed, sbom) = if let Some(metadata) = self.kept(&layer)? {
            self.log.detail(&lines::kept(&metadata.installed));
            (metadata.installed, Some(metadata.sbom))
        } else {
            layer.empty()?;
            (self.install(&layer.path())?, None)
        };
        let sbom = self.describe(&layer, &installed, sbom.as_deref())?;
        let metadata = Metadata {
            version: self.release.dependency.version.to_string(),
            target: self.target.to_string(),
            checksum: self.release.checksum,
            installed,
            sbom,
        };
        let types = LayerTypes {
            launch: true,
            build: self.required_at_build,
            cache: !self.is_launch_only(),
        };
        Ok(layer.write_metadata(types, metadata)?)
    }

    fn is_launch_only(&self) -> bool {
        matches!(self.source, Source::Bundle(_)) && !self.required_at_build
    }

    /// The metadata of an earlier build's layer, if it can be kept. The log says why it cannot.
    fn kept(&self, layer: &Layer) -> Result<Option<Metadata>, LayerError> {
        let changes = match layer.restored::<Metadata>()? {
            Restored::Nothing => {
                self.log.debug(&lines::nothing_restored());
                return Ok(None);
            }
            Restored::OtherForm => vec![Change::OtherForm],
            Restored::Metadata(metadata) => {
                let changes = self.changes(&metadata, layer);
                if changes.is_empty() {
                    return Ok(Some(metadata));
                }
                changes
            }
        };
        self.log.detail(&lines::invalidated(&changes));
        Ok(None)
    }

    fn changes(&self, earlier: &Metadata, layer: &Layer) -> Vec<Change> {
        // Taken apart, so that a further field cannot be forgotten here.
        let Metadata {
            version,
            target,
            checksum,
            installed,
            sbom: _,
        } = earlier;
        let wanted = &self.release;
        let mut changes: Vec<Change> = [
            (
                "version",
                version.clone(),
                wanted.dependency.version.to_string(),
            ),
            ("target", target.clone(), self.target.to_string()),
            (
                "checksum",
                checksum.to_string(),
                wanted.checksum.to_string(),
            ),
        ]
        .into_iter()
        .filter(|(_, from, to)| from != to)
        .map(|(what, from, to)| Change::Value { what, from, to })
        .collect();
        let missing = if layer.has_content() || !self.is_launch_only() {
            installed.first_missing(&layer.path())
        } else {
            None
        };
        changes.extend(missing.map(|file| Change::File(file.file.path())));
        changes
    }

    fn install(&self, directory: &Path) -> Result<Installed, WatchexecError> {
        let installed = match self.source {
            Source::Bundle(bundle) => {
                self.log.detail(&lines::bundled());
                let installed = bundle.install(directory)?;
                self.log.detail(&lines::verified_bundle(&installed));
                installed
            }
            Source::Archive { url, origin } => self.download(url, origin, directory)?,
        };
        self.log.detail(&lines::installed(&installed));
        Ok(installed)
    }

    fn download(
        &self,
        url: &ArchiveUrl,
        origin: &Origin,
        directory: &Path,
    ) -> Result<Installed, WatchexecError> {
        self.log.debug(&lines::located(origin));
        self.log
            .detail(&lines::downloading(&self.release.dependency.version, url));
        if let Location::Server(_) = url.location()
            && let Some(error) = self.network.logins.ignored()
        {
            self.log.debug(&lines::ignored_netrc(error));
        }
        let checksum = self.release.checksum;
        let archive =
            download(url, checksum, self.network, &Progress(self.log)).map_err(|error| {
                WatchexecError::Download {
                    error,
                    origin: origin.clone(),
                }
            })?;
        self.log
            .detail(&lines::verified(checksum, archive.bytes().len()));
        Ok(unpack(&archive, directory, &Limits::BUILD)?)
    }

    /// Writes the SBOMs, unless those with this serial number are there, and returns the number.
    fn describe(
        &self,
        layer: &Layer,
        installed: &Installed,
        earlier: Option<&str>,
    ) -> Result<String, LayerError> {
        let mut subject = Subject::release(self.buildpack, self.release, installed);
        let serial = subject.identity().to_string();
        if earlier == Some(serial.as_str()) && layer.has_sboms() {
            return Ok(serial);
        }
        // A program without a readable list of its crates is described without them.
        let crates = crates::read(&self.program(layer)).unwrap_or_else(|error| {
            self.log.warning(&lines::unreadable_crates(&error));
            None
        });
        subject.crates = crates.as_deref();
        layer.write_sboms(&documents(&subject))?;
        self.log.detail(&lines::described(crates.as_deref()));
        Ok(serial)
    }

    /// The program in the layer, or the same one in the buildpack where the layer has no content.
    fn program(&self, layer: &Layer) -> PathBuf {
        match self.source {
            Source::Bundle(bundle) if !layer.has_content() => bundle.file(ReleaseFile::Program),
            _ => layer.path().join(ReleaseFile::Program.path()),
        }
    }
}

/// Writes the progress of a download to the log.
struct Progress<'a>(&'a Log);

impl Observer for Progress<'_> {
    fn retrying(&self, failure: &Failure, pause: Duration, retry: usize, retries: usize) {
        self.0.detail(&lines::retry(failure, pause, retry, retries));
    }

    fn received(&self, bytes: u64, total: Option<u64>) {
        self.0.detail(&lines::received(bytes, total));
    }
}
