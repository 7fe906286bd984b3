//! Requirements for the version of watchexec.

use semver::{Version, VersionReq};
use std::fmt;

/// A semver requirement, and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    text: String,
    /// The variable, or the build plan.
    pub by: &'static str,
    range: VersionReq,
    /// The only version that is accepted, build metadata included, if the text is a full version.
    version: Option<Version>,
}

impl Requirement {
    /// Parses a requirement such as `2.5.1`, `2.7`, `2.*`, `~2.7`, `^2`, `>=2.5, <2.8` or `*`.
    ///
    /// A version without an operator means that version, and a shorter one all that start with
    /// it, as in every other buildpack's version variable. (Cargo reads `2.5.1` as `^2.5.1`.)
    /// `by` names what asks for it.
    ///
    /// # Errors
    /// Anything that is not a version or a comma-separated list of semver comparators.
    pub fn parse(text: &str, by: &'static str) -> Result<Self, String> {
        let comparators: Vec<String> = text.split(',').map(with_operator).collect();
        let text = text.trim().to_owned();
        match VersionReq::parse(&comparators.join(",")) {
            Ok(range) => Ok(Self {
                version: Version::parse(&text).ok(),
                text,
                by,
                range,
            }),
            Err(error) => Err(Self::invalid(&text, by, &error)),
        }
    }

    /// The error for a value that is not a requirement, with the parser's reason.
    pub fn invalid(text: &str, by: &str, reason: &dyn fmt::Display) -> String {
        format!(
            "{by} asks for {text:?}, which is not a version requirement ({reason}).\nAccepted: a version such \
             as 2.8.0, 2.8 or 2.*, or a range such as ~2.7, ^2 or >=2.5, <2.8."
        )
    }

    /// Whether a version satisfies the requirement. Pre-releases satisfy only a requirement that
    /// names one of the same version.
    pub fn matches(&self, version: &Version) -> bool {
        match &self.version {
            Some(wanted) => wanted == version,
            None => self.range.matches(version),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} ({})", self.text, self.by)
    }
}

/// A comparator, with `=` before a bare version. Before a version with wildcards, the library
/// ignores the `=`.
fn with_operator(comparator: &str) -> String {
    let comparator = comparator.trim();
    let is_bare_version = comparator.starts_with(|first: char| first.is_ascii_digit());
    let operator = if is_bare_version { "=" } else { "" };
    format!("{operator}{comparator}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(text: &str) -> Vec<&'static str> {
        let requirement = Requirement::parse(text, "VERSION").unwrap();
        ["2.5.0", "2.5.1", "2.7.3", "2.8.0", "3.0.0"]
            .into_iter()
            .filter(|version| requirement.matches(&version.parse().unwrap()))
            .collect()
    }

    #[test]
    fn matches_a_bare_version_exactly_and_a_short_one_by_prefix() {
        assert_eq!(matching("2.5.0"), ["2.5.0"]);
        assert_eq!(matching("2.5"), ["2.5.0", "2.5.1"]);
        assert_eq!(matching("2"), ["2.5.0", "2.5.1", "2.7.3", "2.8.0"]);
    }

    #[test]
    fn matches_by_operators_and_wildcards() {
        assert_eq!(matching("*").len(), 5);
        assert_eq!(matching("2.*"), ["2.5.0", "2.5.1", "2.7.3", "2.8.0"]);
        assert_eq!(matching("2.5.x"), ["2.5.0", "2.5.1"]);
        assert_eq!(matching("~2.5.1"), ["2.5.1"]);
        assert_eq!(matching("^2.7"), ["2.7.3", "2.8.0"]);
        assert_eq!(matching(" >=2.5.1 , <2.8"), ["2.5.1", "2.7.3"]);
        assert_eq!(matching("=2.8.0"), ["2.8.0"]);
    }

    #[test]
    fn takes_a_full_version_literally() {
        let matches = |text, version: &str| {
            let requirement = Requirement::parse(text, "VERSION").unwrap();
            requirement.matches(&version.parse().unwrap())
        };
        let versions = [
            "2.8.0",
            "2.8.0-next.1",
            "2.8.0+linux.1",
            "2.8.0-x+x",
            "2.9.0",
        ];
        for wanted in versions {
            for version in versions {
                assert_eq!(matches(wanted, version), wanted == version, "{version}");
            }
        }
        assert!(matches(">=2.8.0-next.1, <2.9", "2.8.0-next.2"));
        assert!(!matches("2.8.0-next.1, <3", "2.9.0"));
    }

    #[test]
    fn leaves_pre_releases_out_of_ranges() {
        let requirement = |text| Requirement::parse(text, "VERSION").unwrap();
        for text in ["*", "2.*", "2", ">=2.8", "^2.8", "2.9"] {
            assert!(!requirement(text).matches(&"2.9.0-rc.1".parse().unwrap()));
        }
    }

    #[test]
    fn rejects_other_texts_with_the_reason() {
        for text in ["latest", "v2.5.1", "2.5.1.4", ">=", "2,,3", ""] {
            let error = Requirement::parse(text, "VERSION").unwrap_err();
            let start = format!("VERSION asks for {text:?}, which is not a version requirement (");
            assert!(error.starts_with(&start), "{error}");
            assert!(!error.starts_with(&(start + ")")), "{error}");
        }
    }
}
