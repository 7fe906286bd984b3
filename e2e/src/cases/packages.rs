//! Packages for this architecture.

use std::path::Path;

use anyhow::Result;

use crate::build::Build;
use crate::buildpacks::START;
use crate::case::{Case, cases, python_app};
use crate::directories::copy;
use crate::package::here;
use crate::terminal::{REGISTRY, Terminal};

cases![file, offline_file, offline_builder];

/// The repository's package.toml makes a file, in a checkout after `make package`.
fn file(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("docs/packages.md")?;
    let [make] = page.blocks()?;
    page.follow(&make.with("amd64", here().name))?;
    let image = build(case, &terminal.path("watchexec.cnb")).image()?;
    image.expect_newest_watchexec()
}

/// A build with the offline package needs no network.
fn offline_file(case: &Case<'_>) -> Result<()> {
    let terminal = offline_terminal(case)?;
    let page = terminal.page("docs/offline.md")?;
    let [make, build] = page.blocks()?;
    page.follow(&make)?;
    page.follow(&build)?;
    terminal.image("my-app-offline").expect_newest_watchexec()
}

/// Nor does a builder with that package.
fn offline_builder(case: &Case<'_>) -> Result<()> {
    let terminal = offline_terminal(case)?;
    let page = terminal.page("docs/offline.md")?;
    // The engine has it under a name that the end of the suite finds.
    let [make, build] = page
        .blocks()?
        .map(|block| block.with(&format!("{REGISTRY}/"), ""));
    page.follow(&make)?;
    page.follow(&build)?;
    terminal.image("my-app-offline").expect_newest_watchexec()
}

/// A terminal after `make package-offline`.
fn offline_terminal<'a>(case: &'a Case<'a>) -> Result<Terminal<'a>> {
    let terminal = case.terminal()?;
    let to = terminal.path("target/package/buildpack-offline");
    copy(case.platform.package_offline()?, &to)?;
    Ok(terminal)
}

/// A build of the Python app with a package.
pub(super) fn build<'a>(case: &'a Case<'_>, package: &Path) -> Build<'a> {
    let package = package.to_string_lossy();
    let build = case.build(python_app());
    build.buildpacks(&[&package, START]).live_reload("true")
}
