//! buildpack.toml.

use crate::catalog::Catalog;
use libcnb_data::buildpack::{
    Buildpack, BuildpackApi, BuildpackId, BuildpackVersion, ComponentBuildpackDescriptor, License,
};
use libcnb_data::sbom::SbomFormat;
use serde::Deserialize;

/// The part of buildpack.toml that this buildpack reads.
///
/// libcnb's own type rejects keys that it does not know, such as `exec-env` of Buildpack API 0.12,
/// and checks the id with a regular expression, which took 63 % of detect's instructions and 0.5 MB
/// of the program (2026-11). The lifecycle has found the buildpack by its id before it runs.
#[derive(Deserialize)]
struct Descriptor {
    api: BuildpackApi,
    buildpack: Identity,
    metadata: Catalog,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    id: String,
    name: Option<String>,
    version: BuildpackVersion,
    #[serde(default)]
    licenses: Vec<License>,
    #[serde(default)]
    sbom_formats: Vec<String>,
}

/// Parses buildpack.toml. All other keys of `[buildpack]` are for the lifecycle, and have no value
/// here.
///
/// # Errors
/// A key is missing or its value is invalid; the message shows the line.
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
            licenses: buildpack.licenses,
            sbom_formats: (buildpack.sbom_formats.iter())
                .filter_map(|media_type| sbom_format(media_type))
                .collect(),
        },
        stacks: Vec::new(),
        targets: Vec::new(),
        metadata,
    })
}

/// The format of a media type, which may have parameters; `None` for a format that is not written.
fn sbom_format(media_type: &str) -> Option<SbomFormat> {
    let name = media_type.split(';').next()?.trim().to_lowercase();
    toml::Value::from(name).try_into().ok()
}
