//! Older platforms.

use anyhow::{Context, Result, ensure};

use crate::buildpacks::{START, WATCHEXEC, buildpack_of};
use crate::case::{Case, cases, python_app};
use crate::command::expect_words;
use crate::offline::Lifecycle;
use crate::package::{offering, package};

cases![buildpack_api_0_10];

/// A lifecycle before 0.21 refuses the ordinary package, and builds with the one for Buildpack API
/// 0.10.
fn buildpack_api_0_10(case: &Case<'_>) -> Result<()> {
    let platform = case.platform;
    let lifecycle = Lifecycle::provide("lifecycle-0.20")?;
    ensure!(
        lifecycle.version.starts_with("0.20."),
        "it is {}",
        lifecycle.version
    );
    let builder = |name: &str, watchexec: &str| {
        let buildpacks = [watchexec.into(), buildpack_of(START)];
        let order = [vec![WATCHEXEC, START]];
        platform.make_builder(name, &lifecycle, &buildpacks, &order)
    };
    let refused = builder("newer", &platform.watchexec.to_string_lossy()).err();
    let refused = refused.context("it accepts the ordinary package")?;
    expect_words(&refused.to_string(), &["API 0.12", "incompatible"])?;

    let package = package("package-api-0.10", &["--buildpack-api", "0.10"])?;
    let (_server, url) = platform.archive.serve();
    let watchexec = offering(&package, "api-0.10", &platform.archive, &url)?;
    case.build(python_app())
        .arguments(&["--builder", &builder("older", &watchexec)?])
        .live_reload("true")
        .image()?
        .expect_newest_watchexec()
}
