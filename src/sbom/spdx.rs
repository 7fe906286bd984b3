//! SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).

#![expect(clippy::struct_field_names, reason = "they are the format's names")]

use super::crates::Crate;
use super::license::{License, Name};
use super::{DescribedFile, SUBJECT, Subject, crate_reference, file_reference};
use crate::checksum::Checksum;
use serde::Serialize;
use uuid::Uuid;

/// What stands where nothing is known, or nothing is said.
const NOTHING_SAID: &str = "NOASSERTION";

/// Clause 6.9 asks for the time of creation. It is the one that the platform gives to all files of
/// an image, so that a build gives the same document on any day.
const CREATED: &str = "1980-01-01T00:00:01Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: CreationInfo,
    packages: Vec<Package<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<ExtractedLicense<'a>>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo {
    created: &'static str,
    creators: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    primary_package_purpose: &'static str,
    download_location: String,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<PackageChecksum>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    supplier: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalReference>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageChecksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalReference {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtractedLicense<'a> {
    license_id: String,
    name: &'a str,
    extracted_text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    see_alsos: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

pub(super) fn document(subject: &Subject, identity: Uuid) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec_pretty(&of(subject, identity))
}

fn of<'a>(subject: &Subject<'a>, identity: Uuid) -> Document<'a> {
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

    Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: "SPDXRef-DOCUMENT",
        name: format!("{}-{}", subject.name, subject.version),
        // Clause 6.5 has this address for those who have no place of their own for documents.
        document_namespace: format!("https://spdx.org/spdxdocs/{}", identity.hyphenated()),
        creation_info: CreationInfo {
            created: CREATED,
            creators: [format!(
                "Tool: {}-{}",
                subject.buildpack.id, subject.buildpack.version
            )],
        },
        packages: std::iter::once(main(subject))
            .chain(subject.files.iter().enumerate().map(file))
            .chain(crates.iter().enumerate().map(library))
            .collect(),
        has_extracted_licensing_infos: subject
            .licenses
            .iter()
            .enumerate()
            .filter_map(|(index, license)| extracted(index, license))
            .collect(),
        relationships,
    }
}

/// The subject as it is downloaded: the checksum is that of the archive.
fn main<'a>(subject: &Subject<'a>) -> Package<'a> {
    let download = subject.download.as_ref();
    let source = subject.source.as_ref();
    let cpes = subject.cpes.iter().map(|cpe| ExternalReference {
        reference_category: "SECURITY",
        // Annex F.2: two types, by the version of the CPE specification.
        reference_type: if cpe.starts_with("cpe:2.3:") {
            "cpe23Type"
        } else {
            "cpe22Type"
        },
        reference_locator: cpe.clone(),
    });
    Package {
        version_info: Some(subject.version.clone()),
        download_location: download
            .and_then(|download| download.address.clone())
            .unwrap_or_else(|| NOTHING_SAID.to_owned()),
        checksums: download
            .and_then(|download| download.checksum)
            .iter()
            .map(PackageChecksum::of)
            .collect(),
        source_info: source.and_then(|source| source.address.clone()),
        license_declared: declared(&subject.licenses),
        external_refs: subject
            .purl
            .map(|text| purl(text.to_owned()))
            .into_iter()
            .chain(cpes)
            .collect(),
        ..Package::new(SUBJECT, subject.name, "APPLICATION")
    }
}

/// A file. Clause 8.4 wants a SHA-1 checksum of what it calls a file; as a package, for which
/// clause 7.10 does not, it can be known by the SHA-256 that it has.
fn file<'a>((index, file): (usize, &DescribedFile<'a>)) -> Package<'a> {
    Package {
        checksums: vec![PackageChecksum::of(&file.checksum)],
        ..Package::new(&file_reference(index), file.path, "FILE")
    }
}

fn library((index, of): (usize, &Crate)) -> Package<'_> {
    Package {
        version_info: Some(of.version.clone()),
        license_declared: declared(of.license().as_slice()),
        external_refs: of.purl().map(purl).into_iter().collect(),
        ..Package::new(&crate_reference(index), &of.name, "LIBRARY")
    }
}

fn purl(purl: String) -> ExternalReference {
    ExternalReference {
        reference_category: "PACKAGE-MANAGER",
        reference_type: "purl",
        reference_locator: purl,
    }
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
        NOTHING_SAID.to_owned()
    } else {
        terms.join(" AND ")
    }
}

/// A licence that is not on the SPDX list has to come with its text (clause 10.2); this buildpack
/// knows where that is at most.
fn extracted<'a>(index: usize, license: &License<'a>) -> Option<ExtractedLicense<'a>> {
    let Name::Unknown(name) = license.name else {
        return None;
    };
    Some(ExtractedLicense {
        license_id: license_reference(index),
        name,
        extracted_text: format!("See {}", license.uri.as_deref().unwrap_or(name)),
        see_alsos: license.uri.iter().cloned().collect(),
    })
}

fn license_reference(index: usize) -> String {
    format!("LicenseRef-{index}")
}

fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: format!("SPDXRef-{from}"),
        relationship_type: kind,
        related_spdx_element: format!("SPDXRef-{to}"),
    }
}

impl<'a> Package<'a> {
    /// A package of which nothing but the name is known.
    fn new(reference: &str, name: &'a str, purpose: &'static str) -> Self {
        Self {
            id: format!("SPDXRef-{reference}"),
            name,
            version_info: None,
            primary_package_purpose: purpose,
            download_location: NOTHING_SAID.to_owned(),
            files_analyzed: false,
            checksums: Vec::new(),
            source_info: None,
            license_concluded: NOTHING_SAID,
            license_declared: NOTHING_SAID.to_owned(),
            copyright_text: NOTHING_SAID,
            supplier: NOTHING_SAID,
            external_refs: Vec::new(),
        }
    }
}

impl PackageChecksum {
    fn of(checksum: &Checksum) -> Self {
        Self {
            algorithm: "SHA256",
            checksum_value: checksum.hex(),
        }
    }
}
