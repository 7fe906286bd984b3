//! Platforms that are older than the newest.

use anyhow::Result;

use super::Case;
use crate::builder::START;
use crate::buildpack::{Buildpack, Offer};
use crate::pack::Build;
use crate::platform::Platform;
use crate::server::Served;

pub(super) const CASES: &[Case] = &[("compatibility::buildpack_api_0_10", buildpack_api_0_10)];

/// Lifecycles before 0.21 refuse a buildpack for API 0.12; the package for them works as well.
fn buildpack_api_0_10(platform: &Platform) -> Result<()> {
    let archive = &platform.archive;
    let choices = ["--buildpack-api", "0.10"];
    let package = Buildpack::package("package-api-0.10", &choices, &platform.directories)?;
    let uri = platform
        .server
        .serve(&archive.file_name, Served::whole(archive.contents.clone()));
    let watchexec = package.offering("api-0.10", &Offer::new(archive, uri))?;
    let app = platform.directories.source("apps/python");
    Build::new(platform, "compatibility::buildpack_api_0_10", &app)
        .buildpacks(&[&watchexec.to_string_lossy(), START])
        .live_reload("true")
        .image()?
        .expect_watchexec(&archive.version)
}
