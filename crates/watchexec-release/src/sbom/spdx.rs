//! SPDX 2.3 as JSON (<https://spdx.github.io/spdx-spec/v2.3/>).

use super::license::{Kind, License};
use super::subject::{Software, Subject, reference};
use crate::checksum::Checksum;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The value of a required member that is not known.
const NO_ASSERTION: &str = "NOASSERTION";

/// The time of creation, which clause 6.9 requires. The platform gives this time to all files of an
/// image, so the same build gives the same document on any day.
const CREATED: &str = "1980-01-01T00:00:01Z";

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let all = subject.all(identity);
    let main = reference(0, identity);
    let mut relationships = vec![relationship("DOCUMENT", "DESCRIBES", &main)];
    for of in &all {
        let used = of.dependencies.iter();
        relationships.extend(used.map(|used| relationship(&of.reference, "DEPENDS_ON", used)));
    }
    // A document defines each licence that is not on the SPDX list, with its text (clause 10.2). At
    // most the URL of the text is known.
    let others = all.iter().flat_map(|of| &of.licenses);
    let others = others.filter(|license| license.kind == Kind::Other);
    let others: BTreeMap<String, Value> = others
        .map(|license| {
            let id = license_reference(license);
            let definition = json!({
                "licenseId": id,
                "name": license.name,
                "extractedText": format!("See {}", license.url.as_ref().unwrap_or(&license.name)),
                "seeAlsos": license.url.as_ref().map(|url| [url]),
            });
            (id, definition)
        })
        .collect();
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
        "packages": all.iter().map(package).collect::<Vec<_>>(),
        "hasExtractedLicensingInfos": others.into_values().collect::<Vec<_>>(),
        "relationships": relationships,
    })
}

/// The subject as downloaded, with the checksum of the archive, or a crate.
fn package(of: &Software) -> Value {
    let is_crate = of.crate_source.is_some();
    let purl = (of.purl.iter()).map(|purl| external("PACKAGE-MANAGER", "purl", purl));
    // Annex F.2 has a type for each version of the CPE specification.
    let cpes = of.cpes.iter().map(|cpe| {
        let kind = if cpe.starts_with("cpe:2.3:") {
            "cpe23Type"
        } else {
            "cpe22Type"
        };
        external("SECURITY", kind, cpe)
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
        "licenseDeclared": declared(&of.licenses),
        "copyrightText": NO_ASSERTION,
        "supplier": NO_ASSERTION,
        "externalRefs": purl.chain(cpes).collect::<Vec<_>>(),
        "comment": files.map(|files| format!("Files: {files}")),
    })
}

fn external(category: &str, kind: &str, locator: &str) -> Value {
    json!({
        "referenceCategory": category,
        "referenceType": kind,
        "referenceLocator": locator,
    })
}

/// All licences of a package, as one expression.
fn declared(licenses: &[License]) -> String {
    let terms = licenses.iter().map(|license| match license.kind {
        Kind::Expression if licenses.len() > 1 => format!("({})", license.name),
        Kind::Identifier | Kind::Expression => license.name.clone(),
        Kind::Other => license_reference(license),
    });
    match terms.collect::<Vec<_>>().join(" AND ") {
        none if none.is_empty() => NO_ASSERTION.to_owned(),
        terms => terms,
    }
}

/// The identifier of a licence that is not on the SPDX list, in the characters that clause 10.1
/// allows.
fn license_reference(license: &License) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '.';
    format!(
        "LicenseRef-{}",
        license.name.replace(|c| !is_allowed(c), "-")
    )
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
