//! The builder, as an operator makes one: our buildpack is optional and comes first in every
//! group, before buildpacks that know of live reload and one that does not.

use std::path::{Path, PathBuf};
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
/// Keeps a layer, and does nothing else.
pub(crate) const LAYER: &str = "live-reload-e2e/layer";

/// What builders are made with.
#[derive(Debug)]
pub(crate) struct Maker<'a> {
    pub(crate) pack: &'a Path,
    pub(crate) lifecycle: &'a Lifecycle,
    pub(crate) images: &'a Images,
    pub(crate) engine: &'a Engine,
    pub(crate) directories: &'a Directories,
}

/// A buildpack in a group of an order.
pub(crate) struct Member {
    id: String,
    optional: bool,
}

impl Member {
    /// One without which the group does not pass.
    pub(crate) fn required(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            optional: false,
        }
    }

    /// One that takes part where it passes.
    pub(crate) fn optional(id: &str) -> Self {
        Self {
            optional: true,
            ..Self::required(id)
        }
    }
}

impl Maker<'_> {
    /// The builder of most cases. Returns its name.
    pub(crate) fn create(&self, watchexec: &Path) -> Result<String> {
        let mut buildpacks = vec![watchexec.to_owned()];
        for id in [START, EXECUTABLE_JAR, PROCFILE, ENVIRONMENT] {
            buildpacks.push(source(id, self.directories));
        }
        let order = [START, EXECUTABLE_JAR, PROCFILE]
            .map(|id| vec![Member::optional(WATCHEXEC), Member::required(id)]);
        self.make("builder", &buildpacks, &order)
    }

    /// Makes a builder image of these buildpacks and this order. Returns its name.
    pub(crate) fn make(
        &self,
        name: &str,
        buildpacks: &[PathBuf],
        order: &[Vec<Member>],
    ) -> Result<String> {
        let mut description = vec![
            format!("[build]\nimage = {:?}", self.images.base),
            format!("[run]\n[[run.images]]\nimage = {:?}", self.images.base),
            format!("[lifecycle]\nuri = {:?}", self.lifecycle.uri()),
        ];
        for buildpack in buildpacks {
            let uri = format!("file://{}", buildpack.display());
            description.push(format!("[[buildpacks]]\nuri = {uri:?}"));
        }
        for group in order {
            description.push("[[order]]".to_owned());
            for Member { id, optional } in group {
                description.push(format!(
                    "[[order.group]]\nid = {id:?}\noptional = {optional}"
                ));
            }
        }
        let file = self.directories.target(&format!("{name}.toml"));
        fs::write(&file, description.join("\n\n"))?;

        let builder = self.engine.named(name);
        self.make_of(&builder, &file, name)?;
        Ok(builder)
    }

    /// Makes a builder image as its builder.toml says. What pack prints goes to a log of that name.
    pub(crate) fn make_of(&self, builder: &str, file: &Path, log: &str) -> Result<()> {
        let mut command = Command::new(self.pack);
        command
            .args([
                "builder",
                "create",
                builder,
                "--pull-policy",
                "never",
                "--config",
            ])
            .arg(file)
            .env("PACK_HOME", self.directories.target("pack-home"))
            .env("DOCKER_HOST", self.engine.host());
        logged(&mut command, &self.directories.log(log))
    }
}

/// Where the suite's buildpack of this id is.
pub(crate) fn source(id: &str, directories: &Directories) -> PathBuf {
    let name = id.rsplit('/').next().unwrap_or(id);
    directories.source("buildpacks").join(name)
}
