//! buildpack.toml.

use crate::catalog::Catalog;
use libcnb_data::buildpack::{
    Buildpack, BuildpackApi, BuildpackId, BuildpackVersion, ComponentBuildpackDescriptor,
};
use serde::Deserialize;
use std::collections::HashSet;

/// The part of buildpack.toml that this buildpack reads.
///
/// libcnb's own type rejects keys that it does not know, such as `exec-env` of Buildpack API 0.12,
/// and checks the id with a regular expression, which took 63 % of detect's instructions and 0.5 MB of
/// the program (2026-11). The lifecycle has found the buildpack by its id before it runs.
#[derive(Deserialize)]
struct Descriptor {
    api: BuildpackApi,
    buildpack: Identity,
    metadata: Catalog,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
    name: Option<String>,
    version: BuildpackVersion,
}

/// Parses buildpack.toml. Keys of `[buildpack]` other than the API, id, name and version are for
/// the lifecycle, and have no value here.
///
/// # Errors
/// A key is missing or has a value of another form; the message shows the line.
pub fn parse(text: &str) -> Result<ComponentBuildpackDescriptor<Catalog>, toml::de::Error> {
    let Descriptor {
        api,
        buildpack,
        metadata,
    } = toml::from_str(text)?;
    Ok(ComponentBuildpackDescriptor {
        api,
        buildpack: Buildpack {
            id: BuildpackId::new_unchecked(&buildpack.id),
            name: buildpack.name,
            version: buildpack.version,
            homepage: None,
            clear_env: false,
            description: None,
            keywords: Vec::new(),
            licenses: Vec::new(),
            sbom_formats: HashSet::new(),
        },
        stacks: Vec::new(),
        targets: Vec::new(),
        metadata,
    })
}
