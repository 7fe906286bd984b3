//! Syft's own JSON (<https://github.com/anchore/syft/tree/main/schema/json>).
//!
//! Readers warn of documents whose schema is newer than theirs: this is the first one of the
//! series 16, which all versions of Syft and Grype since 1.0 read.

use super::crates::Crate;
use super::license::{License, Name};
use super::subject::{DescribedFile, SUBJECT, Subject, crate_reference, file_reference};
use crate::checksum::Checksum;
use serde_json::{Value, json};

const SCHEMA_VERSION: &str = "16.0.0";
const SCHEMA_URL: &str =
    "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json";

/// The identifier of the source that everything in a document comes from.
const ORIGIN: &str = "origin";

pub(super) fn document(subject: &Subject) -> Value {
    let crates = subject.crates.unwrap_or_default();
    let download = subject.download.as_ref();
    let mut artifacts = vec![main(subject)];
    artifacts.extend(
        (crates.iter().enumerate())
            .map(|(index, of)| library(subject, &crate_reference(index), of)),
    );
    let files = subject.files.iter().enumerate().map(|(index, file)| {
        json!({
            "id": file_reference(index),
            "location": {"path": file.path},
            "digests": [digest(&file.checksum)],
        })
    });
    json!({
        "artifacts": artifacts,
        "artifactRelationships": relationships(subject, crates),
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

fn main(subject: &Subject) -> Value {
    let cpes = subject.cpes.iter();
    let cpes = cpes.map(|cpe| json!({"cpe": cpe, "source": "declared"}));
    json!({
        "id": SUBJECT,
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

fn library(subject: &Subject, id: &str, of: &Crate) -> Value {
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
        "value": license.name.text(),
        "spdxExpression": match license.name {
            Name::Identifier(text) | Name::Expression(text) => text,
            Name::Unknown(_) => "",
        },
        "type": "declared",
        "urls": license.uri.as_slice(),
        "locations": [],
    })
}

fn relationships(subject: &Subject, crates: &[Crate]) -> Vec<Value> {
    let relationship =
        |parent: &str, kind, child: &str| json!({"parent": parent, "child": child, "type": kind});
    let mut relationships = vec![relationship(ORIGIN, "contains", SUBJECT)];
    for index in 0..subject.files.len() {
        relationships.push(relationship(SUBJECT, "contains", &file_reference(index)));
    }
    // Here the crate that is used is the parent.
    for (index, of) in crates.iter().enumerate() {
        let user = crate_reference(index);
        if of.root {
            relationships.push(relationship(&user, "dependency-of", SUBJECT));
        }
        for used in &of.dependencies {
            relationships.push(relationship(
                &crate_reference(*used),
                "dependency-of",
                &user,
            ));
        }
    }
    relationships
}

fn digest(checksum: &Checksum) -> Value {
    json!({"algorithm": "sha256", "value": checksum.hex()})
}
