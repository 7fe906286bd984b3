//! The watchexec releases of a buildpack.toml, edited as text: comments, order and spaces stay.

use super::changelog::sentence;
use anyhow::{Context, Result, ensure};
use semver::Version;
use serde::Deserialize;
use watchexec_release::catalog::{Catalog, Dependency, Entry};
use watchexec_release::checksum::Checksum;

const HEADER: &str = "[[metadata.dependencies]]";

/// A buildpack.toml, taken apart at its entries.
pub(super) struct Entries {
    /// Everything above the first entry, with the comment on all of them.
    head: String,
    /// The entries and the text after them, unchanged.
    blocks: Vec<Block>,
    /// The entries for watchexec as they will be.
    new: Vec<Block>,
}

/// A table of the file, with the comment above it and the tables below it.
#[derive(Clone)]
struct Block {
    text: String,
    /// Its contents if it is an entry for watchexec.
    release: Option<Dependency>,
}

impl Entries {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let first = lines.iter().position(|line| line.starts_with(HEADER));
        let first = first.with_context(|| format!("buildpack.toml has no {HEADER}"))?;
        let mut starts = vec![first];
        for (index, line) in lines.iter().enumerate().skip(first + 1) {
            if line.starts_with('[') && !line.contains("metadata.dependencies.") {
                let is_above = |line: &&&str| line.trim().is_empty() || line.starts_with('#');
                let above = lines[..index].iter().rev().take_while(is_above).count();
                starts.push(index - above);
            }
        }
        let end = lines.len();
        let ends = starts.iter().skip(1).chain([&end]);
        let blocks = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| {
                let between = if *start == first { "\n" } else { "" };
                Block::new(between.to_owned() + &lines[*start..*end].concat())
            })
            .collect::<Result<Vec<_>>>()?;
        ensure!(
            blocks.iter().any(|block| block.release.is_some()),
            "there is no entry for watchexec to take as an example"
        );
        Ok(Self {
            head: lines[..first].concat(),
            blocks,
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
        for platform in self.platforms() {
            let entries =
                || releases(&self.blocks).filter(|(_, old)| self::platform(old) == platform);
            let line = |version: &Version| (version.major, version.minor);
            let entry = if let Some((block, old)) =
                entries().find(|(_, old)| old.version == *version)
            {
                let file = file(old);
                let listed = checksum(file)?;
                ensure!(
                    old.checksum().is_ok_and(|written| written == listed),
                    "{file} is listed with {listed} now, which is not what buildpack.toml has: a \
                     published archive must never change"
                );
                block.clone()
            } else if let Some((block, _)) =
                entries().find(|(_, old)| line(&old.version) == line(version))
            {
                block.at_version(version, &checksum)?
            } else {
                // The newest entry has the current name and location of archives, also those of a
                // repackager. The comment above it is not about this version.
                let (newest, _) = entries()
                    .max_by_key(|(_, old)| &old.version)
                    .context("a platform without an entry")?;
                let (_, below) = newest.text.split_once(HEADER).unwrap_or_default();
                Block::new(format!("\n{HEADER}{below}"))?.at_version(version, &checksum)?
            };
            self.new.push(entry);
        }
        Ok(())
    }

    /// The platforms in the order of the file.
    fn platforms(&self) -> Vec<Platform> {
        let mut platforms = Vec::new();
        for (_, entry) in releases(&self.blocks) {
            if !platforms.contains(&platform(entry)) {
                platforms.push(platform(entry));
            }
        }
        platforms
    }

    /// The file with the added entries, newest first, in the place of the old ones.
    pub(super) fn text(&self) -> String {
        let mut new = self.new.clone();
        // Stable: the platforms stay in the order of the file.
        new.sort_by(|a, b| version(b).cmp(&version(a)));
        let mut blocks: Vec<Block> = Vec::new();
        for block in &self.blocks {
            match block.release {
                Some(_) => blocks.append(&mut new),
                None => blocks.push(block.clone()),
            }
        }
        let text: String = blocks.iter().map(|block| block.text.as_str()).collect();
        self.head.clone() + text.trim_start_matches('\n')
    }

    /// The line for the changelog.
    pub(super) fn changelog_entry(&self) -> String {
        let only_in = |these: &[Block], others: &[Block]| {
            let is_there = |(_, one): &(&Block, &Dependency)| {
                releases(others).any(|(_, other)| {
                    other.version == one.version && platform(other) == platform(one)
                })
            };
            let mut versions: Vec<Version> = releases(these)
                .filter(|entry| !is_there(entry))
                .map(|(_, entry)| entry.version.clone())
                .collect();
            versions.sort_by(|a, b| b.cmp(a));
            versions.dedup();
            versions
        };
        let added = only_in(&self.new, &self.blocks);
        let removed = only_in(&self.blocks, &self.new);
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

fn version(block: &Block) -> Option<&Version> {
    block.release.as_ref().map(|release| &release.version)
}

/// The entries for watchexec.
fn releases(blocks: &[Block]) -> impl Iterator<Item = (&Block, &Dependency)> {
    blocks
        .iter()
        .filter_map(|block| Some((block, block.release.as_ref()?)))
}

/// The name of the archive.
fn file(entry: &Dependency) -> &str {
    entry.uri.rsplit('/').next().unwrap_or(&entry.uri)
}

impl Block {
    fn new(text: String) -> Result<Self> {
        #[derive(Deserialize)]
        struct Contents {
            metadata: Catalog,
        }
        let mut release = None;
        if text.contains(HEADER) {
            let contents: Contents =
                toml_edit::de::from_str(&text).context("an entry of buildpack.toml is invalid")?;
            let mut entries = contents.metadata.dependencies.iter();
            let entry = entries.find(|entry| entry.is_watchexec());
            release = entry.map(Entry::parse).transpose()?;
        }
        Ok(Self { text, release })
    }

    /// The entry with another version, in all its values.
    fn at_version(
        &self,
        version: &Version,
        checksum: impl Fn(&str) -> Result<Checksum>,
    ) -> Result<Self> {
        let old = self
            .release
            .as_ref()
            .context("not an entry for watchexec")?;
        let (was, is) = (old.version.to_string(), version.to_string());
        let text: String = self
            .text
            .split_inclusive('\n')
            // The listing has no checksum of the source.
            .filter(|line| !line.starts_with("source-checksum"))
            .map(|line| with_version_replaced(line, &was, &is))
            .collect();
        let listed = checksum(&with_version_replaced(file(old), &was, &is))?;
        let text = text.replace(&old.checksum()?.hex(), &listed.hex());
        let new = Self::new(text)?;
        ensure!(
            new.release.as_ref().is_some_and(|new| {
                new.version == *version && new.checksum().is_ok_and(|written| written == listed)
            }),
            "the entry for watchexec {was} cannot be turned into one for {version}"
        );
        Ok(new)
    }
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
