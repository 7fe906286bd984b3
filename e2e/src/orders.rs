//! The orders of published builders, from the data in `e2e/orders`: stand-ins for their buildpacks,
//! which write the published build plans and processes, and a builder of them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;
use serde::Deserialize;
use toml::{Table, Value};

use crate::buildpacks::{PUBLISHED, buildpack_of};
use crate::directories::{copy, source};

/// A publisher of builders: its orders and the buildpacks in them.
#[derive(Debug, Deserialize)]
pub(crate) struct Publisher {
    orders: Vec<Order>,
    buildpacks: Vec<Buildpack>,
}

/// An order, an app for it, and the expected image.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    name: String,
    /// The ids of its buildpacks. Those with a question mark are optional.
    buildpacks: Vec<String>,
    /// Files that its buildpacks look for, with their contents.
    pub(crate) app: BTreeMap<String, String>,
    /// Variables of the build.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Variables of the container.
    #[serde(default)]
    pub(crate) container: BTreeMap<String, String>,
    pub(crate) appended: Expected,
    pub(crate) prepended: Option<Expected>,
}

/// The expected content of the image.
#[derive(Debug, Deserialize)]
pub(crate) struct Expected {
    /// The type of the default process.
    pub(crate) default: String,
    /// How many processes watch files when the default process runs, one unless given.
    pub(crate) watchers: Option<usize>,
    /// The first line of our `reload`; none where another buildpack's `reload` replaces it.
    pub(crate) log: Option<String>,
    /// The status of the default process when it is stopped, that of the app unless given.
    pub(crate) status: Option<i32>,
}

/// The status of an app that may take its time to stop.
pub(crate) const STATUS_OF_APP: i32 = 7;

/// A published buildpack.
#[derive(Debug, Deserialize)]
struct Buildpack {
    id: String,
    api: String,
    /// A shell script that succeeds for an app of this buildpack.
    #[serde(default)]
    detect: String,
    /// A shell script that prints the value of `@value@` in the build plan and the processes.
    #[serde(default)]
    value: String,
    /// A shell script with the arguments of `bin/build`, which runs at its end.
    #[serde(default)]
    build: String,
    #[serde(default)]
    plan: Table,
    #[serde(default)]
    processes: Vec<Value>,
    /// Files in launch layers. Those in directories `bin` and `exec.d` are shell scripts.
    #[serde(default)]
    layers: BTreeMap<String, String>,
}

impl Publisher {
    /// Reads the data of a publisher, and writes the stand-ins.
    pub(crate) fn read(name: &str) -> Result<Self> {
        let file = source("orders").join(format!("{name}.toml"));
        let publisher: Self = toml::from_str(&fs::read_to_string(&file)?)
            .with_context(|| format!("cannot use {}", file.display()))?;
        publisher.buildpacks.iter().try_for_each(Buildpack::write)?;
        Ok(publisher)
    }

    /// The directories of the stand-ins.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        let buildpacks = self.buildpacks.iter();
        buildpacks
            .map(|buildpack| buildpack_of(&buildpack.id))
            .collect()
    }

    /// The order of its builder.
    pub(crate) fn order_of_builder(&self) -> Vec<Vec<&str>> {
        let buildpacks = self.orders.iter().map(|order| &order.buildpacks);
        buildpacks
            .map(|ids| ids.iter().map(String::as_str).collect())
            .collect()
    }

    /// The order of this name.
    pub(crate) fn order(&self, name: &str) -> Result<&Order> {
        let order = self.orders.iter().find(|order| order.name == name);
        order.with_context(|| format!("no order {name}"))
    }
}

impl Buildpack {
    /// Writes the stand-in.
    fn write(&self) -> Result<()> {
        let Self { id, api, .. } = self;
        let directory = buildpack_of(id);
        copy(&buildpack_of(PUBLISHED), &directory)?;
        let descriptor = format!(
            "api = {api:?}\n[buildpack]\nid = {id:?}\nversion = \"0.0.0\"\n\
             [[targets]]\nos = \"linux\"\n[[stacks]]\nid = \"*\"\n"
        );
        fs::write(directory.join("buildpack.toml"), descriptor)?;
        let data = directory.join("data");
        fs::create_dir_all(data.join("layers"))?;
        let launch = Table::from_iter([("processes".to_owned(), self.processes.clone().into())]);
        for (name, contents) in [
            ("detect", &self.detect),
            ("value", &self.value),
            ("build", &self.build),
            ("plan.toml", &toml::to_string(&self.plan)?),
            ("launch.toml", &toml::to_string(&launch)?),
        ] {
            fs::write(data.join(name), contents)?;
        }
        for (path, contents) in &self.layers {
            let layer = path.split('/').next().unwrap_or(path);
            let types = "[types]\nlaunch = true\n";
            fs::write(data.join("layers").join(format!("{layer}.toml")), types)?;
            write_layer_file(&data.join("layers").join(path), contents)?;
        }
        Ok(())
    }
}

/// Writes a file of a layer, a program if its directory is for programs.
fn write_layer_file(file: &Path, contents: &str) -> Result<()> {
    let directory = file.parent().unwrap_or(file);
    fs::create_dir_all(directory)?;
    if directory.ends_with("bin") || directory.ends_with("exec.d") {
        fs::write(file, format!("#!/bin/sh\n{contents}\n"))?;
        fs::set_permissions(file, PermissionsExt::from_mode(0o755))?;
    } else {
        fs::write(file, contents)?;
    }
    Ok(())
}
