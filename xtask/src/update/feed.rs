//! The feed of releases, in the form of GitHub's REST API ("List releases").

use anyhow::{Context, Result, ensure};
use semver::Version;
use serde::Deserialize;
use std::collections::BTreeMap;
use watchexec_release::checksum::Checksum;

/// A release.
pub(super) struct Release {
    pub(super) version: Version,
    /// The checksums that the release site itself computes of uploaded files, since June 2025.
    /// Older files have no digest.
    pub(super) checksums: BTreeMap<String, Checksum>,
}

/// The stable releases. Tags in a form other than `v2.8.0` belong to watchexec's libraries.
pub(super) fn parse(feed: &str) -> Result<Vec<Release>> {
    #[derive(Deserialize)]
    struct Entry {
        tag_name: String,
        draft: bool,
        prerelease: bool,
        assets: Vec<Asset>,
    }
    #[derive(Deserialize)]
    struct Asset {
        name: String,
        digest: Option<String>,
    }

    let entries: Vec<Entry> =
        serde_json::from_str(feed).context("the feed is not a list of releases")?;
    let mut releases = Vec::new();
    for entry in entries {
        let version = entry.tag_name.strip_prefix('v').map(Version::parse);
        let Some(Ok(version)) = version else { continue };
        if entry.draft || entry.prerelease {
            continue;
        }
        let mut checksums = BTreeMap::new();
        for asset in entry.assets {
            if let Some(digest) = asset.digest {
                let checksum = digest.parse().with_context(|| {
                    format!("the digest that the feed gives for {}", asset.name)
                })?;
                checksums.insert(asset.name, checksum);
            }
        }
        releases.push(Release { version, checksums });
    }
    ensure!(!releases.is_empty(), "the feed has no releases");
    Ok(releases)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn skips_unstable_releases_and_libraries() {
        let release = |tag: &str, draft: bool, prerelease: bool| {
            format!(
                r#"{{"tag_name": "{tag}", "draft": {draft}, "prerelease": {prerelease}, "assets": []}}"#
            )
        };
        let feed = format!(
            "[{}]",
            [
                release("v2.8.0", false, false),
                release("v2.9.0", true, false),
                release("v2.10.0", false, true),
                release("watchexec-events-v6.1.3", false, false),
            ]
            .join(", ")
        );
        let versions: Vec<String> = parse(&feed)
            .unwrap()
            .iter()
            .map(|release| release.version.to_string())
            .collect();
        assert_eq!(versions, ["2.8.0"]);
    }

    #[test]
    fn rejects_other_answers() {
        assert!(parse(r#"{"message": "API rate limit exceeded"}"#).is_err());
        assert!(parse("[]").is_err());
    }
}
