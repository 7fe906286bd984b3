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
pub mod license;
mod spdx;
pub mod subject;
mod syft;

use self::subject::Subject;
use crate::checksum::Checksum;
use libcnb_data::sbom::SbomFormat;
use serde_json::{Value, json};
use uuid::Uuid;

/// The documents, as JSON: CycloneDX 1.6, SPDX 2.3 and Syft JSON.
pub fn documents(subject: &Subject) -> [(SbomFormat, Vec<u8>); 3] {
    let identity = identity(subject);
    let cyclonedx = text(cyclonedx::document(subject, identity), is_empty);
    let spdx = text(spdx::document(subject, identity), is_empty);
    // Its schema requires lists, empty or not.
    let syft = text(syft::document(subject, identity), Value::is_null);
    [
        (SbomFormat::CycloneDxJson, cyclonedx),
        (SbomFormat::SpdxJson, spdx),
        (SbomFormat::SyftJson, syft),
    ]
}

/// The identity of the documents: the first half of the SHA-256 digest of their content, as a UUID
/// of version 8 (RFC 9562, section 5.8). The crates are left out: the checksums of the files stand
/// for them.
pub fn identity(subject: &Subject) -> Uuid {
    let without_crates = Subject {
        crates: None,
        ..subject.clone()
    };
    let content = text(cyclonedx::document(&without_crates, Uuid::nil()), is_empty);
    let digest = Checksum::of(&content);
    Uuid::new_v8(std::array::from_fn(|index| digest.bytes()[index]))
}

/// The name of a format, and the end of its file names (CNB buildpack spec,
/// "Software-Bill-of-Materials").
pub fn names(format: &SbomFormat) -> (&'static str, &'static str) {
    match format {
        SbomFormat::CycloneDxJson => ("CycloneDX", "sbom.cdx.json"),
        SbomFormat::SpdxJson => ("SPDX", "sbom.spdx.json"),
        SbomFormat::SyftJson => ("Syft", "sbom.syft.json"),
    }
}

/// The text of a document, without the members that have no value.
fn text(mut document: Value, has_no_value: fn(&Value) -> bool) -> Vec<u8> {
    remove_members(&mut document, has_no_value);
    format!("{document:#}").into_bytes()
}

fn remove_members(of: &mut Value, has_no_value: fn(&Value) -> bool) {
    match of {
        Value::Object(members) => {
            members.retain(|_, member| !has_no_value(member));
            for member in members.values_mut() {
                remove_members(member, has_no_value);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                remove_members(element, has_no_value);
            }
        }
        _ => {}
    }
}

fn is_empty(member: &Value) -> bool {
    member.is_null() || *member == json!([])
}
