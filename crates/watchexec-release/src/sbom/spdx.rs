//! SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).

use super::crates::Crate;
use super::json::unless_empty;
use super::license::{Kind, License};
use super::subject::Subject;
use super::{crate_reference, subject_reference};
use crate::checksum::Checksum;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The value of a required member that is not known.
const NO_ASSERTION: &str = "NOASSERTION";

/// The time of creation, which clause 6.9 requires. The platform gives this time to all files of an
/// image, so the same build gives the same document on any day.
const CREATED: &str = "1980-01-01T00:00:01Z";

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let crates = subject.crates.unwrap_or_default();
    let main_reference = subject_reference(identity);
    let mut relationships = vec![relationship("DOCUMENT", "DESCRIBES", &main_reference)];
    for (index, library) in crates.iter().enumerate() {
        let reference = crate_reference(identity, index);
        if library.root {
            relationships.push(relationship(&main_reference, "DEPENDS_ON", &reference));
        }
        for used in &library.dependencies {
            let used = crate_reference(identity, *used);
            relationships.push(relationship(&reference, "DEPENDS_ON", &used));
        }
    }

    let mut others = OtherLicenses(Vec::new());
    let mut packages = vec![main(subject, &main_reference, &mut others)];
    for (index, of) in crates.iter().enumerate() {
        packages.push(library(&crate_reference(identity, index), of, &mut others));
    }

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
        "hasExtractedLicensingInfos": others.definitions(),
        "relationships": relationships,
    })
}

/// The subject as downloaded, with the checksum of the archive.
fn main(subject: &Subject, reference: &str, others: &mut OtherLicenses) -> Value {
    let download = subject.download.as_ref();
    let source = subject.source.as_ref();
    let cpes = subject.cpes.iter().map(|cpe| {
        json!({
            "referenceCategory": "SECURITY",
            // Annex F.2 has a type for each version of the CPE specification.
            "referenceType": if cpe.starts_with("cpe:2.3:") { "cpe23Type" } else { "cpe22Type" },
            "referenceLocator": cpe,
        })
    });
    let purl = subject.purl.map(purl);
    // Clause 8.4 requires the SHA-1 of each file element, which is not known here. As packages, the
    // files would appear in lists of software.
    let files = subject.files.iter();
    let files: Vec<String> = files
        .map(|file| format!("{} {}", file.path, file.checksum))
        .collect();
    let mut known = json!({
        "versionInfo": subject.version,
        "checksums": download.and_then(|download| download.checksum).map(|checksum| [hash(&checksum)]),
        "sourceInfo": source.and_then(|source| source.url.as_deref()),
        "licenseDeclared": others.declared(&subject.licenses),
        "externalRefs": unless_empty(purl.into_iter().chain(cpes)),
        "comment": format!("Files: {}", files.join(", ")),
    });
    if let Some(url) = download.and_then(|download| download.url.as_deref()) {
        known["downloadLocation"] = url.into();
    }
    with(package(reference, subject.name, "APPLICATION"), known)
}

fn library(reference: &str, of: &Crate, others: &mut OtherLicenses) -> Value {
    with(
        package(reference, &of.name, "LIBRARY"),
        json!({
            "versionInfo": of.version,
            "licenseDeclared": others.declared(of.license().as_slice()),
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
        "comment": null,
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

/// The licences that are not on the SPDX list. A document has to define each that it refers to, with
/// its text (clause 10.2). At most the URL of the text is known.
struct OtherLicenses(Vec<License>);

impl OtherLicenses {
    /// All licences of a package, as one expression.
    fn declared(&mut self, licenses: &[License]) -> String {
        let terms: Vec<String> = (licenses.iter())
            .map(|license| match license.kind {
                Kind::Expression if licenses.len() > 1 => format!("({})", license.name),
                Kind::Identifier | Kind::Expression => license.name.clone(),
                Kind::Other => self.reference(license),
            })
            .collect();
        if terms.is_empty() {
            NO_ASSERTION.to_owned()
        } else {
            terms.join(" AND ")
        }
    }

    fn reference(&mut self, license: &License) -> String {
        let known = self.0.iter().position(|known| known == license);
        let index = known.unwrap_or_else(|| {
            self.0.push(license.clone());
            self.0.len() - 1
        });
        format!("LicenseRef-{index}")
    }

    fn definitions(&self) -> Value {
        unless_empty(self.0.iter().enumerate().map(|(index, license)| {
            json!({
                "licenseId": format!("LicenseRef-{index}"),
                "name": license.name,
                "extractedText": format!("See {}", license.url.as_ref().unwrap_or(&license.name)),
                "seeAlsos": license.url.as_ref().map(|url| [url]),
            })
        }))
    }
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
