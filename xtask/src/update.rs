//! `cargo xtask update`: new releases of watchexec into buildpack.toml.

mod changelog;
mod entries;
mod feed;
mod listing;
mod policy;

use self::entries::Entries;
use self::listing::Listing;
use crate::descriptor::Descriptor;
use crate::download;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use clap::Args;
use fs_err as fs;
use semver::Version;
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

    /// Where the files of the releases are, each in a folder `v<version>`
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

    /// Say what would be done, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Brings buildpack.toml to what the policy says, or refuses and leaves it as it is.
pub(crate) fn update(workspace: &Workspace, options: &Options) -> Result<()> {
    let buildpack_toml = options
        .buildpack_toml
        .clone()
        .unwrap_or_else(|| workspace.buildpack_toml());
    let changelog = options
        .changelog
        .clone()
        .unwrap_or_else(|| workspace.root().join("CHANGELOG.md"));
    let mut descriptor = Descriptor::read(&buildpack_toml)?;
    let before = descriptor.to_string();

    // The largest page there is: three minor lines never were more than twenty releases.
    let feed = feed::parse(&download::text(&format!("{}?per_page=100", options.feed))?)?;
    let versions = policy::shipped(feed.iter().map(|release| release.version.clone()))?;
    let mut entries = Entries::of(&mut descriptor)?;
    for release in &feed {
        let version = &release.version;
        if versions.contains(version) {
            let listed = format!("{}/v{version}/{}", options.downloads, listing::FILE);
            Listing::parse(&download::text(&listed)?)
                .and_then(|listing| entries.add(version, |file| listing.checksum(file, release)))
                .with_context(|| format!("watchexec {version} is refused; see {listed}"))?;
        }
    }
    let change = entries.write();

    let after = descriptor.to_string();
    println!("Shipped: watchexec {}", sentence(&versions));
    if after == before {
        println!(
            "That is what {} says: nothing to do.",
            buildpack_toml.display()
        );
        return Ok(());
    }
    let entry = change.changelog_entry();
    println!("{entry}");
    if options.dry_run {
        println!("This is a dry run: nothing was written.");
        return Ok(());
    }
    // Read before anything is written: what fails must leave both files as they are.
    let changed = changelog::add(&fs::read_to_string(&changelog)?, &entry);
    fs::write(&buildpack_toml, after)?;
    fs::write(&changelog, changed)?;
    Ok(())
}

/// Versions as a sentence lists them.
fn sentence(versions: &[Version]) -> String {
    let names: Vec<String> = versions.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}
