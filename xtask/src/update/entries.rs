//! The watchexec releases of a buildpack.toml, edited so that comments, order and spaces stay.

use super::changelog::sentence;
use anyhow::{Context, Result, ensure};
use semver::Version;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml_edit::visit_mut::VisitMut;
use toml_edit::{ArrayOfTables, DocumentMut, Formatted, Item, RawString, Table, Value};
use watchexec_release::catalog::{Dependency, Entry};
use watchexec_release::checksum::Checksum;

/// A buildpack.toml and its entries.
pub(super) struct Entries {
    document: DocumentMut,
    /// Above the first entry: the comment on all of them.
    head: RawString,
    /// All entries as they are. Those of other ids have no release.
    old: Vec<(Table, Option<Dependency>)>,
    /// The entries for watchexec as they will be.
    new: Vec<(Table, Dependency)>,
}

impl Entries {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let document: DocumentMut = text.parse()?;
        let tables = document.get("metadata").and_then(|metadata| {
            let tables = metadata.get("dependencies")?;
            tables.as_array_of_tables()
        });
        let tables = tables.context("buildpack.toml has no [[metadata.dependencies]]")?;
        let mut old = Vec::new();
        for table in tables {
            old.push((table.clone(), release(table)?));
        }
        let (first, _) = old.first_mut().context("buildpack.toml lists no release")?;
        let head = first.decor().prefix().cloned().unwrap_or_default();
        first.decor_mut().set_prefix("\n");
        ensure!(
            old.iter().any(|(_, release)| release.is_some()),
            "there is no entry for watchexec to take as an example"
        );
        Ok(Self {
            document,
            head,
            old,
            new: Vec::new(),
        })
    }

    /// Adds a release for every platform that has entries. `checksum` gives that of one of its
    /// files.
    pub(super) fn add(
        &mut self,
        version: &Version,
        checksum: impl Fn(&str) -> Result<Checksum>,
    ) -> Result<()> {
        let mut platforms: Vec<Platform> = Vec::new();
        for (_, old) in self.releases() {
            if !platforms.contains(&platform(old)) {
                platforms.push(platform(old));
            }
        }
        for platform in platforms {
            let same_line = |old: &Dependency| {
                (old.version.major, old.version.minor) == (version.major, version.minor)
            };
            // Of another line, the newest entry has the current name and location of archives, also
            // those of a repackager.
            let (table, old) = self
                .releases()
                .filter(|(_, old)| self::platform(old) == platform)
                .max_by_key(|(_, old)| (old.version == *version, same_line(old), &old.version))
                .context("a platform without an entry")?;
            let mut table = table.clone();
            if !same_line(old) {
                // The comment above it is not about this version.
                table.decor_mut().set_prefix("\n");
            }
            replace(&mut table, &old.version.to_string(), &version.to_string());
            let file = file(&table)?;
            let listed = checksum(&file)?;
            let written = old.checksum()?;
            if old.version == *version {
                ensure!(
                    written == listed,
                    "{file} is now listed with {listed}, which is not the checksum in buildpack.toml: a \
                     published archive must never change"
                );
            } else {
                // The listing has none.
                table.remove("source-checksum");
                replace(&mut table, &written.hex(), &listed.hex());
            }
            let new = release(&table)?.context("not an entry for watchexec")?;
            ensure!(
                new.version == *version && new.checksum()? == listed,
                "the entry for watchexec {} cannot be turned into one for {version}",
                old.version
            );
            self.new.push((table, new));
        }
        Ok(())
    }

    /// The entries for watchexec in the order of the file.
    fn releases(&self) -> impl Iterator<Item = (&Table, &Dependency)> {
        let old = self.old.iter();
        old.filter_map(|(table, release)| Some((table, release.as_ref()?)))
    }

    /// The file with the added entries, newest first, in the place of the old ones.
    pub(super) fn text(&self) -> String {
        let mut new = self.new.clone();
        // Stable: the platforms stay in the order of the file.
        new.sort_by(|(_, a), (_, b)| b.version.cmp(&a.version));
        let mut new: Vec<Table> = new.into_iter().map(|(table, _)| table).collect();
        let mut tables = Vec::new();
        for (table, release) in &self.old {
            match release {
                Some(_) => tables.append(&mut new),
                None => tables.push(table.clone()),
            }
        }
        if let Some(first) = tables.first_mut() {
            first.decor_mut().set_prefix(self.head.clone());
        }
        tables.iter_mut().for_each(forget_position);
        let mut document = self.document.clone();
        document["metadata"]["dependencies"] =
            Item::ArrayOfTables(ArrayOfTables::from_iter(tables));
        document.to_string()
    }

    /// The line for the changelog.
    pub(super) fn changelog_entry(&self) -> String {
        let old: Vec<&Dependency> = self.releases().map(|(_, old)| old).collect();
        let new: Vec<&Dependency> = self.new.iter().map(|(_, new)| new).collect();
        let only_in = |these: &[&Dependency], others: &[&Dependency]| {
            let is_there = |one: &Dependency| {
                let same = |other: &&Dependency| {
                    other.version == one.version && platform(other) == platform(one)
                };
                others.iter().any(same)
            };
            let only = these.iter().filter(|one| !is_there(one));
            let mut versions: Vec<Version> = only.map(|one| one.version.clone()).collect();
            versions.sort_by(|a, b| b.cmp(a));
            versions.dedup();
            versions
        };
        let (added, removed) = (only_in(&new, &old), only_in(&old, &new));
        match (added.as_slice(), removed.as_slice()) {
            (added, []) => format!("- Ships watchexec {}.", sentence(added)),
            ([], removed) => format!("- No longer ships watchexec {}.", sentence(removed)),
            (added, removed) => format!(
                "- Ships watchexec {}, and no longer {}.",
                sentence(added),
                sentence(removed)
            ),
        }
    }
}

/// `os` and `arch`.
type Platform = (Option<String>, Option<String>);

fn platform(entry: &Dependency) -> Platform {
    (entry.os.clone(), entry.arch.clone())
}

/// An entry as a build reads it, if it is one for watchexec.
fn release(table: &Table) -> Result<Option<Dependency>> {
    let value = Value::from(table.clone().into_inline_table());
    let entry = Entry::deserialize(value.into_deserializer())?;
    let release = entry.is_watchexec().then(|| entry.parse()).transpose();
    release.context("an entry of buildpack.toml is invalid")
}

/// The name of the archive.
fn file(table: &Table) -> Result<String> {
    let uri = table.get("uri").and_then(Item::as_str);
    let file = uri.and_then(|uri| uri.rsplit('/').next());
    Ok(file.context("an entry has no uri")?.to_owned())
}

/// Lets a table and those in it follow what is written before them.
fn forget_position(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        if let Some(tables) = item.as_array_of_tables_mut() {
            tables.iter_mut().for_each(forget_position);
        }
    }
}

/// Replaces a word in all strings of an entry.
fn replace(table: &mut Table, old: &str, new: &str) {
    struct Replace<'a>(&'a str, &'a str);
    impl VisitMut for Replace<'_> {
        fn visit_string_mut(&mut self, node: &mut Formatted<String>) {
            let decor = node.decor().clone();
            *node = Formatted::new(with_version_replaced(node.value(), self.0, self.1));
            *node.decor_mut() = decor;
        }
    }
    Replace(old, new).visit_table_mut(table);
}

/// Replaces a version unless it is part of a longer one: 2.5.1 in v2.5.1, but not in 12.5.10.
fn with_version_replaced(text: &str, old: &str, new: &str) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(old) {
        replaced.push_str(before);
        let longer = replaced.ends_with(|c: char| c.is_ascii_digit() || c == '.')
            || after.starts_with(|c: char| c.is_ascii_digit());
        replaced.push_str(if longer { old } else { new });
        rest = after;
    }
    replaced.push_str(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::with_version_replaced;

    #[test]
    fn replaces_versions_but_not_parts_of_longer_ones() {
        for (text, expected) in [
            (
                "v2.5.1/watchexec-2.5.1-x86_64.tar.xz",
                "v2.8.0/watchexec-2.8.0-x86_64.tar.xz",
            ),
            ("refs/tags/v2.5.1.tar.gz", "refs/tags/v2.8.0.tar.gz"),
            ("12.5.1 2.5.10 1.2.5.1", "12.5.1 2.5.10 1.2.5.1"),
        ] {
            assert_eq!(with_version_replaced(text, "2.5.1", "2.8.0"), expected);
        }
    }
}
