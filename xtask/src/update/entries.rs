//! The releases in buildpack.toml, edited in place.

use super::sentence;
use crate::descriptor::{Descriptor, replace};
use anyhow::{Context, Result, ensure};
use semver::Version;
use toml_edit::{ArrayOfTables, Item, RawString, Table, Value};
use watchexec_buildpack::checksum::Checksum;
use watchexec_buildpack::dependency::WATCHEXEC;

/// The `[[metadata.dependencies]]` of a buildpack.toml.
pub(super) struct Entries<'a> {
    tables: &'a mut ArrayOfTables,
    /// What stands above the first one: the comment on them all, whichever is first.
    comment: Option<RawString>,
    /// The entries for watchexec as they were.
    old: Vec<Entry>,
    /// And as they will be.
    new: Vec<Entry>,
}

/// An entry for watchexec.
#[derive(Clone)]
struct Entry {
    version: Version,
    /// `os` and `arch`.
    platform: [Option<String>; 2],
    table: Table,
}

/// What became of the entries.
pub(super) struct Change {
    added: Vec<Version>,
    removed: Vec<Version>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(descriptor: &'a mut Descriptor) -> Result<Self> {
        let tables = descriptor.dependency_tables()?;
        let mut comment = None;
        if let Some(first) = tables.get_mut(0) {
            comment = first.decor().prefix().cloned();
            first.decor_mut().set_prefix("\n");
        }
        let old: Vec<Entry> = tables
            .iter()
            .filter(|table| is_watchexec(table))
            .map(Entry::read)
            .collect::<Result<_>>()?;
        ensure!(
            !old.is_empty(),
            "there is no entry for watchexec that could be an example for others"
        );
        Ok(Self {
            tables,
            comment,
            old,
            new: Vec::new(),
        })
    }

    /// Adds a release for every platform there are entries for. `checksum` gives that of one of
    /// its files.
    pub(super) fn add(
        &mut self,
        version: &Version,
        checksum: impl Fn(&str) -> Result<Checksum>,
    ) -> Result<()> {
        for platform in self.platforms() {
            let entries = || self.old.iter().filter(|entry| entry.platform == platform);
            let same_line = |entry: &&Entry| {
                (entry.version.major, entry.version.minor) == (version.major, version.minor)
            };
            let entry = if let Some(same) = entries().find(|entry| entry.version == *version) {
                same.verify(&checksum)?;
                same.clone()
            } else if let Some(patched) = entries().find(same_line) {
                let mut entry = patched.clone();
                entry.become_version(version, &checksum)?;
                entry
            } else {
                // The newest one knows best what an archive is called and where it is, also where
                // a repackager has them elsewhere. A comment above it is not on this one.
                let newest = entries().max_by(|a, b| a.version.cmp(&b.version));
                let mut entry = newest.context("a platform without an entry")?.clone();
                entry.table.decor_mut().set_prefix("\n");
                entry.become_version(version, &checksum)?;
                entry
            };
            self.new.push(entry);
        }
        Ok(())
    }

    /// The platforms in the order of the file.
    fn platforms(&self) -> Vec<[Option<String>; 2]> {
        let mut platforms = Vec::new();
        for entry in &self.old {
            if !platforms.contains(&entry.platform) {
                platforms.push(entry.platform.clone());
            }
        }
        platforms
    }

    /// Writes what was added, newest first, in the place of what was there.
    pub(super) fn write(mut self) -> Change {
        let change = Change::between(&self.old, &self.new);
        // Stable: the platforms stay in the order of the file.
        self.new.sort_by(|a, b| b.version.cmp(&a.version));
        let mut new = Some(self.new);
        let mut tables = ArrayOfTables::new();
        for table in &*self.tables {
            if !is_watchexec(table) {
                tables.push(table.clone());
            } else if let Some(new) = new.take() {
                for entry in new {
                    tables.push(entry.table);
                }
            }
        }
        for table in tables.iter_mut() {
            forget_position(table);
        }
        if let (Some(first), Some(comment)) = (tables.get_mut(0), self.comment) {
            first.decor_mut().set_prefix(comment);
        }
        *self.tables = tables;
        change
    }
}

impl Entry {
    fn read(table: &Table) -> Result<Self> {
        let text = |key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
        let version = text("version").context("an entry for watchexec has no version")?;
        Ok(Self {
            version: Version::parse(&version)
                .with_context(|| format!("an entry has the version {version:?}"))?,
            platform: [text("os"), text("arch")],
            table: table.clone(),
        })
    }

    /// The name of the archive.
    fn file(&self) -> Result<String> {
        let uri = self.table.get("uri").and_then(Item::as_str);
        uri.and_then(|uri| uri.rsplit('/').next())
            .map(str::to_owned)
            .with_context(|| format!("watchexec {} has no uri", self.version))
    }

    /// Makes sure that a release which is shipped already is still the same.
    fn verify(&self, checksum: impl Fn(&str) -> Result<Checksum>) -> Result<()> {
        let file = self.file()?;
        let listed = checksum(&file)?;
        let written = |key: &str| self.table.get(key).and_then(Item::as_str);
        let same = match (written("checksum"), written("sha256")) {
            (Some(text), _) => text.parse() == Ok(listed),
            (None, Some(digits)) => Checksum::from_hex(digits) == Ok(listed),
            (None, None) => false,
        };
        ensure!(
            same,
            "{file} is listed with {listed} now, which is not what buildpack.toml has: a published \
             archive must never change"
        );
        Ok(())
    }

    /// Makes it the entry of another version: the version is replaced wherever it stands.
    fn become_version(
        &mut self,
        version: &Version,
        checksum: impl Fn(&str) -> Result<Checksum>,
    ) -> Result<()> {
        let (old, new) = (self.version.to_string(), version.to_string());
        for (_, item) in self.table.iter_mut() {
            replace_version(item, &old, &new);
        }
        self.version = version.clone();
        let checksum = checksum(&self.file()?)?;
        // The listing does not have the sources, and their old checksum is not the new one.
        self.table.remove("source-checksum");
        match self.table.get_mut("sha256") {
            Some(item) => replace(item, &checksum.hex()),
            None => replace(&mut self.table["checksum"], &checksum.to_string()),
        }
        Ok(())
    }
}

impl Change {
    fn between(old: &[Entry], new: &[Entry]) -> Self {
        let only_in = |these: &[Entry], others: &[Entry]| {
            let is_there = |entry: &&Entry| {
                !others
                    .iter()
                    .any(|other| other.version == entry.version && other.platform == entry.platform)
            };
            let mut versions: Vec<Version> = these
                .iter()
                .filter(is_there)
                .map(|entry| entry.version.clone())
                .collect();
            versions.sort_by(|a, b| b.cmp(a));
            versions.dedup();
            versions
        };
        Self {
            added: only_in(new, old),
            removed: only_in(old, new),
        }
    }

    /// What the people who use the buildpack are told.
    pub(super) fn changelog_entry(&self) -> String {
        match (self.added.as_slice(), self.removed.as_slice()) {
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

fn is_watchexec(table: &Table) -> bool {
    table.get("id").and_then(Item::as_str) == Some(WATCHEXEC)
}

/// Lets a table be written where it stands in the array, not where it once stood in the file.
fn forget_position(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        if let Some(table) = item.as_table_mut() {
            forget_position(table);
        } else if let Some(tables) = item.as_array_of_tables_mut() {
            tables.iter_mut().for_each(forget_position);
        }
    }
}

/// Replaces a version in every text of an item.
fn replace_version(item: &mut Item, old: &str, new: &str) {
    match item {
        Item::None => {}
        Item::Value(value) => replace_in_value(value, old, new),
        Item::Table(table) => {
            for (_, item) in table.iter_mut() {
                replace_version(item, old, new);
            }
        }
        Item::ArrayOfTables(tables) => {
            for (_, item) in tables.iter_mut().flat_map(Table::iter_mut) {
                replace_version(item, old, new);
            }
        }
    }
}

fn replace_in_value(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) => {
            let replaced = with_version_replaced(text.value(), old, new);
            if replaced != *text.value() {
                let decor = value.decor().clone();
                *value = Value::from(replaced);
                *value.decor_mut() = decor;
            }
        }
        Value::Array(array) => {
            for value in array.iter_mut() {
                replace_in_value(value, old, new);
            }
        }
        Value::InlineTable(table) => {
            for (_, value) in table.iter_mut() {
                replace_in_value(value, old, new);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

/// Replaces a version where it is not a part of a longer one: 2.5.1 in v2.5.1, but not in 12.5.10.
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
    fn versions_are_replaced_and_longer_ones_are_not() {
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
