//! Software bills of materials (SBOMs) of the layers, in the three formats of the platform (CNB buildpack
//! spec, "Software-Bill-of-Materials").
//!
//! Each document states the same facts: what a layer contains and where that comes from, its licence,
//! the checksums of the download and of the files, and the crates of the program if they are known.
//! The formats are JSON templates, a module each: every crate for them supports only some of the
//! versions and takes several times the size.
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
        (SbomFormat::SyftJson, syft::document(subject, identity)),
    ]
    .map(|(format, document)| Document {
        format,
        data: json::text(document),
    })
}

/// The identity of the documents: the first half of the SHA-256 digest of their content, as a UUID of
/// version 8 (RFC 9562, section 5.8). The crates are left out: the checksums of the files stand for
/// them.
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

/// The name of a format.
#[must_use]
pub fn name(format: &SbomFormat) -> &'static str {
    match format {
        SbomFormat::CycloneDxJson => "CycloneDX",
        SbomFormat::SpdxJson => "SPDX",
        SbomFormat::SyftJson => "Syft",
    }
}

/// The end of the file names of a format (CNB buildpack spec, "Software-Bill-of-Materials").
#[must_use]
pub fn extension(format: &SbomFormat) -> &'static str {
    match format {
        SbomFormat::CycloneDxJson => "sbom.cdx.json",
        SbomFormat::SpdxJson => "sbom.spdx.json",
        SbomFormat::SyftJson => "sbom.syft.json",
    }
}

/// The reference of the subject in its documents. Syft merges the packages of several documents that
/// have the same reference, so it is unique to the documents of a subject.
fn subject_reference(identity: Uuid) -> String {
    format!("subject-{identity}")
}

/// The reference of a file, by its index in the list: each format allows different characters.
fn file_reference(identity: Uuid, index: usize) -> String {
    format!("file-{index}-{identity}")
}

/// The reference of a crate, by its index in the list.
fn crate_reference(identity: Uuid, index: usize) -> String {
    format!("crate-{index}-{identity}")
}
