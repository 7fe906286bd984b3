//! The layer with watchexec.
//!
//! The layer of a downloaded release is cached: a rebuild needs no network, even if the previous
//! image was deleted or had a different tag. The layer of a release inside the buildpack is
//! launch-only: a rebuild takes it over from the previous image and writes no content.

use super::layer::Layer;
use crate::errors::Error;
use crate::log::Log;
use libcnb::data::buildpack::Buildpack;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::time::Duration;
use watchexec_release::archive::{Limits, unpack};
use watchexec_release::catalog::{Release, Target};
use watchexec_release::checksum::{Checksum, Verified};
use watchexec_release::download::{DownloadError, Failure, Hop, Network, Observer, download};
use watchexec_release::files::Installed;
use watchexec_release::origin::{Archive, Source};
use watchexec_release::sbom::subject::Subject;
use watchexec_release::sbom::{crates, identity};
use watchexec_release::text::size;

/// The layer and everything that a build needs to fill it.
pub(crate) struct WatchexecLayer<'a> {
    /// Named as the author of the SBOMs.
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

impl WatchexecLayer<'_> {
    /// Keeps or writes the layer.
    ///
    /// # Errors
    /// The release is not available or cannot be installed.
    pub(crate) fn provide(&self, layers_dir: &Path) -> Result<(), Error> {
        let layer = Layer::new(layers_dir, "watchexec", self.buildpack);
        let (metadata, undescribed) = if let Some((metadata, program)) = self.kept(&layer) {
            (metadata, program.map(read).transpose()?)
        } else {
            layer.empty()?;
            let (installed, program) = self.install(&layer)?;
            (self.metadata(installed), Some(program))
        };
        if let Some(program) = undescribed {
            self.describe(&layer, &metadata.installed, &program)?;
        }
        let is_cached = !self.is_launch_only();
        Ok(layer.write_metadata(self.required_at_build, is_cached, metadata)?)
    }

    /// The metadata of the layer with these files.
    fn metadata(&self, installed: Installed) -> Metadata {
        let subject = Subject::release(self.buildpack, self.release, &installed);
        Metadata {
            version: self.release.dependency.version.to_string(),
            target: self.target.to_string(),
            checksum: self.release.checksum,
            sbom: identity(&subject).to_string(),
            installed,
        }
    }

    fn is_launch_only(&self) -> bool {
        matches!(self.source, Source::Bundle(_)) && !self.required_at_build
    }

    /// The metadata of an earlier build's layer as it is wanted now, if it can be kept, and the
    /// program if its SBOMs have to be written again. The log says whether it is kept, and why not.
    fn kept(&self, layer: &Layer) -> Option<(Metadata, Option<File>)> {
        let Some(earlier) = layer.restored() else {
            self.log.debug("No layer of an earlier build was restored");
            return None;
        };
        let kept = self.unchanged(earlier, layer);
        self.log.detail(match &kept {
            Ok((metadata, _)) => {
                let program = metadata.installed.program;
                format!("Reusing the layer of an earlier build: bin/watchexec, {program}")
            }
            Err(changes) => format!("Discarding the layer of an earlier build: {changes}"),
        });
        kept.ok()
    }

    /// The layer of an earlier build, or the differences between it and the wanted one.
    fn unchanged(
        &self,
        earlier: io::Result<Metadata>,
        layer: &Layer,
    ) -> Result<(Metadata, Option<File>), String> {
        let earlier = earlier.map_err(|_| "it was made by another version of this buildpack")?;
        let wanted = self.metadata(earlier.installed.clone());
        let checksums = [&earlier, &wanted].map(|metadata| metadata.checksum.to_string());
        let recorded = [
            ("version", [&earlier.version, &wanted.version]),
            ("target", [&earlier.target, &wanted.target]),
            ("checksum", checksums.each_ref()),
        ];
        let changes = recorded.iter().filter(|(_, [from, to])| from != to);
        let changes =
            changes.map(|(what, [from, to])| format!("its {what} was {from} and is now {to}"));
        let changes: Vec<String> = changes.collect();
        if !changes.is_empty() {
            return Err(changes.join("; "));
        }
        let is_described = layer.has_sboms() && earlier.sbom == wanted.sbom;
        if layer.has_content() {
            match wanted.installed.verify(&layer.path()) {
                Ok(program) => Ok((wanted, (!is_described).then_some(program))),
                Err(path) => Err(format!("its {} is changed or missing", path.display())),
            }
        } else if !self.is_launch_only() {
            Err("its content was not restored".to_owned())
        } else if !is_described {
            Err("its SBOMs are changed or missing".to_owned())
        } else {
            Ok((wanted, None))
        }
    }

    /// Installs the release from inside the buildpack, or downloads and unpacks it. Returns the
    /// program too.
    fn install(&self, layer: &Layer) -> Result<(Installed, Vec<u8>), Error> {
        let log = self.log;
        let (installed, program) = match self.source {
            Source::Bundle(bundle) => {
                log.detail("Copying the release from inside the buildpack");
                let files = bundle.read().map_err(Error::Package)?;
                let checksum = files.program.checksum();
                log.detail(format_args!("Verified watchexec: {checksum}"));
                (files.install(&layer.path())?, files.program.into_bytes())
            }
            Source::Archive(archive) => {
                let archive = self.download(archive)?;
                let (installed, program) = unpack(&archive, &Limits::BUILD, &layer.path())?;
                // Frees the archive before the program is read.
                drop(archive);
                (installed, read(program)?)
            }
        };
        log.detail(match installed.license {
            Some(_) => "Installed bin/watchexec and LICENSE",
            None => "Installed bin/watchexec; the archive has no LICENSE beside it",
        });
        Ok((installed, program))
    }

    fn download(&self, archive: &Archive) -> Result<Verified, DownloadError> {
        let log = self.log;
        let set_by = archive.set_by.as_deref();
        log.debug(format_args!(
            "URL set by {}",
            set_by.unwrap_or("the uri of buildpack.toml")
        ));
        if let Some(error) = &self.network.netrc.ignored {
            log.debug(format_args!("Ignoring {error}"));
        }
        let (checksum, version) = (self.release.checksum, &self.release.dependency.version);
        let url = &archive.url;
        log.detail(format_args!("Downloading watchexec {version} from {url}"));
        let verified = download(archive, checksum, self.network, &Progress(log))?;
        let length = size(verified.bytes().len() as u64);
        log.detail(format_args!("Verified {length}: {checksum}"));
        Ok(verified)
    }

    /// Writes the SBOMs. The program was verified or written by this build.
    fn describe(&self, layer: &Layer, files: &Installed, program: &[u8]) -> io::Result<()> {
        // A program without a readable list of its crates is described without them.
        let crates = crates::read(program).unwrap_or_else(|error| {
            self.log.warning(format_args!(
                "the list of crates inside watchexec cannot be read ({error}); its SBOMs list no crates"
            ));
            None
        });
        let formats = layer.write_sboms(&Subject {
            crates: crates.as_deref(),
            ..Subject::release(self.buildpack, self.release, files)
        })?;
        if !formats.is_empty() {
            let crates = crates.map(|crates| format!(", listing {} crates", crates.len()));
            let (formats, crates) = (formats.join(", "), crates.unwrap_or_default());
            self.log
                .detail(format_args!("Wrote SBOMs: {formats}{crates}"));
        }
        Ok(())
    }
}

/// Reads the program from its open file: the path may lead to a different one by now.
fn read(mut program: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    program.rewind()?;
    program.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes the progress of a download to the log.
struct Progress<'a>(&'a Log);

impl Observer for Progress<'_> {
    fn requesting(&self, hop: &Hop) {
        let url = &hop.url;
        if let Some(login) = hop.exposed_login() {
            self.0.warning(format_args!(
                "the login in {login} is sent to {url} unencrypted"
            ));
        }
        self.0.debug(format_args!("Requesting {url} {hop}"));
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
