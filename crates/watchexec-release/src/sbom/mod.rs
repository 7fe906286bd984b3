//! Software bills of materials (SBOMs) of the layers, in the three formats of the platform (CNB
//! buildpack spec, "Software-Bill-of-Materials").
//!
//! Each document states the same facts: what a layer contains and where that comes from, its
//! licence, the checksums of the download and of the files, and the crates of the program if they
//! are known. The formats are JSON templates, a module each: every crate for them supports only
//! some of the versions and takes several times the size.
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

/// The documents, as JSON: CycloneDX 1.6, SPDX 2.3 and Syft JSON.
#[must_use]
pub fn documents(subject: &Subject) -> [(SbomFormat, Vec<u8>); 3] {
    let identity = identity(subject);
    let cyclonedx = cyclonedx::document(subject, identity);
    let spdx = spdx::document(subject, identity);
    let syft = syft::document(subject, identity);
    [
        (SbomFormat::CycloneDxJson, json::text(cyclonedx)),
        (SbomFormat::SpdxJson, json::text(spdx)),
        (SbomFormat::SyftJson, json::text(syft)),
    ]
}

/// The identity of the documents: the first half of the SHA-256 digest of their content, as a UUID
/// of version 8 (RFC 9562, section 5.8). The crates are left out: the checksums of the files stand
/// for them.
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

/// The name of a format, and the end of its file names (CNB buildpack spec,
/// "Software-Bill-of-Materials").
#[must_use]
pub fn names(format: &SbomFormat) -> (&'static str, &'static str) {
    match format {
        SbomFormat::CycloneDxJson => ("CycloneDX", "sbom.cdx.json"),
        SbomFormat::SpdxJson => ("SPDX", "sbom.spdx.json"),
        SbomFormat::SyftJson => ("Syft", "sbom.syft.json"),
    }
}
