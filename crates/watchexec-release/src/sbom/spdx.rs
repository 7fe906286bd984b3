//! SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).

use super::crates::Crate;
use super::json::unless_empty;
use super::license::{License, Name};
use super::subject::{SUBJECT, Subject, crate_reference, file_reference};
use crate::checksum::Checksum;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The value of a required member that this document does not state.
const NO_ASSERTION: &str = "NOASSERTION";

/// Clause 6.9 asks for the time of creation. This is the time that the platform gives to all files
/// of an image, so that a build gives the same document on any day.
const CREATED: &str = "1980-01-01T00:00:01Z";

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let crates = subject.crates.unwrap_or_default();
    let mut relationships = vec![relationship("DOCUMENT", "DESCRIBES", SUBJECT)];
    for index in 0..subject.files.len() {
        relationships.push(relationship(SUBJECT, "CONTAINS", &file_reference(index)));
    }
    for (index, library) in crates.iter().enumerate() {
        let reference = crate_reference(index);
        if library.root {
            relationships.push(relationship(SUBJECT, "DEPENDS_ON", &reference));
        }
        for used in &library.dependencies {
            let used = crate_reference(*used);
            relationships.push(relationship(&reference, "DEPENDS_ON", &used));
        }
    }

    let mut packages = vec![main(subject)];
    packages.extend(subject.files.iter().enumerate().map(|(index, file)| {
        // Clause 8.4 asks for a SHA-1 checksum of a file. A package, for which clause 7.10 does not,
        // can be described by its SHA-256 alone.
        let package = package(&file_reference(index), file.path, "FILE");
        with(package, json!({"checksums": [hash(&file.checksum)]}))
    }));
    packages.extend(crates.iter().enumerate().map(library));

    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{}-{}", subject.name, subject.version),
        // Clause 6.5 offers this host to creators without a place of their own for documents.
        "documentNamespace": format!("https://spdx.org/spdxdocs/{}", identity.hyphenated()),
        "creationInfo": {
            "created": CREATED,
            "creators": [format!("Tool: {}-{}", subject.buildpack.id, subject.buildpack.version)],
        },
        "packages": packages,
        "hasExtractedLicensingInfos":
            unless_empty(subject.licenses.iter().enumerate().filter_map(extracted)),
        "relationships": relationships,
    })
}

/// The subject as downloaded, with the checksum of the archive.
fn main(subject: &Subject) -> Value {
    let download = subject.download.as_ref();
    let source = subject.source.as_ref();
    let cpes = subject.cpes.iter().map(|cpe| {
        json!({
            "referenceCategory": "SECURITY",
            // Annex F.2 has two types, one for each version of the CPE specification.
            "referenceType": if cpe.starts_with("cpe:2.3:") { "cpe23Type" } else { "cpe22Type" },
            "referenceLocator": cpe,
        })
    });
    let purl = subject.purl.map(purl);
    let mut known = json!({
        "versionInfo": subject.version,
        "checksums": download.and_then(|download| download.checksum).map(|checksum| [hash(&checksum)]),
        "sourceInfo": source.and_then(|source| source.url.as_deref()),
        "licenseDeclared": declared(&subject.licenses),
        "externalRefs": unless_empty(purl.into_iter().chain(cpes)),
    });
    if let Some(url) = download.and_then(|download| download.url.as_deref()) {
        known["downloadLocation"] = url.into();
    }
    with(package(SUBJECT, subject.name, "APPLICATION"), known)
}

fn library((index, of): (usize, &Crate)) -> Value {
    with(
        package(&crate_reference(index), &of.name, "LIBRARY"),
        json!({
            "versionInfo": of.version,
            "licenseDeclared": declared(of.license().as_slice()),
            "externalRefs": of.purl().map(|text| [purl(&text)]),
        }),
    )
}

/// A package of which only the name is known, with all members in their order.
fn package(reference: &str, name: &str, purpose: &str) -> Value {
    json!({
        "SPDXID": format!("SPDXRef-{reference}"),
        "name": name,
        "versionInfo": null,
        "primaryPackagePurpose": purpose,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "checksums": null,
        "sourceInfo": null,
        "licenseConcluded": NO_ASSERTION,
        "licenseDeclared": NO_ASSERTION,
        "copyrightText": NO_ASSERTION,
        "supplier": NO_ASSERTION,
        "externalRefs": null,
    })
}

fn with(mut package: Value, known: Value) -> Value {
    if let (Some(package), Value::Object(known)) = (package.as_object_mut(), known) {
        Map::extend(package, known);
    }
    package
}

fn purl(purl: &str) -> Value {
    json!({
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": purl,
    })
}

/// All licences, as one expression.
fn declared(licenses: &[License]) -> String {
    let terms: Vec<String> = licenses
        .iter()
        .enumerate()
        .map(|(index, license)| match license.name {
            Name::Identifier(id) => id.to_owned(),
            Name::Expression(text) if licenses.len() == 1 => text.to_owned(),
            Name::Expression(text) => format!("({text})"),
            Name::Unknown(_) => license_reference(index),
        })
        .collect();
    if terms.is_empty() {
        NO_ASSERTION.to_owned()
    } else {
        terms.join(" AND ")
    }
}

/// A licence that is missing from the SPDX list has to come with its text (clause 10.2). This
/// buildpack knows at most where that is.
fn extracted((index, license): (usize, &License)) -> Option<Value> {
    let Name::Unknown(name) = license.name else {
        return None;
    };
    Some(json!({
        "licenseId": license_reference(index),
        "name": name,
        "extractedText": format!("See {}", license.uri.as_deref().unwrap_or(name)),
        "seeAlsos": license.uri.as_ref().map(|uri| [uri]),
    }))
}

fn license_reference(index: usize) -> String {
    format!("LicenseRef-{index}")
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({
        "spdxElementId": format!("SPDXRef-{from}"),
        "relationshipType": kind,
        "relatedSpdxElement": format!("SPDXRef-{to}"),
    })
}

fn hash(checksum: &Checksum) -> Value {
    json!({"algorithm": "SHA256", "checksumValue": checksum.hex()})
}
