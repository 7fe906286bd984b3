//! The software that an SBOM describes.

use super::crates::Crate;
use super::license::License;
use crate::catalog::Release;
use crate::checksum::Checksum;
use crate::files::Installed;
use crate::safe_url::public;
use libcnb_data::buildpack::Buildpack;
use uuid::Uuid;

/// The subject of an SBOM.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The author of the documents: the buildpack, as buildpack.toml has it.
    pub buildpack: &'a Buildpack,
    /// The software itself.
    pub software: Software<'a>,
    /// The crates that it was built from, if they are known.
    pub crates: Option<&'a [Crate]>,
}

/// The subject, or one of its crates.
#[derive(Debug, Clone, Default)]
pub struct Software<'a> {
    pub(super) name: &'a str,
    pub(super) version: String,
    /// The licences, which all apply. A choice is one expression.
    pub(super) licenses: Vec<License>,
    /// The package URL.
    pub(super) purl: Option<String>,
    /// The CPE names.
    pub(super) cpes: Vec<&'a str>,
    /// The URL and the checksum of the archive that it was installed from.
    pub(super) download: Download,
    /// The URL and the checksum of its source code.
    pub(super) source: Download,
    /// The files that contain it, the program first.
    pub(super) files: Vec<DescribedFile<'a>>,
    /// The origin of a crate. The subject has none.
    pub(super) crate_source: Option<&'a str>,
    /// The reference within the document.
    pub(super) reference: String,
    /// The references of the crates that it depends on.
    pub(super) dependencies: Vec<String>,
}

/// The URL of a file on a server, without credentials, and its checksum.
pub(super) type Download = (Option<String>, Option<Checksum>);

/// A file: its path in the layer, and the checksum of its content.
pub type DescribedFile<'a> = (&'a str, Checksum);

impl<'a> Subject<'a> {
    /// An installed release of watchexec. Its URL is that of buildpack.toml, even if it was
    /// downloaded from a mirror.
    pub fn release(
        buildpack: &'a Buildpack,
        release: &'a Release,
        installed: &'a Installed,
    ) -> Self {
        let dependency = &release.dependency;
        let files = installed.files();
        let files = files.map(|(file, checksum)| (file.path, checksum));
        let licenses = (dependency.licenses.iter())
            .filter_map(|license| License::new(license.r#type.as_deref(), license.uri.as_deref()));
        let source = dependency.source.as_deref().and_then(public);
        // Readers of the documents reject an empty purl or CPE.
        let is_purl = |purl: &&str| purl.starts_with("pkg:") && purl.contains('/');
        let is_cpe = |cpe: &&str| cpe.starts_with("cpe:2.3:") || cpe.starts_with("cpe:/");
        let purl = dependency.purl.as_deref().map(str::trim).filter(is_purl);
        let cpes = dependency.cpes.iter().map(|cpe| cpe.trim()).filter(is_cpe);
        let software = Software {
            name: dependency.name.as_deref().unwrap_or(&dependency.id),
            version: dependency.version.to_string(),
            licenses: licenses.collect(),
            purl: purl.map(str::to_owned),
            cpes: cpes.collect(),
            download: (public(&dependency.uri), Some(release.checksum)),
            source: (source, dependency.source_checksum()),
            files: files.collect(),
            ..Software::default()
        };
        Self {
            buildpack,
            software,
            crates: None,
        }
    }

    /// A part of the buildpack itself, with the buildpack's version and licences.
    pub fn part(buildpack: &'a Buildpack, name: &'a str, files: Vec<DescribedFile<'a>>) -> Self {
        let licenses = (buildpack.licenses.iter())
            .filter_map(|license| License::new(license.r#type.as_deref(), license.uri.as_deref()));
        let software = Software {
            name,
            version: buildpack.version.to_string(),
            licenses: licenses.collect(),
            files,
            ..Software::default()
        };
        Self {
            buildpack,
            software,
            crates: None,
        }
    }

    /// The subject, followed by its crates.
    pub(super) fn all(&self, identity: Uuid) -> Vec<Software<'_>> {
        let mut main = self.software.clone();
        main.reference = reference(0, identity);
        let mut all = Vec::new();
        for (index, of) in (1..).zip(self.crates.unwrap_or_default()) {
            let used = of.dependencies.iter();
            let part = Software {
                name: &of.name,
                version: of.version.clone(),
                licenses: Vec::from_iter(License::new(of.license.as_deref(), None)),
                purl: of.purl(),
                cpes: Vec::from_iter(of.cpe.as_deref()),
                files: self.software.files.iter().take(1).copied().collect(),
                crate_source: Some(&of.source),
                reference: reference(index, identity),
                dependencies: used.map(|index| reference(index + 1, identity)).collect(),
                ..Software::default()
            };
            if of.root {
                main.dependencies.push(part.reference.clone());
            }
            all.push(part);
        }
        all.insert(0, main);
        all
    }
}

/// The reference to a part: the subject is the first one, its crates follow. Syft merges software
/// of all documents that it finds by this reference, so it is unique.
pub(super) fn reference(index: usize, identity: Uuid) -> String {
    format!("part-{index}-{identity}")
}
