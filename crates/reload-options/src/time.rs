//! Lengths of time, in the form in which watchexec takes them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time with its unit, such as `50ms`, `2s` or `1min 30s`.
///
/// watchexec reads them with the crate `humantime`, and so does this. It still takes a number
/// without a unit, warns of it, and reads it as milliseconds for one option and as seconds for
/// another; only `0`, which means the same everywhere, is accepted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeSpan {
    /// The text as it was given: users look for their `90s`, not for `1min 30s`.
    text: String,
    duration: Duration,
}

impl TimeSpan {
    /// The length of time, without the text that gave it.
    #[must_use]
    pub const fn duration(&self) -> Duration {
        self.duration
    }
}

impl From<Duration> for TimeSpan {
    fn from(duration: Duration) -> Self {
        Self {
            text: humantime::format_duration(duration).to_string(),
            duration,
        }
    }
}

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = match text.parse::<u64>() {
            Ok(0) => Duration::ZERO,
            Ok(_) => return Err("has no unit".to_owned()),
            Err(_) => humantime::parse_duration(text)
                .map_err(|error| format!("is not a time ({error})"))?,
        };
        Ok(Self {
            text: text.to_owned(),
            duration,
        })
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_watchexec_accepts() {
        for (text, milliseconds) in [
            ("50ms", 50),
            ("2s", 2000),
            ("1min 30s", 90_000),
            ("1m30s", 90_000),
            ("1.5s", 1500),
            ("0", 0),
            ("0s", 0),
        ] {
            let time: TimeSpan = text.parse().unwrap();
            assert_eq!(time.duration(), Duration::from_millis(milliseconds));
            assert_eq!(time.to_string(), text, "kept as it was given");
        }
    }

    #[test]
    fn rejects_numbers_without_a_unit_and_unknown_units() {
        for text in ["", "50", "s", "5S", "-1s", "soon", "5 fortnights"] {
            text.parse::<TimeSpan>().unwrap_err();
        }
    }

    #[test]
    fn writes_the_largest_whole_unit() {
        assert_eq!(
            TimeSpan::from(Duration::from_millis(50)).to_string(),
            "50ms"
        );
        let read: TimeSpan = "10s".parse().unwrap();
        assert_eq!(TimeSpan::from(Duration::from_secs(10)), read);
    }
}
