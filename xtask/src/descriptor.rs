//! Reading buildpack.toml, and editing it without losing comments and order.

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use libcnb::data::buildpack::{Buildpack, ComponentBuildpackDescriptor};
use semver::Version;
use std::path::{Path, PathBuf};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};
use watchexec_release::catalog::{Catalog, Dependency, Entry, Target, WATCHEXEC};
use watchexec_release::checksum::Checksum;
use watchexec_release::descriptor;

/// A buildpack.toml.
pub(crate) struct Descriptor {
    /// Its path, for messages.
    path: PathBuf,
    document: DocumentMut,
}

impl Descriptor {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let document = fs::read_to_string(path)?
            .parse()
            .with_context(|| format!("{} is not valid TOML", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            document,
        })
    }

    /// `[buildpack]`, as the buildpack itself reads it.
    pub(crate) fn buildpack(&self) -> Result<Buildpack> {
        Ok(self.contents()?.buildpack)
    }

    /// The dependencies, as the buildpack itself reads them.
    pub(crate) fn dependencies(&self) -> Result<Vec<Dependency>> {
        let entries = self.contents()?.metadata.dependencies;
        let dependencies: Result<_, _> = entries.iter().map(Entry::parse).collect();
        dependencies.with_context(|| format!("{}: [[metadata.dependencies]]", self.path.display()))
    }

    fn contents(&self) -> Result<ComponentBuildpackDescriptor<Catalog>> {
        descriptor::parse(&self.to_string())
            .with_context(|| format!("{} does not describe this buildpack", self.path.display()))
    }

    /// The newest watchexec for a Linux image of that architecture, chosen as a build chooses.
    pub(crate) fn newest(&self, arch: &str) -> Result<Dependency> {
        let catalog = self.contents()?.metadata;
        let release = catalog.choose(&linux(arch), &[]).with_context(|| {
            format!(
                "{} has no watchexec for this architecture",
                self.path.display()
            )
        })?;
        Ok(release.dependency)
    }

    pub(crate) fn set_api(&mut self, api: &str) {
        replace(&mut self.document["api"], api);
    }

    /// Limits the buildpack to an execution environment, with the key that lifecycle and pack read:
    /// a list of names. The spec has tables (`[[buildpack.exec-env]]`), which they reject.
    pub(crate) fn set_exec_env(&mut self, environment: &str) -> Result<()> {
        let api = self.contents()?.api;
        ensure!(
            (api.major, api.minor) >= (0, 12),
            "exec-env needs Buildpack API 0.12, but the package has {api}"
        );
        let names: Array = [environment].into_iter().collect();
        self.document["buildpack"]["exec-env"] = value(names);
        Ok(())
    }

    /// Keeps only the targets and dependencies of these architectures. One without an architecture
    /// is for all of them.
    pub(crate) fn limit_to(&mut self, arches: &[&str]) -> Result<()> {
        let fits = |table: &Table| {
            table
                .get("arch")
                .and_then(Item::as_str)
                .is_none_or(|arch| arches.contains(&arch))
        };
        if let Some(targets) = self
            .document
            .get_mut("targets")
            .and_then(Item::as_array_of_tables_mut)
        {
            retain(targets, fits);
            ensure!(
                !targets.is_empty(),
                "{} has no [[targets]] for {}",
                self.path.display(),
                arches.join(" or ")
            );
        }
        retain(self.dependency_tables()?, fits);
        Ok(())
    }

    /// Keeps only the dependencies whose archives have one of these checksums.
    pub(crate) fn retain_checksums(&mut self, checksums: &[Checksum]) -> Result<()> {
        let dependencies = self.dependencies()?;
        let mut keep = dependencies.iter().map(|dependency| {
            dependency
                .checksum()
                .is_ok_and(|checksum| checksums.contains(&checksum))
        });
        retain(self.dependency_tables()?, |_| keep.next() == Some(true));
        Ok(())
    }

    /// Gives the entry of one release a different archive.
    pub(crate) fn point_at(
        &mut self,
        version: &Version,
        arch: &str,
        uri: &str,
        checksum: &Checksum,
    ) -> Result<()> {
        let is = |table: &Table, key: &str, value: &str| {
            table.get(key).and_then(Item::as_str) == Some(value)
        };
        let version = version.to_string();
        let Some(entry) = self.dependency_tables()?.iter_mut().find(|table| {
            is(table, "id", WATCHEXEC) && is(table, "version", &version) && is(table, "arch", arch)
        }) else {
            bail!("no entry for watchexec {version} on {arch}")
        };
        replace(&mut entry["uri"], uri);
        replace(&mut entry["checksum"], &checksum.to_string());
        entry.remove("sha256");
        Ok(())
    }

    fn dependency_tables(&mut self) -> Result<&mut ArrayOfTables> {
        self.document
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("dependencies"))
            .and_then(Item::as_array_of_tables_mut)
            .with_context(|| format!("{} has no [[metadata.dependencies]]", self.path.display()))
    }
}

/// Linux images of an architecture.
pub(crate) fn linux(arch: &str) -> Target {
    Target {
        os: "linux".to_owned(),
        arch: arch.to_owned(),
    }
}

impl std::fmt::Display for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.document.fmt(f)
    }
}

/// Sets a value and keeps the spaces and comments around it.
fn replace(item: &mut Item, text: &str) {
    let decor = item.as_value().map(|value| value.decor().clone());
    let mut value = Value::from(text);
    if let Some(decor) = decor {
        *value.decor_mut() = decor;
    }
    *item = Item::Value(value);
}

/// Removes tables. The comment above the first one is about all of them and moves to the new first
/// one.
fn retain(tables: &mut ArrayOfTables, keep: impl FnMut(&Table) -> bool) {
    let comment = tables
        .get(0)
        .and_then(|first| first.decor().prefix().cloned());
    tables.retain(keep);
    if let (Some(first), Some(comment)) = (tables.get_mut(0), comment) {
        first.decor_mut().set_prefix(comment);
    }
}
