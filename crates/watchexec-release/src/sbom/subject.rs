//! The software that an SBOM describes.

use super::crates::Crate;
use super::license::{License, public_url};
use crate::catalog::Release;
use crate::checksum::Checksum;
use crate::files::Installed;
use libcnb_data::buildpack::Buildpack;
use uuid::Uuid;

/// The software that an SBOM describes.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The author of the documents: the buildpack, as buildpack.toml has it.
    pub buildpack: &'a Buildpack,
    /// The name for people.
    pub name: &'a str,
    /// Its version.
    pub version: String,
    /// Its licences, which all apply. A choice is one expression.
    pub licenses: Vec<License>,
    /// Its package URL.
    pub purl: Option<&'a str>,
    /// Its CPE names.
    pub cpes: Vec<&'a str>,
    /// The archive it was installed from.
    pub download: Option<Download>,
    /// Its source code.
    pub source: Option<Download>,
    /// Its files, the program first.
    pub files: Vec<DescribedFile<'a>>,
    /// The crates that it was built from, if they are known.
    pub crates: Option<&'a [Crate]>,
}

/// Something that can be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its URL on a server, without credentials.
    pub url: Option<String>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescribedFile<'a> {
    /// Its path in the layer.
    pub path: &'a str,
    /// Checksum of its content.
    pub checksum: Checksum,
}

impl<'a> Subject<'a> {
    /// An installed release of watchexec. Its URL is that of buildpack.toml, even if it was downloaded
    /// from a mirror.
    #[must_use]
    pub fn release(
        buildpack: &'a Buildpack,
        release: &Release<'a>,
        installed: &'a Installed,
    ) -> Self {
        let dependency = release.dependency;
        let name = dependency.name.as_deref().unwrap_or(&dependency.id);
        let files = (installed.files()).map(|(file, checksum)| DescribedFile {
            path: file.path,
            checksum,
        });
        let licenses = (dependency.licenses.iter())
            .filter_map(|license| License::new(license.r#type.as_deref(), license.uri.as_deref()));
        let source_checksum = dependency.source_checksum.as_deref();
        // Readers of the documents reject an empty purl or CPE.
        let is_cpe = |cpe: &&str| cpe.starts_with("cpe:2.3:") || cpe.starts_with("cpe:/");
        Self {
            version: dependency.version.to_string(),
            licenses: licenses.collect(),
            purl: (dependency.purl.as_deref().map(str::trim))
                .filter(|purl| purl.starts_with("pkg:") && purl.contains('/')),
            cpes: (dependency.cpes.iter().map(|cpe| cpe.trim()))
                .filter(is_cpe)
                .collect(),
            download: Some(Download {
                url: public_url(&dependency.uri),
                checksum: Some(release.checksum),
            }),
            source: dependency.source.as_deref().map(|uri| Download {
                url: public_url(uri),
                checksum: source_checksum.and_then(|checksum| checksum.parse().ok()),
            }),
            ..Self::part(buildpack, name, files.collect())
        }
    }

    /// A part of the buildpack itself, with the buildpack's version and licences.
    #[must_use]
    pub fn part(buildpack: &'a Buildpack, name: &'a str, files: Vec<DescribedFile<'a>>) -> Self {
        let licenses = (buildpack.licenses.iter())
            .filter_map(|license| License::new(license.r#type.as_deref(), license.uri.as_deref()));
        Self {
            buildpack,
            name,
            version: buildpack.version.to_string(),
            licenses: licenses.collect(),
            purl: None,
            cpes: Vec::new(),
            download: None,
            source: None,
            files,
            crates: None,
        }
    }
}

/// Software in a document: the subject, or one of its crates.
#[derive(Default)]
pub(super) struct Component<'a> {
    /// Its reference in the document. Syft merges the software of all documents that it finds by this
    /// reference, so it is unique.
    pub reference: String,
    pub name: &'a str,
    pub version: &'a str,
    pub licenses: Vec<License>,
    pub purl: Option<String>,
    pub cpes: &'a [&'a str],
    pub download: Option<&'a Download>,
    pub source: Option<&'a Download>,
    /// The files that contain it.
    pub files: &'a [DescribedFile<'a>],
    /// The origin of a crate's source. The subject has none.
    pub crate_source: Option<&'a str>,
    /// The references of the crates that it depends on.
    pub dependencies: Vec<String>,
}

impl Subject<'_> {
    /// The subject, followed by its crates.
    pub(super) fn components(&self, identity: Uuid) -> Vec<Component<'_>> {
        let crates = self.crates.unwrap_or_default();
        let reference = |index: usize| format!("part-{index}-{identity}");
        let references = |indices: &mut dyn Iterator<Item = usize>| {
            indices.map(|index| reference(index + 1)).collect()
        };
        let mut roots = (crates.iter().enumerate())
            .filter(|(_, of)| of.root)
            .map(|(index, _)| index);
        let subject = Component {
            reference: reference(0),
            name: self.name,
            version: &self.version,
            licenses: self.licenses.clone(),
            purl: self.purl.map(str::to_owned),
            cpes: &self.cpes,
            download: self.download.as_ref(),
            source: self.source.as_ref(),
            files: &self.files,
            crate_source: None,
            dependencies: references(&mut roots),
        };
        let crates = crates.iter().enumerate().map(|(index, of)| Component {
            reference: reference(index + 1),
            name: &of.name,
            version: &of.version,
            licenses: of.license().into_iter().collect(),
            purl: of.purl(),
            files: self.files.get(..1).unwrap_or_default(),
            crate_source: Some(&of.source),
            dependencies: references(&mut of.dependencies.iter().copied()),
            ..Component::default()
        });
        [subject].into_iter().chain(crates).collect()
    }
}
