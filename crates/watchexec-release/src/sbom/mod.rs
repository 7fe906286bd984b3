//! Describing: the software bills of materials (SBOMs) of the layers.
//!
//! The same facts in each of the three formats that the platform takes (CNB buildpack spec,
//! "Software-Bill-of-Materials"): what a layer holds and where that is from, its licence, the
//! checksums of what was downloaded and of the files, and the crates inside where they are known.
//! Each format has a module with the part of it that is used, as a JSON template: the crates for
//! these formats have one of the versions at most, and take several times the size.
//!
//! The same subject gives the same bytes, whatever the time and the machine.

pub mod crates;
mod cyclonedx;
pub mod license;
mod spdx;
mod syft;

use self::crates::Crate;
use self::license::License;
use crate::address::Address;
use crate::checksum::Checksum;
use crate::dependency::Dependency;
use crate::release::Installed;
use libcnb_data::buildpack::Buildpack;
use libcnb_data::sbom::SbomFormat;
use serde_json::Value;
use uuid::Uuid;

/// What the documents are about: a piece of software.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Who says it: the buildpack, as buildpack.toml has it.
    pub buildpack: &'a Buildpack,
    /// What it is called.
    pub name: &'a str,
    /// Its version.
    pub version: String,
    /// Its licences. All of them apply; a choice is one expression.
    pub licenses: Vec<License<'a>>,
    /// Its package URL.
    pub purl: Option<&'a str>,
    /// Its CPE names.
    pub cpes: &'a [String],
    /// Where it was downloaded.
    pub download: Option<Download>,
    /// Where its source code is.
    pub source: Option<Download>,
    /// Its files, the program first.
    pub files: Vec<DescribedFile<'a>>,
    /// The crates that it was built from; `None` where they are not known.
    pub crates: Option<&'a [Crate]>,
}

/// Something that can be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// From here; `None` where that is no address.
    pub address: Option<String>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
}

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescribedFile<'a> {
    /// Where it is, below the layer.
    pub path: &'a str,
    /// Checksum of its content.
    pub checksum: Checksum,
}

/// A document in one of the formats.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its format.
    pub format: SbomFormat,
    /// Its content, JSON.
    pub data: Vec<u8>,
}

/// The documents: CycloneDX 1.6, SPDX 2.3 and Syft JSON.
#[must_use]
pub fn documents(subject: &Subject) -> [Document; 3] {
    let identity = subject.identity();
    [
        (
            SbomFormat::CycloneDxJson,
            cyclonedx::document(subject, identity),
        ),
        (SbomFormat::SpdxJson, spdx::document(subject, identity)),
        (SbomFormat::SyftJson, syft::document(subject)),
    ]
    .map(|(format, document)| Document {
        format,
        data: json(document),
    })
}

/// The text of a document. Members that are `null` are left out.
fn json(mut document: Value) -> Vec<u8> {
    remove_nulls(&mut document);
    format!("{document:#}").into_bytes()
}

fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// An array, or `null` where it would be empty.
fn unless_empty(elements: impl Iterator<Item = Value>) -> Value {
    let elements: Vec<Value> = elements.collect();
    if elements.is_empty() {
        Value::Null
    } else {
        elements.into()
    }
}

/// How the name of a document of this format ends (CNB buildpack spec, "Software-Bill-of-Materials").
#[must_use]
pub fn extension(format: &SbomFormat) -> &'static str {
    match format {
        SbomFormat::CycloneDxJson => "sbom.cdx.json",
        SbomFormat::SpdxJson => "sbom.spdx.json",
        SbomFormat::SyftJson => "sbom.syft.json",
    }
}

impl<'a> Subject<'a> {
    /// The identity of the documents: the first half of the SHA-256 digest of all that they say,
    /// but for the crates, which the checksums of the files stand for. As a UUID that is one of
    /// version 8 (RFC 9562, section 5.8). Documents that differ have different ones, and equal
    /// documents the same.
    #[must_use]
    pub fn identity(&self) -> Uuid {
        let without_crates = Subject {
            crates: None,
            ..self.clone()
        };
        let content = Checksum::of(&json(cyclonedx::document(&without_crates, Uuid::nil())));
        Uuid::new_v8(std::array::from_fn(|index| content.bytes()[index]))
    }

    /// A release of watchexec, of an archive with this checksum.
    ///
    /// The address is the dependency's own: a mirror is of no concern to who reads the image.
    #[must_use]
    pub fn release(
        buildpack: &'a Buildpack,
        dependency: &'a Dependency,
        archive: Checksum,
        installed: &'a Installed,
    ) -> Self {
        Self {
            buildpack,
            name: dependency.name.as_deref().unwrap_or(&dependency.id),
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
                address: public(&dependency.uri),
                checksum: Some(archive),
            }),
            source: dependency.source.as_deref().map(|uri| Download {
                address: public(uri),
                checksum: dependency
                    .source_checksum
                    .as_deref()
                    .and_then(|checksum| checksum.parse().ok()),
            }),
            files: installed
                .files()
                .map(|installed| DescribedFile {
                    path: installed.file.path(),
                    checksum: installed.checksum,
                })
                .collect(),
            crates: None,
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

/// An address without its credentials, since an SBOM goes wherever the image goes.
fn public(uri: &str) -> Option<String> {
    Address::parse(uri).ok().map(|address| address.to_string())
}

/// What a document calls its subject.
const SUBJECT: &str = "subject";

/// What a document calls a file of its subject, by its place in the list: what is allowed in a
/// name differs between the formats.
fn file_reference(index: usize) -> String {
    format!("file-{index}")
}

/// What a document calls a crate of its subject.
fn crate_reference(index: usize) -> String {
    format!("crate-{index}")
}
