//! The packages of a release for both architectures: taken apart, changed, and put together again.

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde_json::Value;

use super::made;
use crate::case::{Case, cases};
use crate::cases::packages::build;
use crate::command::expect_words;
use crate::directories::copy;
use crate::offline::{Registry, tool};
use crate::package::{ARCHITECTURES, here};
use crate::terminal::REGISTRY;

cases![both_architectures, taken_apart];

/// pack makes a file for each architecture from one directory.
fn both_architectures(case: &Case<'_>) -> Result<()> {
    let package = made(case)?.package("-offline");
    let terminal = case.terminal()?;
    copy(&package, &terminal.path("both"))?;
    let page = terminal.page("docs/packages.md")?;
    let [make] = page.blocks()?;
    page.follow(&make)?;
    for architecture in &ARCHITECTURES {
        let name = architecture.name;
        let layout = terminal.path(name);
        fs::create_dir(&layout)?;
        // An OCI image with one layer: the buildpack below `cnb/buildpacks`.
        terminal.run(
            &format!(
                "tar -xf ../watchexec-linux-{name}.cnb
                grep -lr '\"architecture\":\"{name}\"' blobs
                for blob in blobs/sha256/*; do tar -xf $blob 2>/dev/null || true; done
                cp ../both/buildpack.toml ../both/linux/{name}
                diff -r --no-dereference cnb/buildpacks/*/* ../both/linux/{name}"
            ),
            &layout,
        )?;
    }
    let file = terminal.path(format!("watchexec-linux-{}.cnb", here().name));
    let build = build(case, &file).arguments(&["--network", "none"]);
    build.image()?.expect_newest_watchexec()
}

/// Follows the page that takes a published package apart, changes it, and publishes it again.
fn taken_apart(case: &Case<'_>) -> Result<()> {
    tool("crane")?;
    let package = made(case)?.package("");
    let running = Registry::start()?;
    let registry = &running.address;
    let terminal = case.terminal()?;
    let page = terminal.page("docs/repackaging.md")?;

    let published = format!("{registry}/watchexec:0.1.0");
    let package = package.display();
    page.run(&format!(
        "pack buildpack package {published} --path {package} --publish"
    ))?;
    let [take_apart, put_together] = page.blocks()?;
    let (first_line, _) = take_apart.split_once('\n').context("it is one line")?;
    page.run(&take_apart.replace(first_line, &format!("image={published}")))?;
    page.run(&format!(
        "pack buildpack package before.cnb --format file --path {package}
        pack buildpack package after.cnb --format file --path buildpack
        for arch in amd64 arm64; do cmp before-linux-$arch.cnb after-linux-$arch.cnb; done"
    ))?;

    for identity in page.all_blocks("not run: tests/repackaging.rs runs it: identity")? {
        page.run(&identity)?;
    }
    page.follow(&put_together.with(REGISTRY, registry))?;
    let manifest = page.run(&format!("crane manifest {registry}/acme/watchexec:1.0.0"))?;
    let manifest: Value = serde_json::from_str(&manifest)?;
    for (index, architecture) in ARCHITECTURES.iter().enumerate() {
        let listed = &manifest["manifests"][index]["platform"]["architecture"];
        ensure!(listed == architecture.name, "the image is {manifest}");
    }

    let file = terminal.path(format!("acme-watchexec-linux-{}.cnb", here().name));
    let image = build(case, &file).image()?;
    expect_words(&image.log, &["Watchexec Buildpack 1.0.0"])?;
    image.expect_newest_watchexec()
}
