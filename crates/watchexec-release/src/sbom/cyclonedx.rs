//! CycloneDX 1.6 as JSON (ECMA-424; <https://cyclonedx.org/docs/1.6/json/>).

use super::crates::Crate;
use super::json::unless_empty;
use super::license::{Kind, License};
use super::subject::{Download, Subject};
use super::{crate_reference, subject_reference};
use crate::checksum::Checksum;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let crates = subject.crates.unwrap_or_default();
    let libraries = (crates.iter().enumerate())
        .map(|(index, of)| library(crate_reference(identity, index), of));
    let components: Vec<Value> = [main(subject, identity)]
        .into_iter()
        .chain(libraries)
        .collect();
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
        "components": components,
        // Without an entry here, the dependencies of a component are unknown.
        "dependencies": subject.crates.map(|crates| dependencies(crates, identity)),
    })
}

fn main(subject: &Subject, identity: Uuid) -> Value {
    let files = subject.files.iter().map(|file| {
        json!({
            "type": "file",
            "name": file.path,
            "hashes": [hash(&file.checksum)],
        })
    });
    // A component has one CPE at most. If there are several, all of them are evidence.
    let evidence = (subject.cpes.len() > 1).then(|| {
        let identity = subject.cpes.iter();
        let identity = identity.map(|cpe| json!({"field": "cpe", "concludedValue": cpe}));
        json!({"identity": identity.collect::<Vec<_>>()})
    });
    let references = [
        reference("distribution", subject.download.as_ref()),
        reference("source-distribution", subject.source.as_ref()),
    ];
    json!({
        "type": "application",
        "bom-ref": subject_reference(identity),
        "name": subject.name,
        "version": subject.version,
        "licenses": licenses(&subject.licenses),
        "cpe": subject.cpes.first(),
        "purl": subject.purl,
        "externalReferences": unless_empty(references.into_iter().flatten()),
        "components": unless_empty(files),
        "evidence": evidence,
    })
}

fn reference(kind: &str, download: Option<&Download>) -> Option<Value> {
    let download = download?;
    let url = download.url.as_deref()?;
    let hashes = download.checksum.as_ref().map(|checksum| [hash(checksum)]);
    Some(json!({"type": kind, "url": url, "hashes": hashes}))
}

fn library(reference: String, of: &Crate) -> Value {
    json!({
        "type": "library",
        "bom-ref": reference,
        "name": of.name,
        "version": of.version,
        "licenses": licenses(of.license().as_slice()),
        "purl": of.purl(),
    })
}

/// One expression, or any number of licences that are not expressions (schema, `licenseChoice`).
fn licenses(licenses: &[License]) -> Value {
    if let [
        License {
            kind: Kind::Expression,
            name,
            ..
        },
    ] = licenses
    {
        return json!([{"expression": name}]);
    }
    unless_empty(licenses.iter().map(|license| {
        let key = match license.kind {
            Kind::Identifier => "id",
            Kind::Expression | Kind::Other => "name",
        };
        json!({"license": {key: license.name, "url": license.url}})
    }))
}

fn dependencies(crates: &[Crate], identity: Uuid) -> Vec<Value> {
    let depends_on = |reference: String, on: &mut dyn Iterator<Item = usize>| {
        let on: Vec<String> = on.map(|index| crate_reference(identity, index)).collect();
        json!({"ref": reference, "dependsOn": on})
    };
    let mut roots = (0..crates.len()).filter(|index| crates[*index].root);
    let mut all = vec![depends_on(subject_reference(identity), &mut roots)];
    all.extend(crates.iter().enumerate().map(|(index, of)| {
        let reference = crate_reference(identity, index);
        depends_on(reference, &mut of.dependencies.iter().copied())
    }));
    all
}

fn hash(checksum: &Checksum) -> Value {
    json!({"alg": "SHA-256", "content": checksum.hex()})
}
