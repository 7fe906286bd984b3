//! CycloneDX 1.6 as JSON (ECMA-424; <https://cyclonedx.org/docs/1.6/json/>).

use super::crates::Crate;
use super::json::unless_empty;
use super::license::{License, Name};
use super::subject::{Download, SUBJECT, Subject, crate_reference};
use crate::checksum::Checksum;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) fn document(subject: &Subject, identity: Uuid) -> Value {
    let crates = subject.crates.unwrap_or_default();
    let mut components = vec![main(subject)];
    components.extend(crates.iter().enumerate().map(library));
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
        // The crates of a component that is missing here are unknown.
        "dependencies": subject.crates.map(dependencies),
    })
}

fn main(subject: &Subject) -> Value {
    let files = subject.files.iter().map(|file| {
        json!({
            "type": "file",
            "name": file.path,
            "hashes": [hash(&file.checksum)],
        })
    });
    // A component has room for one CPE. Where there are several, all of them are evidence.
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
        "bom-ref": SUBJECT,
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

fn library((index, of): (usize, &Crate)) -> Value {
    json!({
        "type": "library",
        "bom-ref": crate_reference(index),
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
            name: Name::Expression(text),
            ..
        },
    ] = licenses
    {
        return json!([{"expression": text}]);
    }
    unless_empty(licenses.iter().map(|license| {
        let key = match license.name {
            Name::Identifier(_) => "id",
            Name::Expression(_) | Name::Unknown(_) => "name",
        };
        json!({"license": {key: license.name.text(), "url": license.uri}})
    }))
}

fn dependencies(crates: &[Crate]) -> Vec<Value> {
    let depends_on = |name: String, on: &mut dyn Iterator<Item = usize>| {
        let on: Vec<String> = on.map(crate_reference).collect();
        json!({"ref": name, "dependsOn": on})
    };
    let mut roots = (crates.iter().enumerate())
        .filter(|(_, of)| of.root)
        .map(|(index, _)| index);
    let mut all = vec![depends_on(SUBJECT.to_owned(), &mut roots)];
    all.extend(crates.iter().enumerate().map(|(index, of)| {
        depends_on(crate_reference(index), &mut of.dependencies.iter().copied())
    }));
    all
}

fn hash(checksum: &Checksum) -> Value {
    json!({"alg": "SHA-256", "content": checksum.hex()})
}
