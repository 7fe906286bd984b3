//! The buildpacks of the suite, by their ids.

use std::path::PathBuf;

use crate::directories::{source, target};

/// The id of the buildpack under test.
pub(crate) const WATCHEXEC: &str = "live-reload/watchexec";
/// Runs the command in the file `start`, with watchexec when live reload is on.
pub(crate) const START: &str = "live-reload-e2e/start";
/// Runs the commands in the `Procfile`, without support for live reload. Of `e2e/orders`.
pub(crate) const PROCFILE: &str = "heroku/procfile";
/// Changes the environment in every way that the specification has. In no order of the builder.
pub(crate) const ENVIRONMENT: &str = "live-reload-e2e/environment";
/// Only keeps a layer.
pub(crate) const LAYER: &str = "live-reload-e2e/layer";
/// Stands in for a published buildpack, with the data of `e2e/orders`.
pub(crate) const PUBLISHED: &str = "live-reload-e2e/published";

/// The directory of one of the suite's buildpacks, or of the stand-in for a published one.
pub(crate) fn buildpack_of(id: &str) -> PathBuf {
    match id.strip_prefix("live-reload-e2e/") {
        Some(name) => source("buildpacks").join(name),
        None => target("buildpacks/published").join(id.replace('/', "-")),
    }
}
