//! All settings together, read from variables.

use crate::ignore::IgnorePattern;
use crate::process_type::ProcessType;
use crate::setting::{Given, InvalidSetting, Rejected, Setting};
use crate::signal::StopSignal;
use crate::time::TimeSpan;
use crate::watch::WatchPath;
use std::str::FromStr;

/// How the `reload` process restarts another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The process that is restarted.
    pub process: ProcessType,
    /// What is watched; the app directory where this is empty.
    pub watch: Vec<WatchPath>,
    /// What is ignored, on top of [`DEFAULT_PATTERNS`](super::ignore::DEFAULT_PATTERNS).
    pub ignore: Vec<IgnorePattern>,
    /// How long changes are collected, from the first one on, before they cause one restart.
    pub debounce: TimeSpan,
    /// What stops the process.
    pub signal: StopSignal,
    /// How long it may take to stop before it is killed.
    pub stop_timeout: TimeSpan,
    /// How often files are looked at, where the file system does not report changes.
    pub poll: Option<TimeSpan>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            process: ProcessType::default(),
            watch: Vec::new(),
            ignore: Vec::new(),
            debounce: TimeSpan::from_milliseconds(50),
            signal: StopSignal::default(),
            stop_timeout: TimeSpan::from_milliseconds(10_000),
            poll: None,
        }
    }
}

/// Whether `BP_LIVE_RELOAD_PROCESS` asks for a `reload` process. The type that it names is in
/// [`Settings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessChoice {
    /// It is not set: the default type, unless another buildpack reloads by itself.
    Unset,
    /// It is set but empty: no `reload` process.
    None,
    /// It names a type, so there is a `reload` process whatever other buildpacks do.
    Named,
}

impl ProcessChoice {
    /// Reads the variable with `variable`, which gives trimmed values, and `None` for those that
    /// are not set.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        match variable(Setting::Process.variable()).as_deref() {
            None => Self::Unset,
            Some("") => Self::None,
            Some(_) => Self::Named,
        }
    }
}

impl Settings {
    /// Reads all variables with `variable`, which gives trimmed values, and `None` for those that
    /// are not set. A variable that is set but empty counts as not set; whether there is to be a
    /// process at all is [`ProcessChoice`]'s to say.
    ///
    /// # Errors
    /// Every value that cannot be used, so that a user can fix them in one go.
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<InvalidSetting>> {
        let mut settings = Self::default();
        let mut errors = Vec::new();
        for setting in Setting::ALL {
            let Some(text) = variable(setting.variable()).filter(|text| !text.is_empty()) else {
                continue;
            };
            let parts: Vec<&str> = match setting {
                Setting::Watch | Setting::Ignore => text
                    .split(':')
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .collect(),
                _ => vec![text.as_str()],
            };
            for part in parts {
                if let Err(why) = settings.set(setting, part) {
                    errors.push(setting.rejects(Given::AtBuild, part, &why));
                }
            }
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }

    /// Gives one setting a value, or adds the value where the setting is a list.
    pub(super) fn set(&mut self, setting: Setting, text: &str) -> Result<(), Rejected> {
        match setting {
            Setting::Process => assign(&mut self.process, text),
            Setting::Watch => add(&mut self.watch, text),
            Setting::Ignore => add(&mut self.ignore, text),
            Setting::Debounce => assign(&mut self.debounce, text),
            Setting::Signal => assign(&mut self.signal, text),
            Setting::StopTimeout => assign(&mut self.stop_timeout, text),
            Setting::Poll => {
                self.poll = poll_interval(text)?;
                Ok(())
            }
        }
    }
}

fn assign<T: FromStr<Err = Rejected>>(to: &mut T, text: &str) -> Result<(), Rejected> {
    *to = text.parse()?;
    Ok(())
}

fn add<T: FromStr<Err = Rejected>>(to: &mut Vec<T>, text: &str) -> Result<(), Rejected> {
    to.push(text.parse()?);
    Ok(())
}

/// The value of [`Setting::Poll`]: a time, or [`POLL_OFF`].
fn poll_interval(text: &str) -> Result<Option<TimeSpan>, Rejected> {
    if text == POLL_OFF {
        return Ok(None);
    }
    let interval: TimeSpan = text.parse()?;
    if interval.duration().is_zero() {
        return Err(Rejected::because("would look at the files without a pause"));
    }
    Ok(Some(interval))
}

/// The value of [`Setting::Poll`] that leaves it to the file system to report changes.
const POLL_OFF: &str = "off";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Vec<InvalidSetting>> {
        Settings::from_variables(|name| {
            variables
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.process.as_str(), "web");
        assert_eq!(settings.debounce.to_string(), "50ms");
        assert_eq!(settings.signal.to_string(), "SIGTERM");
        assert_eq!(settings.stop_timeout.to_string(), "10s");
        assert_eq!(settings.poll, None);
    }

    #[test]
    fn reads_every_variable() {
        let settings = read(&[
            ("BP_LIVE_RELOAD_PROCESS", "worker"),
            ("BP_LIVE_RELOAD_WATCH", "src: config/:"),
            ("BP_LIVE_RELOAD_IGNORE", "*.csv:!/tmp"),
            ("BP_LIVE_RELOAD_DEBOUNCE", "10ms"),
            ("BP_LIVE_RELOAD_SIGNAL", "int"),
            ("BP_LIVE_RELOAD_STOP_TIMEOUT", "1min"),
            ("BP_LIVE_RELOAD_POLL", "500ms"),
        ])
        .unwrap();
        assert_eq!(settings.process.as_str(), "worker");
        let watch: Vec<_> = settings.watch.iter().map(WatchPath::as_str).collect();
        assert_eq!(watch, ["src", "config/"]);
        let ignore: Vec<_> = settings.ignore.iter().map(IgnorePattern::as_str).collect();
        assert_eq!(ignore, ["*.csv", "!/tmp"]);
        assert_eq!(settings.debounce.to_string(), "10ms");
        assert_eq!(settings.signal.to_string(), "SIGINT");
        assert_eq!(settings.stop_timeout.to_string(), "1min");
        assert_eq!(settings.poll.unwrap().to_string(), "500ms");
    }

    #[test]
    fn an_empty_variable_is_none() {
        let variables = Setting::ALL.map(|setting| (setting.variable(), ""));
        assert_eq!(read(&variables).unwrap(), Settings::default());
    }

    #[test]
    fn polling_can_be_turned_off_and_is_never_without_a_pause() {
        let poll = |text| read(&[("BP_LIVE_RELOAD_POLL", text)]);
        assert_eq!(poll("off").unwrap().poll, None);
        assert_eq!(poll("0s").unwrap_err().len(), 1);
    }

    #[test]
    fn every_wrong_value_is_told_at_once() {
        let errors = read(&[
            ("BP_LIVE_RELOAD_PROCESS", "a b"),
            ("BP_LIVE_RELOAD_IGNORE", "*.csv:[a"),
            ("BP_LIVE_RELOAD_DEBOUNCE", "50"),
            ("BP_LIVE_RELOAD_SIGNAL", "SIGNOPE"),
        ])
        .unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        BP_LIVE_RELOAD_PROCESS is "a b", which has the character ' '; accepted: a process type of the image, made of letters, digits, `.`, `_` and `-`, other than `reload`
        BP_LIVE_RELOAD_IGNORE is "[a", which has a `[` without its `]`; accepted: patterns as in a .gitignore file, relative to the app directory, such as `*.csv`, `uploads/` or `!/tmp`
        BP_LIVE_RELOAD_DEBOUNCE is "50", which has no unit; accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`
        BP_LIVE_RELOAD_SIGNAL is "SIGNOPE", which is not a signal; accepted: the name of a signal that a process can handle, with or without `SIG`, or its number, such as `SIGTERM`, `INT` or `15`
        "#);
    }

    #[test]
    fn the_process_can_be_unset_none_or_named() {
        let choice =
            |value: Option<&str>| ProcessChoice::from_variables(|_| value.map(str::to_owned));
        assert_eq!(choice(None), ProcessChoice::Unset);
        assert_eq!(choice(Some("")), ProcessChoice::None);
        assert_eq!(choice(Some("worker")), ProcessChoice::Named);
    }
}
