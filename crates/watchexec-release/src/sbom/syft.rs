//! Syft's own JSON (<https://github.com/anchore/syft/tree/main/schema/json>).
//!
//! Readers warn about a schema that is newer than theirs. This is the first one of the series 16,
//! which all versions of Syft and Grype since 1.0 read.

use super::crates::TOOLCHAIN;
use super::license::{Kind, License};
use super::subject::{Software, Subject, reference};
use crate::checksum::Checksum;
use serde_json::{Value, json};
use uuid::Uuid;

const SCHEMA_VERSION: &str = "16.0.0";
const SCHEMA_URL: &str =
    "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json";

/// The identifier of the source of all artifacts.
const ORIGIN: &str = "origin";

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let all = subject.all(identity);
    let software = &subject.software;
    let main = reference(0, identity);
    let mut relationships = vec![relationship(ORIGIN, "contains", &main)];
    let mut files = Vec::new();
    for (index, (path, checksum)) in software.files.iter().enumerate() {
        let id = format!("file-{index}-{identity}");
        relationships.push(relationship(&main, "contains", &id));
        files.push(json!({
            "id": id,
            "location": {"path": path},
            "digests": [digest(checksum)],
        }));
    }
    for of in &all {
        // In this format, the dependency is the parent.
        let used = of.dependencies.iter();
        relationships.extend(used.map(|used| relationship(used, "dependency-of", &of.reference)));
    }
    json!({
        "artifacts": all.iter().map(|of| artifact(subject, of)).collect::<Vec<_>>(),
        "artifactRelationships": relationships,
        "files": files,
        "source": {
            "id": ORIGIN,
            "name": software.name,
            "version": software.version,
            "type": "file",
            "metadata": {
                "path": software.download.0.as_deref().unwrap_or_default(),
                "digests": software.download.1.map(|checksum| [digest(&checksum)]),
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

fn artifact(subject: &Subject, of: &Software) -> Value {
    let files = of.files.iter();
    let locations = files.map(|(path, _)| json!({"path": path, "accessPath": path}));
    let cpes = of.cpes.iter();
    let cpes = cpes.map(|cpe| json!({"cpe": cpe, "source": "declared"}));
    // The metadata that Syft itself writes for a crate that it finds in a program.
    let metadata = (of.crate_source.filter(|source| *source != TOOLCHAIN))
        .map(|source| json!({"name": of.name, "version": of.version, "source": source}));
    let (kind, language) = match metadata {
        Some(_) => ("rust-crate", "rust"),
        None => ("binary", ""),
    };
    json!({
        "id": of.reference,
        "name": of.name,
        "version": of.version,
        "type": kind,
        "foundBy": subject.buildpack.id,
        "locations": locations.collect::<Vec<_>>(),
        "licenses": of.licenses.iter().map(license).collect::<Vec<_>>(),
        "language": language,
        "cpes": cpes.collect::<Vec<_>>(),
        "purl": of.purl.as_deref().unwrap_or_default(),
        "metadataType": metadata.is_some().then_some("rust-cargo-audit-entry"),
        "metadata": metadata,
    })
}

fn relationship(parent: &str, kind: &str, child: &str) -> Value {
    json!({"parent": parent, "child": child, "type": kind})
}

fn license(license: &License) -> Value {
    json!({
        "value": license.name,
        "spdxExpression": if license.kind == Kind::Other { "" } else { &license.name },
        "type": "declared",
        "urls": license.url.as_slice(),
        "locations": [],
    })
}

fn digest(checksum: &Checksum) -> Value {
    json!({"algorithm": "sha256", "value": checksum.hex()})
}
