//! CycloneDX 1.6 as JSON (ECMA-424; <https://cyclonedx.org/docs/1.6/json/>).

#![expect(clippy::struct_field_names, reason = "they are the format's names")]

use super::crates::Crate;
use super::license::{License, Name};
use super::{Download, SUBJECT, Subject, crate_reference};
use crate::checksum::Checksum;
use serde::Serialize;
use uuid::Uuid;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component<'a>>,
    /// The crates of a component that is not in here are not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<Dependencies>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    tools: Tools<'a>,
}

#[derive(Serialize)]
struct Tools<'a> {
    components: [Component<'a>; 1],
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    r#type: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenseChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpe: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<ExternalReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence<'a>>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LicenseChoice<'a> {
    Expression(&'a str),
    License {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
}

#[derive(Serialize)]
struct ExternalReference {
    r#type: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes: Option<[Hash; 1]>,
}

#[derive(Serialize)]
struct Evidence<'a> {
    identity: Vec<Identity<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    field: &'static str,
    concluded_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependencies {
    r#ref: String,
    depends_on: Vec<String>,
}

pub(super) fn document(subject: &Subject, identity: Uuid) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec_pretty(&bom(subject, identity))
}

fn bom<'a>(subject: &Subject<'a>, identity: Uuid) -> Bom<'a> {
    let crates = subject.crates.unwrap_or_default();
    Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: identity.urn().to_string(),
        version: 1,
        metadata: Metadata {
            tools: Tools {
                components: [Component {
                    r#type: "application",
                    name: subject.buildpack.id.as_str(),
                    version: Some(subject.buildpack.version.to_string()),
                    ..Component::default()
                }],
            },
        },
        components: std::iter::once(main(subject))
            .chain(crates.iter().enumerate().map(library))
            .collect(),
        dependencies: subject.crates.map(dependencies).unwrap_or_default(),
    }
}

fn main<'a>(subject: &Subject<'a>) -> Component<'a> {
    // There is one place for the one CPE; where there are more, they are all evidence.
    let evidence = (subject.cpes.len() > 1).then(|| Evidence {
        identity: subject
            .cpes
            .iter()
            .map(|cpe| Identity {
                field: "cpe",
                concluded_value: cpe,
            })
            .collect(),
    });
    Component {
        r#type: "application",
        reference: Some(SUBJECT.to_owned()),
        name: subject.name,
        version: Some(subject.version.clone()),
        licenses: licenses(&subject.licenses),
        cpe: subject.cpes.first().map(String::as_str),
        purl: subject.purl.map(str::to_owned),
        external_references: [
            external_reference("distribution", subject.download.as_ref()),
            external_reference("source-distribution", subject.source.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect(),
        components: subject
            .files
            .iter()
            .map(|file| Component {
                r#type: "file",
                name: file.path,
                hashes: vec![Hash::of(&file.checksum)],
                ..Component::default()
            })
            .collect(),
        evidence,
        ..Component::default()
    }
}

fn external_reference(
    kind: &'static str,
    download: Option<&Download>,
) -> Option<ExternalReference> {
    let download = download?;
    Some(ExternalReference {
        r#type: kind,
        url: download.address.clone()?,
        hashes: download
            .checksum
            .as_ref()
            .map(|checksum| [Hash::of(checksum)]),
    })
}

fn library((index, of): (usize, &Crate)) -> Component<'_> {
    Component {
        r#type: "library",
        reference: Some(crate_reference(index)),
        name: &of.name,
        version: Some(of.version.clone()),
        licenses: licenses(of.license().as_slice()),
        purl: of.purl(),
        ..Component::default()
    }
}

/// Either one expression, or any number of licences that are none (schema, `licenseChoice`).
fn licenses<'a>(licenses: &[License<'a>]) -> Vec<LicenseChoice<'a>> {
    if let [
        License {
            name: Name::Expression(text),
            ..
        },
    ] = licenses
    {
        return vec![LicenseChoice::Expression(text)];
    }
    licenses
        .iter()
        .map(|license| {
            let (id, name) = match license.name {
                Name::Identifier(id) => (Some(id), None),
                Name::Expression(text) | Name::Unknown(text) => (None, Some(text)),
            };
            LicenseChoice::License {
                id,
                name,
                url: license.uri.clone(),
            }
        })
        .collect()
}

fn dependencies(crates: &[Crate]) -> Vec<Dependencies> {
    let roots = crates
        .iter()
        .enumerate()
        .filter(|(_, of)| of.root)
        .map(|(index, _)| crate_reference(index));
    let subject = Dependencies {
        r#ref: SUBJECT.to_owned(),
        depends_on: roots.collect(),
    };
    let crates = crates.iter().enumerate().map(|(index, of)| Dependencies {
        r#ref: crate_reference(index),
        depends_on: of
            .dependencies
            .iter()
            .copied()
            .map(crate_reference)
            .collect(),
    });
    std::iter::once(subject).chain(crates).collect()
}

impl Hash {
    fn of(checksum: &Checksum) -> Self {
        Self {
            alg: "SHA-256",
            content: checksum.hex(),
        }
    }
}
