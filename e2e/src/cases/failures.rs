//! Builds that must fail: nothing unverified, nothing half-done, and a text that helps.

use anyhow::{Result, ensure};

use super::Case;
use crate::archives::Archive;
use crate::builder::START;
use crate::buildpack::Offer;
use crate::pack::{Build, expect_words};
use crate::platform::Platform;
use crate::server::{Served, unreachable_address};

pub(super) const CASES: &[Case] = &[
    ("failures::wrong_checksum", wrong_checksum),
    (
        "failures::download_that_ends_early",
        download_that_ends_early,
    ),
    ("failures::truncated_archive", truncated_archive),
    (
        "failures::archive_without_watchexec",
        archive_without_watchexec,
    ),
    ("failures::no_version_that_matches", no_version_that_matches),
    ("failures::unreachable_server", unreachable_server),
];

/// The server has another archive than buildpack.toml names. When it has the right one, the next
/// build must start from nothing.
fn wrong_checksum(platform: &Platform) -> Result<()> {
    let name = "failures::wrong_checksum";
    let path = "wrong-checksum/watchexec.tar";
    let right = script_archive()?;
    let wrong = Archive::with_script("99.1.0", "watchexec", "#!/bin/sh\necho not the right one\n")?;
    let uri = platform
        .server
        .serve(path, Served::whole(wrong.contents.clone()));
    let offer = Offer::new(&right, uri);

    let log = build(platform, name, &offer)?.failure()?;
    expect_words(&log, &[&right.checksum(), &wrong.checksum(), "What to do"])?;

    platform.server.serve(path, Served::whole(right.contents));
    let before = platform.server.requests(path);
    build(platform, name, &offer)?
        .image()?
        .expect_watchexec("99.1.0")?;
    ensure!(
        platform.server.requests(path) == before + 1,
        "the failed build has left a layer"
    );
    Ok(())
}

fn download_that_ends_early(platform: &Platform) -> Result<()> {
    let archive = &platform.archive;
    let path = "ends-early/watchexec.tar.xz";
    let uri = platform
        .server
        .serve(path, Served::cut_off(archive.contents.clone()));
    let offer = Offer::new(archive, &uri);
    let log = build(platform, "failures::download_that_ends_early", &offer)?.failure()?;
    expect_words(&log, &["could not be downloaded", &uri, "What to do"])
}

/// The checksum is that of what came: only decoding can tell.
fn truncated_archive(platform: &Platform) -> Result<()> {
    let mut archive = platform.archive.clone();
    archive.contents.truncate(archive.contents.len() / 2);
    let uri = platform.server.serve(
        "truncated/watchexec.tar.xz",
        Served::whole(archive.contents.clone()),
    );
    let offer = Offer::new(&archive, uri);
    let log = build(platform, "failures::truncated_archive", &offer)?.failure()?;
    expect_words(&log, &["cut or damaged", "What to do"])
}

fn archive_without_watchexec(platform: &Platform) -> Result<()> {
    let archive = Archive::with_script("99.1.0", "another-program", "#!/bin/sh\n")?;
    let uri = platform.server.serve(
        "without-watchexec/watchexec.tar",
        Served::whole(archive.contents.clone()),
    );
    let offer = Offer::new(&archive, uri);
    let log = build(platform, "failures::archive_without_watchexec", &offer)?.failure()?;
    expect_words(&log, &["no file watchexec", "What to do"])
}

fn no_version_that_matches(platform: &Platform) -> Result<()> {
    let app = platform.directories.source("apps/python");
    let log = Build::new(platform, "failures::no_version_that_matches", &app)
        .live_reload("true")
        .env("BP_WATCHEXEC_VERSION", "1.*")
        .failure()?;
    expect_words(
        &log,
        &[
            "\"1.*\" of BP_WATCHEXEC_VERSION",
            &platform.archive.version,
            "What to do",
        ],
    )
}

fn unreachable_server(platform: &Platform) -> Result<()> {
    let uri = unreachable_address("watchexec.tar")?;
    let offer = Offer::new(&script_archive()?, &uri);
    let log = build(platform, "failures::unreachable_server", &offer)?.failure()?;
    expect_words(&log, &["could not be downloaded", &uri, "What to do"])
}

fn script_archive() -> Result<Archive> {
    Archive::with_script("99.1.0", "watchexec", "#!/bin/sh\necho watchexec 99.1.0\n")
}

/// A build whose only watchexec is the one offered.
fn build<'a>(platform: &'a Platform, name: &str, offer: &Offer) -> Result<Build<'a>> {
    let watchexec = platform
        .buildpack
        .offering(&name.replace("::", "-"), offer)?;
    Ok(
        Build::new(platform, name, &platform.directories.source("apps/python"))
            .buildpacks(&[&watchexec.to_string_lossy(), START])
            .live_reload("true"),
    )
}
