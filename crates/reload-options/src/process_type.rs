//! The process type that is restarted.

use std::fmt;
use std::str::FromStr;

/// A process type, in the characters that the buildpack specification allows
/// (launch.toml: "numbers, letters, and the characters `.`, `_`, and `-`").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessType(String);

impl ProcessType {
    /// The default type of the platform specification.
    pub const WEB: &'static str = "web";
    /// Our own type, which cannot restart itself.
    const RELOAD: &'static str = "reload";

    /// The name, such as `web`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProcessType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() {
            Err("is empty".to_owned())
        } else if text == Self::RELOAD {
            Err("is the process that does the restarting".to_owned())
        } else if text.starts_with('-') {
            Err("looks like an option".to_owned())
        } else if let Some(other) = text.chars().find(|c| !known(*c)) {
            Err(format!("contains the character {other:?}"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for ProcessType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_characters_of_the_specification() {
        for text in ["web", "worker-1", "a.b_C"] {
            assert_eq!(text.parse::<ProcessType>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn rejects_types_that_no_image_can_have() {
        for text in ["", "reload", "--watch", "two words", "a/b"] {
            text.parse::<ProcessType>().unwrap_err();
        }
    }
}
