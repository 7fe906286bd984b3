//! Describing: the software bills of materials (SBOMs) of the layers.
//!
//! The same facts in each of the three formats that the platform takes (CNB buildpack spec,
//! "Software-Bill-of-Materials"): the content of a layer and its origin, its licence, the
//! checksums of the download and of the files, and the crates of the program where they are known.
//! Each format has a module with the part of it that is used, as a JSON template: the crates for
//! these formats have one of the versions at most, and take several times the size.
//!
//! The same subject gives the same bytes, at any time and on any machine.

pub mod crates;
mod cyclonedx;
mod json;
pub mod license;
mod spdx;
pub mod subject;
mod syft;

use self::subject::Subject;
use crate::checksum::Checksum;
use libcnb_data::sbom::SbomFormat;
use uuid::Uuid;

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
    let identity = identity(subject);
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
        data: json::text(document),
    })
}

/// The identity of the documents: the first half of the SHA-256 digest of all that they say, but for
/// the crates, which the checksums of the files stand for. As a UUID that is one of version 8 (RFC
/// 9562, section 5.8). Documents that differ have different ones, and equal documents the same.
#[must_use]
pub fn identity(subject: &Subject) -> Uuid {
    let without_crates = Subject {
        crates: None,
        ..subject.clone()
    };
    let content = json::text(cyclonedx::document(&without_crates, Uuid::nil()));
    let digest = Checksum::of(&content);
    Uuid::new_v8(std::array::from_fn(|index| digest.bytes()[index]))
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
