//! Syft's own JSON (<https://github.com/anchore/syft/tree/main/schema/json>).
//!
//! Readers warn about a schema that is newer than theirs. This is the first one of the series 16, which
//! all versions of Syft and Grype since 1.0 read.

use super::crates::Crate;
use super::license::License;
use super::subject::{DescribedFile, Subject};
use super::{crate_reference, file_reference, subject_reference};
use crate::checksum::Checksum;
use serde_json::{Value, json};
use uuid::Uuid;

const SCHEMA_VERSION: &str = "16.0.0";
const SCHEMA_URL: &str =
    "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json";

/// The identifier of the source of all artifacts.
const ORIGIN: &str = "origin";

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let crates = subject.crates.unwrap_or_default();
    let download = subject.download.as_ref();
    let libraries = (crates.iter().enumerate())
        .map(|(index, of)| library(subject, crate_reference(identity, index), of));
    let artifacts: Vec<Value> = [main(subject, identity)]
        .into_iter()
        .chain(libraries)
        .collect();
    let files = subject.files.iter().enumerate().map(|(index, file)| {
        json!({
            "id": file_reference(identity, index),
            "location": {"path": file.path},
            "digests": [digest(&file.checksum)],
        })
    });
    json!({
        "artifacts": artifacts,
        "artifactRelationships": relationships(subject, crates, identity),
        "files": files.collect::<Vec<_>>(),
        "source": {
            "id": ORIGIN,
            "name": subject.name,
            "version": subject.version,
            "type": "file",
            "metadata": {
                "path": download
                    .and_then(|download| download.url.as_deref())
                    .unwrap_or_default(),
                "digests": download
                    .and_then(|download| download.checksum)
                    .map(|checksum| [digest(&checksum)]),
            },
        },
        "distro": {},
        "descriptor": {
            "name": subject.buildpack.id,
            "version": subject.buildpack.version.to_string(),
        },
        // Readers look for it from the end.
        "schema": {"version": SCHEMA_VERSION, "url": SCHEMA_URL},
    })
}

fn main(subject: &Subject, identity: Uuid) -> Value {
    let cpes = subject.cpes.iter();
    let cpes = cpes.map(|cpe| json!({"cpe": cpe, "source": "declared"}));
    json!({
        "id": subject_reference(identity),
        "name": subject.name,
        "version": subject.version,
        "type": "binary",
        "foundBy": subject.buildpack.id,
        "locations": subject.files.iter().map(location).collect::<Vec<_>>(),
        "licenses": subject.licenses.iter().map(license).collect::<Vec<_>>(),
        "language": "",
        "cpes": cpes.collect::<Vec<_>>(),
        "purl": subject.purl.unwrap_or_default(),
    })
}

fn library(subject: &Subject, id: String, of: &Crate) -> Value {
    json!({
        "id": id,
        "name": of.name,
        "version": of.version,
        "type": "rust-crate",
        "foundBy": subject.buildpack.id,
        "locations": subject.files.first().map(location).as_slice(),
        "licenses": of.license().iter().map(license).collect::<Vec<_>>(),
        "language": "rust",
        "cpes": [],
        "purl": of.purl().unwrap_or_default(),
        // The metadata that Syft itself writes for a crate that it finds in a program.
        "metadataType": "rust-cargo-audit-entry",
        "metadata": {"name": of.name, "version": of.version, "source": of.source},
    })
}

fn location(file: &DescribedFile) -> Value {
    json!({"path": file.path, "accessPath": file.path})
}

fn license(license: &License) -> Value {
    json!({
        "value": license.name,
        "spdxExpression": license.expression().unwrap_or_default(),
        "type": "declared",
        "urls": license.url.as_slice(),
        "locations": [],
    })
}

fn relationships(subject: &Subject, crates: &[Crate], identity: Uuid) -> Vec<Value> {
    let relationship = |parent: &str, kind: &str, child: &str| json!({"parent": parent, "child": child, "type": kind});
    let main = subject_reference(identity);
    let mut relationships = vec![relationship(ORIGIN, "contains", &main)];
    for index in 0..subject.files.len() {
        let file = file_reference(identity, index);
        relationships.push(relationship(&main, "contains", &file));
    }
    // In this format, the dependency is the parent.
    for (index, of) in crates.iter().enumerate() {
        let user = crate_reference(identity, index);
        if of.root {
            relationships.push(relationship(&user, "dependency-of", &main));
        }
        for used in &of.dependencies {
            let used = crate_reference(identity, *used);
            relationships.push(relationship(&used, "dependency-of", &user));
        }
    }
    relationships
}

fn digest(checksum: &Checksum) -> Value {
    json!({"algorithm": "sha256", "value": checksum.hex()})
}
