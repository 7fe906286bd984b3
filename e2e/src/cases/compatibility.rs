//! Older platforms.

use anyhow::Result;

use crate::buildpacks::START;
use crate::case::{Case, cases, python_app};
use crate::package::{offering, package};

cases![buildpack_api_0_10];

/// Lifecycles before 0.21 need a package for Buildpack API 0.10.
fn buildpack_api_0_10(case: &Case<'_>) -> Result<()> {
    let archive = &case.platform.archive;
    let package = package("package-api-0.10", &["--buildpack-api", "0.10"])?;
    let (_server, url) = archive.serve();
    let watchexec = offering(&package, "api-0.10", archive, &url)?;
    case.build(python_app())
        .buildpacks(&[&watchexec, START])
        .live_reload("true")
        .image()?
        .expect_newest_watchexec()
}
