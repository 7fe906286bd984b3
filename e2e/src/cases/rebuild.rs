//! Builds of an app again: the layer is kept until the dependency changes.

use anyhow::{Result, ensure};

use crate::buildpacks::START;
use crate::case::{Case, cases, python_app};
use crate::command::expect_words;
use crate::package::Archive;

cases![
    reuses_and_replaces_the_layer,
    takes_over_layers_of_the_offline_package,
];

fn reuses_and_replaces_the_layer(case: &Case<'_>) -> Result<()> {
    let archive = &case.platform.archive;
    let (server, url) = archive.serve();
    let first = case.build_offering(archive, &url)?.image()?;
    ensure!(
        server.requests().len() == 1,
        "the first build did not download the archive exactly once"
    );
    first.expect_newest_watchexec()?;

    let second = case.build_offering(archive, &url)?.image()?;
    // The first line is from the buildpack, the second from the lifecycle.
    let reused = "Reusing layer 'live-reload/watchexec:watchexec'";
    expect_words(
        &second.log,
        &["Reusing the layer of an earlier build", reused],
    )?;
    ensure!(server.requests().len() == 1, "it is downloaded again");
    second.expect_newest_watchexec()?;

    // The same program, listed as another version.
    let other = Archive {
        version: "99.1.0".to_owned(),
        ..archive.clone()
    };
    let (other_server, url) = other.serve();
    let third = case.build_offering(&other, &url)?.image()?;
    ensure!(
        other_server.requests().len() == 1,
        "the third build did not download the other archive exactly once"
    );
    let version = format!("version was {} and is now 99.1.0", archive.version);
    expect_words(
        &third.log,
        &["Discarding the layer of an earlier build", &version],
    )?;
    third.expect_newest_watchexec()
}

/// The second build writes no content: the lifecycle takes both layers over from the first image,
/// also with an empty cache.
fn takes_over_layers_of_the_offline_package(case: &Case<'_>) -> Result<()> {
    let package = case.platform.package_offline()?;
    let package = package.to_string_lossy();
    let build = || {
        case.build(python_app())
            .buildpacks(&[&package, START])
            .live_reload("true")
            .env("BP_LIVE_RELOAD_PROCESS", "web")
    };
    let first = build().image()?;
    expect_words(
        &first.log,
        &["Adding layer 'live-reload/watchexec:watchexec'"],
    )?;
    let cache = format!("type=build;format=volume;name={}", case.named("cache"));
    for arguments in [&[][..], &["--cache", &cache]] {
        let again = build().arguments(arguments).image()?;
        expect_words(
            &again.log,
            &[
                "Reusing the layer of an earlier build",
                "Reusing layer 'live-reload/watchexec:watchexec'",
                "Reusing layer 'live-reload/watchexec:live-reload'",
            ],
        )?;
        ensure!(!again.log.contains("Copying"), "it copies the release");
        again.expect_newest_watchexec()?;
    }
    Ok(())
}
