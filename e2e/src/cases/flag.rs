//! What turns live reload on and off, in a builder that lists the buildpack as optional and in one
//! that does not.

use anyhow::{Result, ensure};

use super::Case;
use crate::builder::{PROCFILE, WATCHEXEC};
use crate::pack::{Build, expect_words};
use crate::platform::Platform;

pub(super) const CASES: &[Case] = &[
    ("flag::unset_and_optional", unset_and_optional),
    ("flag::unset_and_not_optional", unset_and_not_optional),
    ("flag::false_and_optional", false_and_optional),
    ("flag::false_and_not_optional", false_and_not_optional),
    ("flag::invalid_and_optional", invalid_and_optional),
    ("flag::invalid_and_not_optional", invalid_and_not_optional),
    (
        "flag::unset_in_a_development_build",
        unset_in_a_development_build,
    ),
];

/// What pack says when no group of the order passes.
const NO_GROUP: &str = "No buildpack groups passed detection";

fn unset_and_optional(platform: &Platform) -> Result<()> {
    build(platform, "flag::unset_and_optional")
        .image()?
        .expect_no_watchexec()
}

fn unset_and_not_optional(platform: &Platform) -> Result<()> {
    let log = not_optional(build(platform, "flag::unset_and_not_optional")).failure()?;
    expect_words(&log, &[NO_GROUP])
}

fn false_and_optional(platform: &Platform) -> Result<()> {
    build(platform, "flag::false_and_optional")
        .live_reload("false")
        .image()?
        .expect_no_watchexec()
}

fn false_and_not_optional(platform: &Platform) -> Result<()> {
    let build = build(platform, "flag::false_and_not_optional").live_reload("false");
    expect_words(&not_optional(build).failure()?, &[NO_GROUP])
}

/// The lifecycle shows the message and goes on without the buildpack.
fn invalid_and_optional(platform: &Platform) -> Result<()> {
    let image = build(platform, "flag::invalid_and_optional")
        .live_reload("yes")
        .image()?;
    expect_words(
        &image.log,
        &["BP_LIVE_RELOAD_ENABLED", "yes", "true", "false"],
    )?;
    image.expect_no_watchexec()
}

fn invalid_and_not_optional(platform: &Platform) -> Result<()> {
    let build = build(platform, "flag::invalid_and_not_optional").live_reload("yes");
    let log = not_optional(build).failure()?;
    expect_words(&log, &["BP_LIVE_RELOAD_ENABLED", "yes", "true", "false"])
}

/// `--exec-env development` turns live reload on, and only there: the flag is not needed.
fn unset_in_a_development_build(platform: &Platform) -> Result<()> {
    let image = build(platform, "flag::unset_in_a_development_build")
        .arguments(&["--exec-env", "development"])
        .image()?;
    ensure!(!image.log.contains(NO_GROUP));
    image.expect_watchexec(&platform.archive.version)
}

fn build<'a>(platform: &'a Platform, name: &str) -> Build<'a> {
    Build::new(platform, name, &platform.directories.source("apps/python"))
}

fn not_optional(build: Build<'_>) -> Build<'_> {
    build.buildpacks(&[WATCHEXEC, PROCFILE])
}
