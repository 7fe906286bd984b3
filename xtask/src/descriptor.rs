//! buildpack.toml as the programs here change it: in place, with its comments and its order.

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use libcnb::data::buildpack::Buildpack;
use semver::Version;
use std::path::{Path, PathBuf};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};
use watchexec_buildpack::checksum::Checksum;
use watchexec_buildpack::dependency::{BuildpackMetadata, Dependency, Platform, WATCHEXEC, choose};

/// A buildpack.toml.
pub(crate) struct Descriptor {
    /// Where it came from, for messages.
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
        #[derive(serde::Deserialize)]
        struct Description {
            buildpack: Buildpack,
        }
        let mut document = self.document.clone();
        // libcnb refuses keys that it does not know, and this one is in the spec since API 0.12.
        let table = document.get_mut("buildpack");
        if let Some(table) = table.and_then(Item::as_table_mut) {
            table.remove("exec-env");
        }
        let Description { buildpack } = toml_edit::de::from_document(document)
            .with_context(|| format!("{} does not describe a buildpack", self.path.display()))?;
        Ok(buildpack)
    }

    /// The dependencies, as the buildpack itself reads them.
    pub(crate) fn dependencies(&self) -> Result<Vec<Dependency>> {
        #[derive(serde::Deserialize)]
        struct Dependencies {
            metadata: BuildpackMetadata,
        }
        let Dependencies { metadata } = toml_edit::de::from_document(self.document.clone())
            .with_context(|| format!("{} does not list dependencies", self.path.display()))?;
        Ok(metadata.dependencies)
    }

    /// The newest watchexec for a Linux image of that architecture, chosen as a build chooses.
    pub(crate) fn newest(&self, arch: &str) -> Result<Dependency> {
        let platform = Platform {
            os: "linux".to_owned(),
            arch: arch.to_owned(),
        };
        let dependencies = self.dependencies()?;
        let choice = choose(&dependencies, &platform, &[])
            .with_context(|| format!("{} offers nothing to install", self.path.display()))?;
        Ok(choice.dependency.clone())
    }

    pub(crate) fn set_api(&mut self, api: &str) {
        replace(&mut self.document["api"], api);
    }

    /// Leaves only the targets of these architectures, and only the dependencies that an image of
    /// one of them can use. A target or a dependency without an architecture is for each of them.
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

    /// Leaves only the dependencies whose archives have one of these checksums.
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

    /// Makes the entry of one release another archive's.
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

    pub(crate) fn dependency_tables(&mut self) -> Result<&mut ArrayOfTables> {
        self.document
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("dependencies"))
            .and_then(Item::as_array_of_tables_mut)
            .with_context(|| format!("{} has no [[metadata.dependencies]]", self.path.display()))
    }
}

impl std::fmt::Display for Descriptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.document.fmt(f)
    }
}

/// Gives a key another value and leaves the spaces and comments around it.
pub(crate) fn replace(item: &mut Item, text: &str) {
    let decor = item.as_value().map(|value| value.decor().clone());
    let mut value = Value::from(text);
    if let Some(decor) = decor {
        *value.decor_mut() = decor;
    }
    *item = Item::Value(value);
}

/// Removes tables. What stands before the first one (the comment on them all) stays, above the one
/// that is first then.
fn retain(tables: &mut ArrayOfTables, keep: impl FnMut(&Table) -> bool) {
    let comment = tables
        .get(0)
        .and_then(|first| first.decor().prefix().cloned());
    tables.retain(keep);
    if let (Some(first), Some(comment)) = (tables.get_mut(0), comment) {
        first.decor_mut().set_prefix(comment);
    }
}
