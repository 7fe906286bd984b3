//! SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).

use super::json::unless_empty;
use super::license::{Kind, License};
use super::subject::{Software, Subject};
use crate::checksum::Checksum;
use serde_json::{Value, json};
use uuid::Uuid;

/// The value of a required member that is not known.
const NO_ASSERTION: &str = "NOASSERTION";

/// The time of creation, which clause 6.9 requires. The platform gives this time to all files of an
/// image, so the same build gives the same document on any day.
const CREATED: &str = "1980-01-01T00:00:01Z";

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let mut others = OtherLicenses(Vec::new());
    let mut packages = Vec::new();
    let mut relationships = Vec::new();
    for of in &subject.all(identity) {
        if packages.is_empty() {
            relationships.push(relationship("DOCUMENT", "DESCRIBES", &of.reference));
        }
        packages.push(package(of, &mut others));
        for used in &of.dependencies {
            relationships.push(relationship(&of.reference, "DEPENDS_ON", used));
        }
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{}-{}", subject.software.name, subject.software.version),
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

/// The subject as downloaded, with the checksum of the archive, or a crate.
fn package(of: &Software, others: &mut OtherLicenses) -> Value {
    let is_crate = of.crate_source.is_some();
    let purl = (of.purl.iter()).map(|purl| reference("PACKAGE-MANAGER", "purl", purl));
    // Annex F.2 has a type for each version of the CPE specification.
    let cpes = of.cpes.iter().map(|cpe| {
        let kind = if cpe.starts_with("cpe:2.3:") {
            "cpe23Type"
        } else {
            "cpe22Type"
        };
        reference("SECURITY", kind, cpe)
    });
    // Clause 8.4 requires the SHA-1 of each file element, which is not known here. As packages, the
    // files would appear in lists of software.
    let files = (of.files.iter()).map(|(path, checksum)| format!("{path} {checksum}"));
    let files = (!is_crate).then(|| files.collect::<Vec<_>>().join(", "));
    json!({
        "SPDXID": format!("SPDXRef-{}", of.reference),
        "name": of.name,
        "versionInfo": of.version,
        "primaryPackagePurpose": if is_crate { "LIBRARY" } else { "APPLICATION" },
        "downloadLocation": of.download.0.as_deref().unwrap_or(NO_ASSERTION),
        "filesAnalyzed": false,
        "checksums": of.download.1.map(|checksum| [hash(&checksum)]),
        "sourceInfo": of.source.0,
        "licenseConcluded": NO_ASSERTION,
        "licenseDeclared": others.declared(&of.licenses),
        "copyrightText": NO_ASSERTION,
        "supplier": NO_ASSERTION,
        "externalRefs": unless_empty(purl.chain(cpes)),
        "comment": files.map(|files| format!("Files: {files}")),
    })
}

fn reference(category: &str, kind: &str, locator: &str) -> Value {
    json!({
        "referenceCategory": category,
        "referenceType": kind,
        "referenceLocator": locator,
    })
}

/// The licences that are not on the SPDX list. A document has to define each that it refers to,
/// with its text (clause 10.2). At most the URL of the text is known.
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
        let index = self.0.iter().position(|known| known == license);
        if index.is_none() {
            self.0.push(license.clone());
        }
        let index = index.unwrap_or(self.0.len() - 1);
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
