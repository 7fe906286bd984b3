//! CHANGELOG.md, in the form of "Keep a Changelog".

use anyhow::{Context, Result};
use semver::Version;

const CHANGED: &str = "### Changed\n";

/// Adds an entry to the changes since the last release.
pub(super) fn add(changelog: &str, entry: &str) -> Result<String> {
    let unreleased = changelog
        .find("## [Unreleased]")
        .context("the changelog has no section `## [Unreleased]`")?;
    let mut end = end_of_section(changelog, unreleased, "\n## ");
    let changed = changelog[unreleased..end].find(CHANGED);
    if let Some(changed) = changed {
        end = end_of_section(&changelog[..end], unreleased + changed, "\n### ");
    }
    let (before, after) = changelog.split_at(end);
    let before = before.trim_end();
    let between = match changed {
        None => format!("\n\n{CHANGED}\n"),
        Some(_) if before.ends_with(CHANGED.trim_end()) => "\n\n".to_owned(),
        Some(_) => "\n".to_owned(),
    };
    Ok(format!("{before}{between}{entry}\n{after}"))
}

/// The end of the section that begins at `start`.
fn end_of_section(text: &str, start: usize, heading: &str) -> usize {
    text[start..]
        .find(heading)
        .map_or(text.len(), |length| start + length)
}

/// A list of versions for a sentence.
pub(super) fn sentence(versions: &[Version]) -> String {
    let names: Vec<String> = versions.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn appends_to_the_changes_of_the_unreleased_version() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A.\n\n### Changed\n\n\
                         - B.\n\n### Fixed\n\n- C.\n\n## [1.0.0] - 2026-01-01\n\n- First.\n";
        assert_eq!(
            add(changelog, "- New.").unwrap(),
            changelog.replace("- B.\n", "- B.\n- New.\n")
        );
    }

    #[test]
    fn adds_the_missing_heading() {
        let release = "\n## [1.0.0] - 2026-01-01\n\n### Changed\n\n- First.\n";
        for section in ["", "\n### Added\n\n- A.\n"] {
            assert_eq!(
                add(&format!("## [Unreleased]\n{section}{release}"), "- New.").unwrap(),
                format!("## [Unreleased]\n{section}\n### Changed\n\n- New.\n{release}")
            );
        }
        assert_eq!(
            add("## [Unreleased]\n\n### Changed\n", "- New.").unwrap(),
            "## [Unreleased]\n\n### Changed\n\n- New.\n"
        );
        assert!(add("# Changelog\n", "- New.").is_err());
    }
}
