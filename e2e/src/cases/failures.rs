//! Builds that must fail, with an error that helps, and without an image or a layer.

use anyhow::{Result, ensure};

use crate::case::{Case, cases, python_app};
use crate::command::{expect_words, free_port};
use crate::package::Archive;
use harness::server::{Reply, Server};

cases![
    wrong_checksum,
    download_that_ends_early,
    truncated_archive,
    archive_without_watchexec,
    no_version_that_matches,
    unreachable_server,
];

/// The server first sends another archive than buildpack.toml names. The failed build must leave no
/// layer for the next one.
fn wrong_checksum(case: &Case<'_>) -> Result<()> {
    let right = Archive::script("99.1.0")?;
    let wrong = Archive::script("99.1.1")?;
    let replies = [&wrong, &right].map(|archive| Reply::ok(&archive.contents));
    let server = Server::http(move |request| replies[request.number.min(1)].clone());
    let url = server.url("/watchexec.tar");

    let log = case.build_offering(&right, &url)?.failure()?;
    expect_words(&log, &[&right.checksum(), &wrong.checksum(), "What to do"])?;
    ensure!(server.requests().len() == 1, "one download is enough");

    case.build_offering(&right, &url)?
        .image()?
        .expect_watchexec("99.1.0")?;
    ensure!(
        server.requests().len() == 2,
        "the failed build has left a layer"
    );
    Ok(())
}

fn download_that_ends_early(case: &Case<'_>) -> Result<()> {
    let archive = Archive::script("99.1.0")?;
    let half = archive.contents.len() / 2;
    let reply = Reply::ok(&archive.contents).cut(half);
    let url = Server::http(move |_| reply.clone()).url("/watchexec.tar");
    let log = case.build_offering(&archive, &url)?.failure()?;
    expect_words(&log, &["Could not download watchexec", &url, "What to do"])
}

/// The checksum matches, so only unpacking can find the error.
fn truncated_archive(case: &Case<'_>) -> Result<()> {
    let mut archive = case.platform.archive.clone();
    archive.contents.truncate(archive.contents.len() / 2);
    let (_server, url) = archive.serve();
    let log = case.build_offering(&archive, &url)?.failure()?;
    expect_words(&log, &["cut or damaged", "What to do"])
}

fn archive_without_watchexec(case: &Case<'_>) -> Result<()> {
    let archive = Archive::of("99.1.0", "another-program", "#!/bin/sh\n")?;
    let (_server, url) = archive.serve();
    let log = case.build_offering(&archive, &url)?.failure()?;
    expect_words(&log, &["no file watchexec", "What to do"])
}

fn no_version_that_matches(case: &Case<'_>) -> Result<()> {
    let log = case
        .build(python_app())
        .live_reload("true")
        .env("BP_WATCHEXEC_VERSION", "1.*")
        .failure()?;
    let newest = &case.platform.archive.version;
    expect_words(
        &log,
        &["\"1.*\" (BP_WATCHEXEC_VERSION)", newest, "What to do"],
    )
}

fn unreachable_server(case: &Case<'_>) -> Result<()> {
    let url = format!("http://127.0.0.1:{}/watchexec.tar", free_port()?);
    let log = case
        .build_offering(&Archive::script("99.1.0")?, &url)?
        .failure()?;
    expect_words(&log, &["Could not download watchexec", &url, "What to do"])
}
