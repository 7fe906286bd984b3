//! CHANGELOG.md, in the form of "Keep a Changelog".

/// The heading of what is not released yet, as it begins.
const UNRELEASED: &str = "## [Unreleased]";
/// The heading for what is different, which new versions of a dependency are.
const CHANGED: &str = "### Changed";

/// Adds an entry to what has changed since the last release. Headings that are missing are added.
pub(super) fn add(changelog: &str, entry: &str) -> String {
    let mut lines: Vec<&str> = changelog.lines().collect();
    let is_release = |line: &&str| line.starts_with("## ");
    let unreleased = lines.iter().position(|line| {
        line.get(..UNRELEASED.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(UNRELEASED))
    });
    let start = unreleased.unwrap_or_else(|| {
        let start = lines.iter().position(is_release).unwrap_or(lines.len());
        lines.splice(start..start, [UNRELEASED, ""]);
        start
    }) + 1;
    let end = lines
        .iter()
        .skip(start)
        .position(is_release)
        .map_or(lines.len(), |length| start + length);

    let section = lines.get(start..end).unwrap_or_default();
    if let Some(changed) = section.iter().position(|line| line.trim_end() == CHANGED) {
        let changed = start + changed + 1;
        // The last entry below the heading: what follows is another heading, or the end.
        let below = lines.get(changed..end).unwrap_or_default();
        let length = below
            .iter()
            .position(|line| line.starts_with("### "))
            .unwrap_or(below.len());
        let last = below
            .iter()
            .take(length)
            .rposition(|line| !line.trim().is_empty());
        match last {
            Some(last) => lines.insert(changed + last + 1, entry),
            None => drop(lines.splice(changed..changed, ["", entry])),
        }
    } else {
        let last = section.iter().rposition(|line| !line.trim().is_empty());
        let place = last.map_or(start, |last| start + last + 1);
        lines.splice(place..place, ["", CHANGED, "", entry]);
    }
    let text = lines.join("\n");
    format!("{}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn it_joins_the_entries_there_are() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A.\n\n### Changed\n\n\
                         - B.\n\n### Fixed\n\n- C.\n\n## [1.0.0] - 2026-01-01\n\n- First.\n";
        assert_eq!(
            add(changelog, "- New."),
            changelog.replace("- B.\n", "- B.\n- New.\n")
        );
    }

    #[test]
    fn missing_headings_are_added() {
        let release = "## [1.0.0] - 2026-01-01\n\n### Changed\n\n- First.\n";
        let expected =
            format!("# Changelog\n\n## [Unreleased]\n\n### Changed\n\n- New.\n\n{release}");
        for unreleased in ["", "## [Unreleased]\n\n"] {
            let changelog = format!("# Changelog\n\n{unreleased}{release}");
            assert_eq!(add(&changelog, "- New."), expected);
        }
        assert_eq!(
            add("# Changelog\n", "- New."),
            "# Changelog\n## [Unreleased]\n\n### Changed\n\n- New.\n"
        );
    }

    #[test]
    fn other_sections_stay_as_they_are() {
        assert_eq!(
            add("## [Unreleased]\n\n### Added\n\n- A.\n", "- New."),
            "## [Unreleased]\n\n### Added\n\n- A.\n\n### Changed\n\n- New.\n"
        );
        assert_eq!(
            add("## [Unreleased]\n\n### Changed\n", "- New."),
            "## [Unreleased]\n\n### Changed\n\n- New.\n"
        );
    }
}
