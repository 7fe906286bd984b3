//! `cargo xtask update`: adds new releases of watchexec to buildpack.toml.

mod changelog;
mod entries;
mod feed;
mod listing;
mod policy;

use self::entries::Entries;
use self::listing::Listing;
use crate::download;
use crate::workspace;
use anyhow::{Context, Result};
use clap::Args;
use fs_err as fs;
use std::path::PathBuf;

/// The choices of `cargo xtask update`.
#[derive(Args)]
pub(crate) struct Options {
    /// Feed of releases, in the form of GitHub's REST API
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://api.github.com/repos/watchexec/watchexec/releases"
    )]
    feed: String,

    /// URL of the releases' files, each in a directory `v<version>`
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://github.com/watchexec/watchexec/releases/download"
    )]
    downloads: String,

    /// The buildpack.toml to edit instead of the repository's
    #[arg(long, value_name = "FILE")]
    buildpack_toml: Option<PathBuf>,

    /// The changelog to add to instead of the repository's
    #[arg(long, value_name = "FILE")]
    changelog: Option<PathBuf>,

    /// Print the change without writing it
    #[arg(long)]
    dry_run: bool,
}

/// Updates buildpack.toml to the releases of the policy, or fails and leaves it unchanged.
pub(crate) fn update(options: &Options) -> Result<()> {
    let buildpack_toml = options
        .buildpack_toml
        .clone()
        .unwrap_or_else(workspace::buildpack_toml);
    let changelog = options
        .changelog
        .clone()
        .unwrap_or_else(|| workspace::root().join("CHANGELOG.md"));
    let before = fs::read_to_string(&buildpack_toml)?;

    // The largest page. Three minor lines have never had more than twenty releases.
    let feed = feed::parse(&download::text(&format!("{}?per_page=100", options.feed))?)?;
    let versions = policy::shipped(feed.iter().map(|release| release.version.clone()))?;
    let mut entries = Entries::parse(&before)?;
    for release in &feed {
        let version = &release.version;
        if versions.contains(version) {
            let listed = format!("{}/v{version}/{}", options.downloads, listing::FILE);
            Listing::parse(&download::text(&listed)?)
                .and_then(|listing| entries.add(version, |file| listing.checksum(file, release)))
                .with_context(|| format!("watchexec {version} is refused; see {listed}"))?;
        }
    }
    let after = entries.text();
    println!("Shipped: watchexec {}", changelog::sentence(&versions));
    if after == before {
        println!(
            "{} already says so: nothing to do.",
            buildpack_toml.display()
        );
        return Ok(());
    }
    let entry = entries.changelog_entry();
    println!("{entry}");
    if options.dry_run {
        println!("This is a dry run: nothing was written.");
        return Ok(());
    }
    // Read before anything is written, so that a failure leaves both files unchanged.
    let changed = changelog::add(&fs::read_to_string(&changelog)?, &entry)?;
    fs::write(&buildpack_toml, after)?;
    fs::write(&changelog, changed)?;
    Ok(())
}
