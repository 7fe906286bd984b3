//! The second build of an application: what is fetched once is kept, until it is to be another.

use anyhow::{Result, ensure};

use super::Case;
use crate::archives::Archive;
use crate::builder::START;
use crate::buildpack::Offer;
use crate::pack::{Build, Image, expect_words};
use crate::platform::Platform;
use crate::server::Served;

pub(super) const CASES: &[Case] = &[(
    "rebuild::reuses_and_replaces_the_layer",
    reuses_and_replaces,
)];

fn reuses_and_replaces(platform: &Platform) -> Result<()> {
    let server = &platform.server;
    let archive = &platform.archive;
    // A path of its own, so that only these builds are in the server's log.
    let path = format!("rebuild/{}", archive.file_name);
    let uri = server.serve(&path, Served::whole(archive.contents.clone()));
    let watchexec = platform
        .buildpack
        .offering("rebuild", &Offer::new(archive, uri))?;
    let watchexec = watchexec.to_string_lossy();

    let first = build(platform, &watchexec)?;
    ensure!(
        server.requests(&path) == 1,
        "the first build downloads the archive once"
    );
    first.expect_watchexec(&archive.version)?;

    let second = build(platform, &watchexec)?;
    // The words of the buildpack, and those of the lifecycle.
    expect_words(
        &second.log,
        &[
            "Reusing the layer of an earlier build",
            "Reusing layer 'live-reload/watchexec:watchexec'",
        ],
    )?;
    ensure!(
        server.requests(&path) == 1,
        "the second build has downloaded the archive again"
    );
    second.expect_watchexec(&archive.version)?;

    let script = "#!/bin/sh\necho watchexec 99.1.0\n";
    let other = Archive::with_script("99.1.0", "watchexec", script)?;
    let other_path = format!("rebuild/{}", other.file_name);
    let uri = server.serve(&other_path, Served::whole(other.contents.clone()));
    let watchexec = platform
        .buildpack
        .offering("rebuild-other", &Offer::new(&other, uri))?;

    let third = build(platform, &watchexec.to_string_lossy())?;
    ensure!(
        server.requests(&other_path) == 1,
        "the changed dependency is downloaded once"
    );
    let version = format!("version was {} and is now 99.1.0", archive.version);
    expect_words(
        &third.log,
        &["Discarding the layer of an earlier build", &version],
    )?;
    third.expect_watchexec("99.1.0")
}

fn build<'a>(platform: &'a Platform, watchexec: &str) -> Result<Image<'a>> {
    Build::new(
        platform,
        "rebuild",
        &platform.directories.source("apps/python"),
    )
    .buildpacks(&[watchexec, START])
    .live_reload("true")
    .image()
}
