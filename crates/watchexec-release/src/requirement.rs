//! Requirements for the version of watchexec.

use semver::{Version, VersionReq};
use std::fmt;

/// A semver requirement, and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    text: String,
    by: &'static str,
    parsed: VersionReq,
}

/// A text that is not a requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{by} asks for {text:?}, which is not a version requirement ({reason}); accepted: a version such as \
     2.8.0, 2.8 or 2.*, or a range such as ~2.7, ^2 or >=2.5, <2.8"
)]
pub struct InvalidRequirement {
    /// The text.
    pub text: String,
    /// The variable, or the build plan.
    pub by: &'static str,
    /// The parser's words.
    pub reason: String,
}

impl Requirement {
    /// Parses a requirement such as `2.5.1`, `2.7`, `2.*`, `~2.7`, `^2`, `>=2.5, <2.8` or `*`.
    ///
    /// A version without an operator means that version, and a shorter one all that start with
    /// it, as in every other buildpack's version variable. (Cargo reads `2.5.1` as `^2.5.1`,
    /// which would surprise: a whole version means exactly that one.) `by` names what asks
    /// for it.
    ///
    /// # Errors
    /// Anything that is not a comma-separated list of semver comparators.
    pub fn parse(text: &str, by: &'static str) -> Result<Self, InvalidRequirement> {
        let text = text.trim();
        let comparators: Vec<String> = text.split(',').map(with_operator).collect();
        match VersionReq::parse(&comparators.join(",")) {
            Ok(parsed) => Ok(Self {
                text: text.to_owned(),
                by,
                parsed,
            }),
            Err(error) => Err(InvalidRequirement {
                text: text.to_owned(),
                by,
                reason: error.to_string(),
            }),
        }
    }

    /// Whether a version satisfies the requirement.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.parsed.matches(version)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} ({})", self.text, self.by)
    }
}

fn with_operator(comparator: &str) -> String {
    let comparator = comparator.trim();
    let is_bare_version = comparator.starts_with(|first: char| first.is_ascii_digit());
    let has_wildcard = comparator.contains(['*', 'x', 'X']);
    if is_bare_version && !has_wildcard {
        format!("={comparator}")
    } else {
        comparator.to_owned()
    }
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
    fn rejects_other_texts_with_the_reason() {
        for text in ["latest", "v2.5.1", "2.5.1.4", ">=", "2,,3", ""] {
            let error = Requirement::parse(text, "VERSION").unwrap_err();
            assert_eq!(error.text, text);
            assert!(!error.reason.is_empty());
        }
    }
}
