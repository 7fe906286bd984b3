//! The published schemas of the SBOM formats, and the errors of documents.

#![expect(
    clippy::unwrap_used,
    reason = "the schemas are a part of the program, and no input of it"
)]

use jsonschema::{Registry, Validator};
use serde_json::Value;

/// The schemas that CycloneDX's refers to, by the names used there.
const PARTS: [(&str, &str); 2] = [
    (
        "http://cyclonedx.org/schema/spdx.SNAPSHOT.schema.json",
        include_str!("spdx.SNAPSHOT.schema.json"),
    ),
    (
        "http://cyclonedx.org/schema/jsf-0.82.SNAPSHOT.schema.json",
        include_str!("jsf-0.82.SNAPSHOT.schema.json"),
    ),
];

/// The schemas of `CycloneDX`, SPDX and Syft.
const FORMATS: [&str; 3] = [
    include_str!("bom-1.6.SNAPSHOT.schema.json"),
    include_str!("spdx-2.3.schema.json"),
    include_str!("syft-16.0.0.schema.json"),
];

/// The validators of the three formats, in their order.
pub(crate) struct Schemas([Validator; 3]);

impl Schemas {
    pub(crate) fn new() -> Self {
        let registry = PARTS
            .into_iter()
            .fold(Registry::new(), |registry, (name, part)| {
                registry.add(name, json(part)).unwrap()
            })
            .prepare()
            .unwrap();
        Self(FORMATS.map(|schema| {
            jsonschema::options()
                .with_registry(&registry)
                .should_validate_formats(true)
                .build(&json(schema))
                .unwrap()
        }))
    }

    /// The schema errors of the three documents.
    pub(crate) fn problems(&self, documents: &[Value; 3]) -> [Vec<String>; 3] {
        std::array::from_fn(|format| {
            self.0[format]
                .iter_errors(&documents[format])
                .map(|error| format!("{error} at {}", error.instance_path()))
                .collect()
        })
    }
}

fn json(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap()
}
