//! Which settings there are: their variables, their options, and what each accepts.

use std::fmt;

/// A setting of the `reload` process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The process type that is restarted.
    Process,
    /// Paths to watch.
    Watch,
    /// Glob patterns to ignore.
    Ignore,
    /// Time in which changes are collected before a restart.
    Debounce,
    /// Signal that stops the process.
    Signal,
    /// Time until a process that does not stop is killed.
    StopTimeout,
    /// Poll interval, for file systems without events.
    Poll,
}

impl Setting {
    /// All settings, in the order in which documents list them.
    pub const ALL: [Self; 7] = [
        Self::Process,
        Self::Watch,
        Self::Ignore,
        Self::Debounce,
        Self::Signal,
        Self::StopTimeout,
        Self::Poll,
    ];

    /// The variable that sets it at build.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Process => "BP_LIVE_RELOAD_PROCESS",
            Self::Watch => "BP_LIVE_RELOAD_WATCH",
            Self::Ignore => "BP_LIVE_RELOAD_IGNORE",
            Self::Debounce => "BP_LIVE_RELOAD_DEBOUNCE",
            Self::Signal => "BP_LIVE_RELOAD_SIGNAL",
            Self::StopTimeout => "BP_LIVE_RELOAD_STOP_TIMEOUT",
            Self::Poll => "BP_LIVE_RELOAD_POLL",
        }
    }

    /// What sets it on the command line of `live-reload`: an option, or the argument `TYPE`.
    #[must_use]
    pub const fn argument(self) -> &'static str {
        match self {
            Self::Process => "TYPE",
            Self::Watch => "--watch",
            Self::Ignore => "--ignore",
            Self::Debounce => "--debounce",
            Self::Signal => "--signal",
            Self::StopTimeout => "--stop-timeout",
            Self::Poll => "--poll",
        }
    }

    /// The accepted form, for people.
    #[must_use]
    pub const fn accepted(self) -> &'static str {
        match self {
            Self::Process => {
                "a process type of the image, made of letters, digits, `.`, `_` and `-`, other than \
                 `reload`"
            }
            Self::Watch => {
                "paths of files and directories, relative to the app directory or absolute"
            }
            Self::Ignore => {
                "patterns as in a .gitignore file, relative to the app directory, such as `*.csv`, \
                 `uploads/` or `!/tmp`"
            }
            Self::Debounce | Self::StopTimeout => {
                "a time with its unit, such as `50ms`, `2s` or `1min 30s`"
            }
            Self::Poll => "a time above zero with its unit, such as `500ms` or `2s`, or `off`",
            Self::Signal => {
                "the name of a signal that a process can handle, with or without `SIG`, or its \
                 number, such as `SIGTERM`, `INT` or `15`"
            }
        }
    }

    /// The error for a value of this setting.
    pub(super) fn rejects(self, given: Given, value: &str, why: &Rejected) -> InvalidSetting {
        InvalidSetting {
            setting: self,
            given,
            value: value.to_owned(),
            why: why.clone(),
        }
    }
}

/// Why a value cannot be used, as part of a sentence: `has no unit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected(String);

impl Rejected {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Rejected {}

/// Where a value was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// In a variable at build.
    AtBuild,
    /// On the command line of `live-reload`.
    AtStart,
}

/// A setting with a value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is {value:?}, which {why}; accepted: {}", self.name(), self.setting.accepted())]
pub struct InvalidSetting {
    /// The setting; tells what is [accepted](Setting::accepted).
    pub setting: Setting,
    /// Where the value was given.
    pub given: Given,
    /// The value, or the part of a list that is wrong.
    pub value: String,
    /// What is wrong with it.
    pub why: Rejected,
}

impl InvalidSetting {
    /// Name of the variable or of the argument that has the value.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.given {
            Given::AtBuild => self.setting.variable(),
            Given::AtStart => self.setting.argument(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_the_user_wrote() {
        let at = |given| {
            Setting::Debounce
                .rejects(given, "50", &Rejected::because("has no unit"))
                .to_string()
        };
        assert_eq!(
            at(Given::AtBuild),
            "BP_LIVE_RELOAD_DEBOUNCE is \"50\", which has no unit; accepted: a time with its \
             unit, such as `50ms`, `2s` or `1min 30s`"
        );
        assert!(at(Given::AtStart).starts_with("--debounce is \"50\""));
    }

    #[test]
    fn no_two_settings_share_a_name() {
        for (index, setting) in Setting::ALL.iter().enumerate() {
            for other in &Setting::ALL[index + 1..] {
                assert_ne!(setting.variable(), other.variable());
                assert_ne!(setting.argument(), other.argument());
            }
        }
    }
}
