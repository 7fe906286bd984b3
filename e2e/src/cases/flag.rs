//! The flag that turns live reload on and off, in orders where the buildpack is optional and where it
//! is not.

use anyhow::Result;

use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, python_app};
use crate::command::expect_words;

cases![
    unset_and_optional,
    unset_and_not_optional,
    invalid_and_optional
];

fn unset_and_optional(case: &Case<'_>) -> Result<()> {
    let build = case.build(python_app());
    build.image()?.expect_no_watchexec()
}

/// pack's own message when no group of the order passes.
fn unset_and_not_optional(case: &Case<'_>) -> Result<()> {
    let build = case.build(python_app()).buildpacks(&[WATCHEXEC, PROCFILE]);
    expect_words(&build.failure()?, &["No buildpack groups passed detection"])
}

/// The lifecycle shows the error and continues without the buildpack.
fn invalid_and_optional(case: &Case<'_>) -> Result<()> {
    let image = case.build(python_app()).live_reload("yes").image()?;
    expect_words(
        &image.log,
        &["BP_LIVE_RELOAD_ENABLED is \"yes\".", "Accepted: 1 t T"],
    )?;
    image.expect_no_watchexec()
}
