//! What an operator audits: the SBOMs of an image, and that the same inputs make the same image.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde_json::Value;
use sha2::{Digest, Sha256};
use toml::Table;

use super::Case;
use crate::builder::{PROCFILE, WATCHEXEC};
use crate::command::output;
use crate::directories;
use crate::go;
use crate::pack::{Build, Image};
use crate::page;
use crate::platform::Platform;
use crate::schemas::Schemas;

pub(super) const CASES: &[Case] = &[
    ("supply_chain::sboms", sboms),
    (
        "supply_chain::another_build_makes_the_same_image",
        another_build_makes_the_same_image,
    ),
    ("supply_chain::workflows", workflows),
];

/// The files of `pack sbom download` for a layer: `CycloneDX`, SPDX, Syft.
const SBOMS: [&str; 3] = ["sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"];

/// What an SBOM says of its layer, in the order of [`PLACES`].
type Facts<'a> = [(&'static str, &'a str); 9];

/// Where each of the facts is in the three formats.
const PLACES: [[&str; 9]; 3] = [
    [
        "/components/0/name",
        "/components/0/version",
        "/components/0/purl",
        "/components/0/cpe",
        "/components/0/licenses/0/license/id",
        "/components/0/externalReferences/0/url",
        "/components/0/externalReferences/0/hashes/0/content",
        "/components/0/components/0/name",
        "/components/0/components/0/hashes/0/content",
    ],
    [
        "/packages/0/name",
        "/packages/0/versionInfo",
        "/packages/0/externalRefs/0/referenceLocator",
        "/packages/0/externalRefs/1/referenceLocator",
        "/packages/0/licenseDeclared",
        "/packages/0/downloadLocation",
        "/packages/0/checksums/0/checksumValue",
        "/packages/1/name",
        "/packages/1/checksums/0/checksumValue",
    ],
    [
        "/artifacts/0/name",
        "/artifacts/0/version",
        "/artifacts/0/purl",
        "/artifacts/0/cpes/0/cpe",
        "/artifacts/0/licenses/0/spdxExpression",
        "/source/metadata/path",
        "/source/metadata/digests/0/value",
        "/files/0/location/path",
        "/files/0/digests/0/value",
    ],
];

/// All three are valid, and say what buildpack.toml says, with the checksum of the very program
/// that is in the image.
fn sboms(platform: &Platform) -> Result<()> {
    let name = "supply_chain::sboms";
    let watchexec = &platform.watchexec;
    let app = platform.directories.source("apps/python");
    let image = build(platform, name, watchexec, &app)?;

    let folder = tempfile::tempdir()?;
    for commands in page::commands(
        &platform.directories,
        "docs/operators.md",
        &format!("run: {name}"),
    )? {
        let commands = commands.replace("my-app", &image.name);
        output(
            page::shell(&platform.directories, folder.path(), &commands)?
                .env("DOCKER_HOST", platform.engine.host()),
        )?;
    }
    let launch = folder.path().join("sboms/layers/sbom/launch");
    let layers = launch.join(WATCHEXEC.replace('/', "_"));

    let descriptor: Table = fs::read_to_string(watchexec.join("buildpack.toml"))?.parse()?;
    let dependency = &descriptor["metadata"]["dependencies"][0];
    let program = layer_file(&image, "watchexec", "bin/watchexec")?;
    let text = |value: Option<&toml::Value>| {
        let text = value.and_then(toml::Value::as_str).map(str::to_owned);
        text.context("the dependency in buildpack.toml does not say all")
    };
    let checksum = platform.archive.checksum();
    let facts: Facts<'_> = [
        ("name", &text(dependency.get("name"))?),
        ("version", &text(dependency.get("version"))?),
        ("purl", &text(dependency.get("purl"))?),
        ("cpe", &text(dependency["cpes"].get(0))?),
        ("licence", &text(dependency["licenses"][0].get("type"))?),
        ("place", &text(dependency.get("uri"))?),
        ("checksum", checksum.trim_start_matches("sha256:")),
        ("file", "bin/watchexec"),
        ("checksum of the file", &digest(&program)),
    ];
    let documents = documents(&layers.join("watchexec"))?;
    for (document, places) in documents.iter().zip(PLACES) {
        for ((what, expected), place) in facts.iter().zip(places) {
            let said = document.pointer(place).and_then(Value::as_str);
            ensure!(
                said == Some(expected),
                "{what} at {place} is {said:?} and not {expected:?}"
            );
        }
        // The section that `cargo auditable` adds.
        let lists_crates = contains(&program, b".dep-v0");
        ensure!(
            document.to_string().contains("pkg:cargo/") == lists_crates,
            "crates are named if and only if the program lists them"
        );
    }

    let companion = digest(&layer_file(&image, "live-reload", "bin/live-reload")?);
    for document in self::documents(&layers.join("live-reload"))? {
        ensure!(
            document.to_string().contains(&companion),
            "the companion's checksum is not in {document}"
        );
    }
    Ok(())
}

/// The three documents of a layer, each valid by its format's schema.
fn documents(layer: &Path) -> Result<[Value; 3]> {
    let mut documents = [Value::Null, Value::Null, Value::Null];
    for (document, name) in documents.iter_mut().zip(SBOMS) {
        *document = serde_json::from_slice(&fs::read(layer.join(name))?)?;
    }
    for (name, problems) in SBOMS.iter().zip(Schemas::new().problems(&documents)) {
        ensure!(problems.is_empty(), "{name} is not valid: {problems:#?}");
    }
    Ok(documents)
}

/// A file of a layer of ours, as it is in the image.
fn layer_file(image: &Image<'_>, layer: &str, file: &str) -> Result<Vec<u8>> {
    let buildpack = WATCHEXEC.replace('/', "_");
    image.read(&format!("/layers/{buildpack}/{layer}/{file}"))
}

fn digest(contents: &[u8]) -> String {
    hex::encode(Sha256::digest(contents))
}

fn contains(contents: &[u8], words: &[u8]) -> bool {
    contents.windows(words.len()).any(|window| window == words)
}

/// With no cache, of another name, from other places, and from files of another time.
fn another_build_makes_the_same_image(platform: &Platform) -> Result<()> {
    let name = "supply_chain::another_build_makes_the_same_image";
    let app = platform.directories.source("apps/python");
    let first = build(platform, &format!("{name}-1"), &platform.watchexec, &app)?;

    let elsewhere = tempfile::tempdir()?;
    let copied = |from: &Path, name: &str| {
        let to = elsewhere.path().join(name);
        directories::copy_as_new(from, &to)?;
        anyhow::Ok(to)
    };
    let watchexec = copied(&platform.watchexec, "buildpack")?;
    let app = copied(&app, "app")?;
    let second = build(platform, &format!("{name}-2"), &watchexec, &app)?;

    let (first_layers, second_layers) = (first.metadata()?, second.metadata()?);
    let metadata: Value = serde_json::from_str(&first_layers)?;
    let ours = metadata["buildpacks"]
        .as_array()
        .and_then(|all| all.iter().find(|buildpack| buildpack["key"] == WATCHEXEC))
        .context("the image has no layer of ours")?;
    for layer in ["watchexec", "live-reload"] {
        let digest = &ours["layers"][layer]["sha"];
        ensure!(digest.is_string(), "no digest of {layer} in {ours}");
    }
    ensure!(
        first_layers == second_layers,
        "the layers differ:\n{first_layers}\n{second_layers}"
    );
    let (first, second) = [&first, &second]
        .map(|image| platform.engine.image_id(&image.name))
        .into();
    ensure!(
        first.is_some() && first == second,
        "the images differ: {first:?}, {second:?}"
    );
    Ok(())
}

/// GitHub would find the mistakes that actionlint finds when a release is due.
fn workflows(platform: &Platform) -> Result<()> {
    let actionlint = go::actionlint(&platform.directories)?;
    output(Command::new(actionlint).current_dir(platform.directories.workspace()))?;
    Ok(())
}

fn build<'a>(
    platform: &'a Platform,
    name: &str,
    watchexec: &Path,
    app: &Path,
) -> Result<Image<'a>> {
    Build::new(platform, name, app)
        .buildpacks(&[&watchexec.to_string_lossy(), PROCFILE])
        .live_reload("true")
        .image()
}
