//! The releases of watchexec that the buildpack ships.

use anyhow::{Context, Result};
use semver::{Version, VersionReq};
use std::collections::BTreeMap;

/// The number of minor lines, each with its newest patch: the newest line, and earlier ones that an
/// app may be pinned to.
const LINES: usize = 3;

/// Releases that are never shipped, and the reason.
const UNFIT: [(&str, &str); 1] = [(
    ">=2.6.0, <2.7.0",
    "in shell mode `PORT=1 app` gives 127, and without a shell it panics",
)];

/// The releases to ship, newest first.
pub(super) fn shipped(released: impl IntoIterator<Item = Version>) -> Result<Vec<Version>> {
    let unfit: Vec<VersionReq> = UNFIT
        .iter()
        .map(|(versions, _)| VersionReq::parse(versions).context("the policy has a typing error"))
        .collect::<Result<_>>()?;
    let mut newest_of_line: BTreeMap<(u64, u64), Version> = BTreeMap::new();
    for version in released {
        // No requirement can ask for a preview.
        if !version.pre.is_empty() || unfit.iter().any(|unfit| unfit.matches(&version)) {
            continue;
        }
        let newest = newest_of_line
            .entry((version.major, version.minor))
            .or_insert_with(|| version.clone());
        if version > *newest {
            *newest = version;
        }
    }
    Ok(newest_of_line.into_values().rev().take(LINES).collect())
}

#[cfg(test)]
mod tests {
    use super::shipped;

    fn shipped_of(released: &[&str]) -> Vec<String> {
        let released = released.iter().map(|version| version.parse().unwrap());
        shipped(released)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn ships_the_newest_patch_of_three_lines() {
        assert_eq!(
            shipped_of(&["3.0.0", "2.8.1", "2.8.0", "2.10.0", "2.9.3", "2.9.12"]),
            ["3.0.0", "2.10.0", "2.9.12"]
        );
        assert_eq!(shipped_of(&["2.5.1"]), ["2.5.1"]);
    }

    #[test]
    fn skips_unfit_lines_and_previews() {
        assert_eq!(
            shipped_of(&["2.9.0-rc.1", "2.8.0", "2.7.3", "2.6.1", "2.5.1", "2.4.3"]),
            ["2.8.0", "2.7.3", "2.5.1"]
        );
    }
}
