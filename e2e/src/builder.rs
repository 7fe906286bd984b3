//! The builder, as an operator makes one: our buildpack is optional and comes first in every
//! group, before buildpacks that know of live reload and one that does not.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use crate::command::logged;
use crate::directories::Directories;
use crate::engine::Engine;
use crate::go::Lifecycle;
use crate::images::Images;

/// The id of the buildpack under test.
pub(crate) const WATCHEXEC: &str = "live-reload/watchexec";
/// Wraps the command in a file `start` when live reload is on.
pub(crate) const START: &str = "live-reload-e2e/start";
/// Wraps an exploded runnable jar when live reload is on.
pub(crate) const EXECUTABLE_JAR: &str = "live-reload-e2e/executable-jar";
/// Knows nothing of live reload.
pub(crate) const PROCFILE: &str = "live-reload-e2e/procfile";
/// Gives processes an environment, by each of the ways there are. In no order of the builder.
pub(crate) const ENVIRONMENT: &str = "live-reload-e2e/environment";

/// What a builder is made from.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) pack: &'a Path,
    pub(crate) lifecycle: &'a Lifecycle,
    pub(crate) images: &'a Images,
    pub(crate) watchexec: &'a Path,
}

/// Makes the builder image and returns its name.
pub(crate) fn create(
    parts: &Parts<'_>,
    engine: &Engine,
    directories: &Directories,
) -> Result<String> {
    let mut description = vec![
        format!("[build]\nimage = {:?}", parts.images.base),
        format!("[run]\n[[run.images]]\nimage = {:?}", parts.images.base),
        format!(
            "[lifecycle]\nuri = \"file://{}\"",
            parts.lifecycle.tarball.display()
        ),
        format!(
            "[[buildpacks]]\nuri = \"file://{}\"",
            parts.watchexec.display()
        ),
    ];
    for id in [START, EXECUTABLE_JAR, PROCFILE, ENVIRONMENT] {
        let name = id.rsplit('/').next().unwrap_or(id);
        let source = directories.source("buildpacks").join(name);
        description.push(format!(
            "[[buildpacks]]\nuri = \"file://{}\"",
            source.display()
        ));
    }
    for id in [START, EXECUTABLE_JAR, PROCFILE] {
        description.push(format!(
            "[[order]]\n[[order.group]]\nid = \"{WATCHEXEC}\"\noptional = true\n\
             [[order.group]]\nid = \"{id}\""
        ));
    }
    let file = directories.target("builder.toml");
    fs::write(&file, description.join("\n\n"))?;

    let builder = engine.named("builder");
    let mut command = Command::new(parts.pack);
    command
        .args([
            "builder",
            "create",
            &builder,
            "--pull-policy",
            "never",
            "--config",
        ])
        .arg(&file)
        .env("PACK_HOME", directories.target("pack-home"))
        .env("DOCKER_HOST", engine.host());
    logged(&mut command, &directories.log("builder"))?;
    Ok(builder)
}
