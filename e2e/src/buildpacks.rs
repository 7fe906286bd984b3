//! The buildpacks of the suite, by their ids.

use std::path::PathBuf;

use crate::directories::source;

/// The id of the buildpack under test.
pub(crate) const WATCHEXEC: &str = "live-reload/watchexec";
/// Runs the command in the file `start`, with watchexec when live reload is on.
pub(crate) const START: &str = "live-reload-e2e/start";
/// Runs an exploded jar, with watchexec when live reload is on.
pub(crate) const EXECUTABLE_JAR: &str = "live-reload-e2e/executable-jar";
/// Runs the commands in the `Procfile`, without support for live reload.
pub(crate) const PROCFILE: &str = "live-reload-e2e/procfile";
/// Changes the environment in every way that the specification has. In no order of the builder.
pub(crate) const ENVIRONMENT: &str = "live-reload-e2e/environment";
/// Only keeps a layer.
pub(crate) const LAYER: &str = "live-reload-e2e/layer";

/// Stands in for a published buildpack, with the data of `e2e/orders`. In no order of the builder.
pub(crate) const PUBLISHED: &str = "live-reload-e2e/published";

/// The directory of one of the suite's buildpacks.
pub(crate) fn buildpack_of(id: &str) -> PathBuf {
    let name = id.rsplit('/').next().unwrap_or(id);
    source("buildpacks").join(name)
}
