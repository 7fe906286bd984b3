//! The software that an SBOM describes.

use super::crates::Crate;
use super::license::License;
use crate::catalog::Release;
use crate::checksum::Checksum;
use crate::files::Installed;
use crate::safe_url::public;
use libcnb_data::buildpack::Buildpack;

/// The software that an SBOM describes.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The author of the documents: the buildpack, as buildpack.toml has it.
    pub buildpack: &'a Buildpack,
    /// The name for people.
    pub name: &'a str,
    /// Its version.
    pub version: String,
    /// Its licences. All of them apply; a choice is one expression.
    pub licenses: Vec<License<'a>>,
    /// Its package URL.
    pub purl: Option<&'a str>,
    /// Its CPE names.
    pub cpes: &'a [String],
    /// The archive it was installed from.
    pub download: Option<Download>,
    /// Its source code.
    pub source: Option<Download>,
    /// Its files, the program first.
    pub files: Vec<DescribedFile<'a>>,
    /// The crates that it was built from; `None` where they are not known.
    pub crates: Option<&'a [Crate]>,
}

/// Something that can be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its URL, without credentials; `None` where it is unusable.
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
    /// An installed release of watchexec. Its URL is that of buildpack.toml, also if it came
    /// from a mirror.
    #[must_use]
    pub fn release(
        buildpack: &'a Buildpack,
        release: &'a Release,
        installed: &'a Installed,
    ) -> Self {
        let dependency = &release.dependency;
        let name = dependency.name.as_deref().unwrap_or(&dependency.id);
        let files = installed
            .files()
            .map(|installed| DescribedFile {
                path: installed.file.path(),
                checksum: installed.checksum,
            })
            .collect();
        Self {
            version: dependency.version.to_string(),
            licenses: dependency
                .licenses
                .iter()
                .filter_map(|license| {
                    License::new(license.r#type.as_deref(), license.uri.as_deref())
                })
                .collect(),
            purl: dependency.purl.as_deref(),
            cpes: &dependency.cpes,
            download: Some(Download {
                url: Some(release.url.to_string()),
                checksum: Some(release.checksum),
            }),
            source: dependency.source.as_deref().map(|uri| Download {
                url: public(uri),
                checksum: dependency
                    .source_checksum
                    .as_deref()
                    .and_then(|checksum| checksum.parse().ok()),
            }),
            ..Self::part(buildpack, name, files)
        }
    }

    /// A part of the buildpack itself: it has the buildpack's version and licences.
    #[must_use]
    pub fn part(buildpack: &'a Buildpack, name: &'a str, files: Vec<DescribedFile<'a>>) -> Self {
        Self {
            buildpack,
            name,
            version: buildpack.version.to_string(),
            licenses: buildpack
                .licenses
                .iter()
                .filter_map(|license| {
                    License::new(license.r#type.as_deref(), license.uri.as_deref())
                })
                .collect(),
            purl: None,
            cpes: &[],
            download: None,
            source: None,
            files,
            crates: None,
        }
    }
}

/// The reference of the subject within a document.
pub(super) const SUBJECT: &str = "subject";

/// The reference of a file, by its place in the list: the characters that are allowed in a reference
/// differ between the formats.
pub(super) fn file_reference(index: usize) -> String {
    format!("file-{index}")
}

/// The reference of a crate, by its place in the list.
pub(super) fn crate_reference(index: usize) -> String {
    format!("crate-{index}")
}
