//! The flag that turns live reload on and off, in orders where the buildpack is optional and where it
//! is not.

use anyhow::Result;

use crate::build::Build;
use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, python_app};
use crate::command::expect_words;

cases![
    unset_and_optional,
    unset_and_not_optional,
    false_and_optional,
    false_and_not_optional,
    invalid_and_optional,
    invalid_and_not_optional,
];

/// The message of pack when no group of the order passes.
const NO_GROUP: &str = "No buildpack groups passed detection";
/// The error for an invalid value names the variable, the value and the accepted ones.
const INVALID: [&str; 4] = ["BP_LIVE_RELOAD_ENABLED", "yes", "true", "false"];

fn unset_and_optional(case: &Case<'_>) -> Result<()> {
    let build = case.build(python_app());
    build.image()?.expect_no_watchexec()
}

fn unset_and_not_optional(case: &Case<'_>) -> Result<()> {
    expect_words(&not_optional(case).failure()?, &[NO_GROUP])
}

fn false_and_optional(case: &Case<'_>) -> Result<()> {
    let build = case.build(python_app()).live_reload("false");
    build.image()?.expect_no_watchexec()
}

fn false_and_not_optional(case: &Case<'_>) -> Result<()> {
    let build = not_optional(case).live_reload("false");
    expect_words(&build.failure()?, &[NO_GROUP])
}

/// The lifecycle shows the message and continues without the buildpack.
fn invalid_and_optional(case: &Case<'_>) -> Result<()> {
    let image = case.build(python_app()).live_reload("yes").image()?;
    expect_words(&image.log, &INVALID)?;
    image.expect_no_watchexec()
}

fn invalid_and_not_optional(case: &Case<'_>) -> Result<()> {
    let build = not_optional(case).live_reload("yes");
    expect_words(&build.failure()?, &INVALID)
}

fn not_optional<'a>(case: &'a Case<'_>) -> Build<'a> {
    case.build(python_app()).buildpacks(&[WATCHEXEC, PROCFILE])
}
