//! The layer with watchexec.
//!
//! A downloaded release is cached, so that a build needs no network when the previous image is not
//! there: another tag, a deleted image. A release from inside the buildpack is at hand in every
//! build, so its layer is launch-only, and a build that finds it in the previous image writes no
//! content.

use super::layer::{Layer, Restored};
use crate::log::Log;
use libcnb::data::buildpack::Buildpack;
use libcnb::data::layer_content_metadata::LayerTypes;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::time::Duration;
use watchexec_release::archive::{Limits, UnpackError, unpack};
use watchexec_release::bundle::BundleError;
use watchexec_release::catalog::{Release, Target};
use watchexec_release::checksum::{Checksum, Verified};
use watchexec_release::download::{DownloadError, Failure, Hop, Network, Observer, download};
use watchexec_release::files::{FileError, Installed, ReleaseFile};
use watchexec_release::location::Archive;
use watchexec_release::origin::Source;
use watchexec_release::sbom::subject::Subject;
use watchexec_release::sbom::{crates, documents, identity};
use watchexec_release::text::size;

/// The layer and everything that a build needs to fill it.
pub(crate) struct WatchexecLayer<'a> {
    /// Describes itself in the SBOMs.
    pub buildpack: &'a Buildpack,
    /// The release to install.
    pub release: &'a Release,
    /// The target of the image.
    pub target: &'a Target,
    /// The origin of the release.
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
    /// A file of the layer cannot be read or written.
    #[error(transparent)]
    Layer(#[from] FileError),
    /// The archive cannot be downloaded.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The archive is not a release.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The release inside the buildpack has changed since it was packaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl WatchexecLayer<'_> {
    /// Keeps or writes the layer.
    ///
    /// # Errors
    /// The release is not available or cannot be installed.
    pub(crate) fn provide(&self, layers_dir: &Path) -> Result<(), WatchexecError> {
        let layer = Layer::new(layers_dir, "watchexec");
        let (installed, earlier, program) = if let Some(metadata) = self.kept(&layer)? {
            (metadata.installed, Some(metadata.sbom), None)
        } else {
            layer.empty()?;
            let (installed, program) = self.install(&layer)?;
            (installed, None, program)
        };
        let subject = Subject::release(self.buildpack, self.release, &installed);
        let sbom = identity(&subject).to_string();
        if earlier.as_ref() != Some(&sbom) || !layer.has_sboms() {
            let program = match program {
                Some(program) => program,
                None => self.read_program(&layer)?,
            };
            self.describe(&layer, &subject, &program)?;
        }
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

    /// The metadata of an earlier build's layer, if it can be kept. The log says whether, and why not.
    fn kept(&self, layer: &Layer) -> Result<Option<Metadata>, FileError> {
        let changes = match layer.restored::<Metadata>()? {
            Restored::Nothing => {
                self.log.debug("No layer of an earlier build was restored");
                return Ok(None);
            }
            Restored::OtherForm => {
                vec!["it was made by another version of this buildpack".to_owned()]
            }
            Restored::Metadata(metadata) => {
                let changes = self.changes(&metadata, layer);
                if changes.is_empty() {
                    let program = &metadata.installed.program;
                    self.log.detail(format_args!(
                        "Reusing the layer of an earlier build: {}, {}",
                        program.file.path(),
                        size(program.size)
                    ));
                    return Ok(Some(metadata));
                }
                changes
            }
        };
        self.log.detail(format_args!(
            "Discarding the layer of an earlier build: {}",
            changes.join("; ")
        ));
        Ok(None)
    }

    /// The differences between the layer of an earlier build and the wanted one.
    fn changes(&self, earlier: &Metadata, layer: &Layer) -> Vec<String> {
        // Taken apart, so that a further field cannot be forgotten here.
        let Metadata {
            version,
            target,
            checksum,
            installed,
            sbom: _,
        } = earlier;
        let mut changes = Vec::new();
        for (what, from, to) in [
            (
                "version",
                version,
                self.release.dependency.version.to_string(),
            ),
            ("target", target, self.target.to_string()),
            (
                "checksum",
                &checksum.to_string(),
                self.release.checksum.to_string(),
            ),
        ] {
            if *from != to {
                changes.push(format!("its {what} was {from} and is now {to}"));
            }
        }
        if layer.has_content() {
            if let Some(missing) = installed.first_missing(&layer.path()) {
                changes.push(format!("its {} is missing or changed", missing.file.path()));
            }
        } else if !self.is_launch_only() {
            changes.push("its content was not restored".to_owned());
        }
        changes
    }

    /// Installs the release from inside the buildpack, or downloads and unpacks it. Returns the program
    /// too, if it was read as a whole.
    fn install(&self, layer: &Layer) -> Result<(Installed, Option<Vec<u8>>), WatchexecError> {
        let (installed, program) = match self.source {
            Source::Bundle(bundle) => {
                self.log
                    .detail("Copying the release from inside the buildpack");
                let files = bundle.read()?;
                let checksum = files.program.checksum();
                self.log
                    .detail(format_args!("Verified watchexec: {checksum}"));
                let installed = files.install(&layer.path())?;
                (installed, Some(files.program.into_bytes()))
            }
            Source::Archive(archive) => {
                let archive = self.download(archive)?;
                let installed = unpack(&archive, &Limits::BUILD, &layer.path())?;
                (installed, None)
            }
        };
        let license = match installed.license {
            Some(_) => " and its licence",
            None => "; the archive has no licence",
        };
        self.log.detail(format_args!(
            "Installed {} of {}{license}",
            installed.program.file.path(),
            size(installed.program.size)
        ));
        Ok((installed, program))
    }

    fn download(&self, archive: &Archive) -> Result<Verified, DownloadError> {
        let log = self.log;
        let set_by = archive.set_by.as_deref();
        log.debug(format_args!(
            "Located by {}",
            set_by.unwrap_or("the uri of buildpack.toml")
        ));
        if let Some(error) = &self.network.netrc.ignored {
            log.debug(format_args!("Ignoring {error}"));
        }
        let Release {
            checksum,
            dependency,
            ..
        } = self.release;
        let (version, url) = (&dependency.version, &archive.url);
        log.detail(format_args!("Downloading watchexec {version} from {url}"));
        let verified = download(archive, *checksum, self.network, &Progress(log))?;
        let length = size(verified.bytes().len() as u64);
        log.detail(format_args!("Verified {length}: {checksum}"));
        Ok(verified)
    }

    /// Writes the SBOMs.
    fn describe(&self, layer: &Layer, subject: &Subject, program: &[u8]) -> Result<(), FileError> {
        // A program without a readable list of its crates is described without them.
        let crates = crates::read(program).unwrap_or_else(|error| {
            self.log.warning(format_args!(
                "the list of crates inside watchexec cannot be read ({error}); its SBOMs list no crates"
            ));
            None
        });
        layer.write_sboms(&documents(&Subject {
            crates: crates.as_deref(),
            ..subject.clone()
        }))?;
        let crates = match &crates {
            Some(crates) => format!(", with its {} crates", crates.len()),
            None => String::new(),
        };
        self.log
            .detail(format_args!("Wrote SBOMs: CycloneDX, SPDX, Syft{crates}"));
        Ok(())
    }

    /// The program in the layer, or the same one in the buildpack where the layer has no content.
    fn read_program(&self, layer: &Layer) -> Result<Vec<u8>, FileError> {
        let path = match self.source {
            Source::Bundle(bundle) if !layer.has_content() => bundle.file(ReleaseFile::Program),
            _ => layer.path().join(ReleaseFile::Program.path()),
        };
        fs::read(&path).map_err(FileError::at(path))
    }
}

/// Writes the progress of a download to the log.
struct Progress<'a>(&'a Log);

impl Observer for Progress<'_> {
    fn requesting(&self, hop: &Hop) {
        self.0.debug(format_args!("Requesting {} {hop}", hop.url));
    }

    fn retrying(&self, failure: &Failure, pause: Duration, retry: usize, retries: usize) {
        let pause = pause.as_secs_f64();
        self.0.detail(format_args!(
            "Retry {retry} of {retries} in {pause:.1} s: {failure}"
        ));
    }

    fn received(&self, bytes: u64, total: Option<u64>) {
        let of = total.map_or_else(String::new, |total| format!(" of {}", size(total)));
        self.0.detail(format_args!("Received {}{of}", size(bytes)));
    }
}
