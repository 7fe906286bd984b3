//! CycloneDX 1.6 as JSON (ECMA-424; <https://cyclonedx.org/docs/1.6/json/>).

use super::license::{Kind, License};
use super::subject::{Download, Software, Subject};
use crate::checksum::Checksum;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let software = subject.all(identity);
    let dependencies = software.iter();
    let dependencies =
        dependencies.map(|of| json!({"ref": of.reference, "dependsOn": of.dependencies}));
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": identity.urn().to_string(),
        "version": 1,
        "metadata": {"tools": {"components": [{
            "type": "application",
            "name": subject.buildpack.id,
            "version": subject.buildpack.version.to_string(),
        }]}},
        "components": software.iter().map(component).collect::<Vec<_>>(),
        // Without an entry here, the dependencies of a component are unknown.
        "dependencies": subject.crates.map(|_| dependencies.collect::<Vec<_>>()),
    })
}

fn component(of: &Software) -> Value {
    let is_crate = of.crate_source.is_some();
    let files = of.files.iter().filter(|_| !is_crate);
    let files = files
        .map(|(path, checksum)| json!({"type": "file", "name": path, "hashes": [hash(checksum)]}));
    // A component has one CPE at most. If there are several, all of them are evidence.
    let evidence = (of.cpes.len() > 1).then(|| {
        let identity = of.cpes.iter();
        let identity = identity.map(|cpe| json!({"field": "cpe", "concludedValue": cpe}));
        json!({"identity": identity.collect::<Vec<_>>()})
    });
    let references = [
        reference("distribution", &of.download),
        reference("source-distribution", &of.source),
    ];
    json!({
        "type": if is_crate { "library" } else { "application" },
        "bom-ref": of.reference,
        "name": of.name,
        "version": of.version,
        "licenses": licenses(&of.licenses),
        "cpe": of.cpes.first(),
        "purl": of.purl,
        "externalReferences": references.into_iter().flatten().collect::<Vec<_>>(),
        "components": files.collect::<Vec<_>>(),
        "evidence": evidence,
    })
}

fn reference(kind: &str, (url, checksum): &Download) -> Option<Value> {
    let hashes = checksum.as_ref().map(|checksum| [hash(checksum)]);
    (url.as_ref()).map(|url| json!({"type": kind, "url": url, "hashes": hashes}))
}

/// One expression, or any number of licences that are not expressions (schema, `licenseChoice`).
fn licenses(licenses: &[License]) -> Value {
    if let [license] = licenses
        && license.kind == Kind::Expression
    {
        return json!([{"expression": license.name}]);
    }
    let licenses = licenses.iter().map(|license| {
        let key = match license.kind {
            Kind::Identifier => "id",
            Kind::Expression | Kind::Other => "name",
        };
        json!({"license": {key: license.name, "url": license.url}})
    });
    licenses.collect()
}

fn hash(checksum: &Checksum) -> Value {
    json!({"alg": "SHA-256", "content": checksum.hex()})
}
