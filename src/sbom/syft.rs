//! Syft's own JSON (<https://github.com/anchore/syft/tree/main/schema/json>).
//!
//! Readers warn of documents whose schema is newer than theirs: this is the first one of the
//! series 16, which all versions of Syft and Grype since 1.0 read.

use super::crates::Crate;
use super::license::{License, Name};
use super::{DescribedFile, SUBJECT, Subject, crate_reference, file_reference};
use crate::checksum::Checksum;
use serde::Serialize;

const SCHEMA_VERSION: &str = "16.0.0";
const SCHEMA_URL: &str =
    "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json";

/// What a document calls where all comes from.
const ORIGIN: &str = "origin";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    artifacts: Vec<Artifact<'a>>,
    artifact_relationships: Vec<Relationship>,
    files: Vec<File<'a>>,
    source: Source<'a>,
    distro: Distro,
    descriptor: Descriptor<'a>,
    /// The last one: readers look for it from the end.
    schema: Schema,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact<'a> {
    id: String,
    name: &'a str,
    version: String,
    r#type: &'static str,
    found_by: &'a str,
    locations: Vec<Location<'a>>,
    licenses: Vec<ArtifactLicense<'a>>,
    language: &'static str,
    cpes: Vec<Cpe<'a>>,
    purl: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<AuditEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    path: &'a str,
    access_path: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLicense<'a> {
    value: &'a str,
    spdx_expression: &'a str,
    r#type: &'static str,
    urls: Vec<String>,
    locations: [Location<'a>; 0],
}

#[derive(Serialize)]
struct Cpe<'a> {
    cpe: &'a str,
    source: &'static str,
}

/// What Syft itself notes of a crate that it finds in a program.
#[derive(Serialize)]
struct AuditEntry<'a> {
    name: &'a str,
    version: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct Relationship {
    parent: String,
    child: String,
    r#type: &'static str,
}

#[derive(Serialize)]
struct File<'a> {
    id: String,
    location: Coordinates<'a>,
    digests: [Digest; 1],
}

#[derive(Serialize)]
struct Coordinates<'a> {
    path: &'a str,
}

#[derive(Serialize)]
struct Digest {
    algorithm: &'static str,
    value: String,
}

#[derive(Serialize)]
struct Source<'a> {
    id: &'static str,
    name: &'a str,
    version: String,
    r#type: &'static str,
    metadata: SourceFile,
}

/// The metadata of a source of the type `file`.
#[derive(Serialize)]
struct SourceFile {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digests: Option<[Digest; 1]>,
}

/// The subject is of no distribution.
#[derive(Serialize)]
struct Distro {}

#[derive(Serialize)]
struct Descriptor<'a> {
    name: &'a str,
    version: String,
}

#[derive(Serialize)]
struct Schema {
    version: &'static str,
    url: &'static str,
}

pub(super) fn document(subject: &Subject) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec_pretty(&of(subject))
}

fn of<'a>(subject: &Subject<'a>) -> Document<'a> {
    let crates = subject.crates.unwrap_or_default();
    let download = subject.download.as_ref();
    Document {
        artifacts: std::iter::once(main(subject))
            .chain(
                crates
                    .iter()
                    .enumerate()
                    .map(|(index, of)| library(subject, index, of)),
            )
            .collect(),
        artifact_relationships: relationships(subject, crates),
        files: subject.files.iter().enumerate().map(file).collect(),
        source: Source {
            id: ORIGIN,
            name: subject.name,
            version: subject.version.clone(),
            r#type: "file",
            metadata: SourceFile {
                path: download
                    .and_then(|download| download.address.clone())
                    .unwrap_or_default(),
                digests: download
                    .and_then(|download| download.checksum)
                    .map(|checksum| [Digest::of(&checksum)]),
            },
        },
        distro: Distro {},
        descriptor: Descriptor {
            name: subject.buildpack.id.as_str(),
            version: subject.buildpack.version.to_string(),
        },
        schema: Schema {
            version: SCHEMA_VERSION,
            url: SCHEMA_URL,
        },
    }
}

fn main<'a>(subject: &Subject<'a>) -> Artifact<'a> {
    Artifact {
        id: SUBJECT.to_owned(),
        name: subject.name,
        version: subject.version.clone(),
        r#type: "binary",
        found_by: subject.buildpack.id.as_str(),
        locations: subject.files.iter().map(Location::of).collect(),
        licenses: subject.licenses.iter().map(license).collect(),
        language: "",
        cpes: subject
            .cpes
            .iter()
            .map(|cpe| Cpe {
                cpe,
                source: "declared",
            })
            .collect(),
        purl: subject.purl.unwrap_or_default().to_owned(),
        metadata_type: None,
        metadata: None,
    }
}

fn library<'a>(subject: &Subject<'a>, index: usize, of: &'a Crate) -> Artifact<'a> {
    Artifact {
        id: crate_reference(index),
        name: &of.name,
        version: of.version.clone(),
        r#type: "rust-crate",
        found_by: subject.buildpack.id.as_str(),
        locations: subject
            .files
            .first()
            .map(Location::of)
            .into_iter()
            .collect(),
        licenses: of.license().iter().map(license).collect(),
        language: "rust",
        cpes: Vec::new(),
        purl: of.purl().unwrap_or_default(),
        metadata_type: Some("rust-cargo-audit-entry"),
        metadata: Some(AuditEntry {
            name: &of.name,
            version: &of.version,
            source: &of.source,
        }),
    }
}

fn file<'a>((index, file): (usize, &DescribedFile<'a>)) -> File<'a> {
    File {
        id: file_reference(index),
        location: Coordinates { path: file.path },
        digests: [Digest::of(&file.checksum)],
    }
}

fn license<'a>(license: &License<'a>) -> ArtifactLicense<'a> {
    ArtifactLicense {
        value: license.name.text(),
        spdx_expression: match license.name {
            Name::Identifier(text) | Name::Expression(text) => text,
            Name::Unknown(_) => "",
        },
        r#type: "declared",
        urls: license.uri.iter().cloned().collect(),
        locations: [],
    }
}

fn relationships(subject: &Subject, crates: &[Crate]) -> Vec<Relationship> {
    let mut relationships = vec![relationship(
        ORIGIN.to_owned(),
        "contains",
        SUBJECT.to_owned(),
    )];
    for index in 0..subject.files.len() {
        relationships.push(relationship(
            SUBJECT.to_owned(),
            "contains",
            file_reference(index),
        ));
    }
    // Here the one that is used is the parent.
    for (index, of) in crates.iter().enumerate() {
        if of.root {
            relationships.push(relationship(
                crate_reference(index),
                "dependency-of",
                SUBJECT.to_owned(),
            ));
        }
        for used in &of.dependencies {
            relationships.push(relationship(
                crate_reference(*used),
                "dependency-of",
                crate_reference(index),
            ));
        }
    }
    relationships
}

fn relationship(parent: String, kind: &'static str, child: String) -> Relationship {
    Relationship {
        parent,
        child,
        r#type: kind,
    }
}

impl<'a> Location<'a> {
    fn of(file: &DescribedFile<'a>) -> Self {
        Self {
            path: file.path,
            access_path: file.path,
        }
    }
}

impl Digest {
    fn of(checksum: &Checksum) -> Self {
        Self {
            algorithm: "sha256",
            value: checksum.hex(),
        }
    }
}
