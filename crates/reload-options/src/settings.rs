//! The table of settings, and their values as variables give them.

use crate::ignore::IgnorePattern;
use crate::process_type::ProcessType;
use crate::signal::stop_signal;
use crate::time::TimeSpan;
use nix::sys::signal::Signal;
use std::time::Duration;

/// A setting of the `reload` process: a row of the table of all settings.
#[derive(Debug)]
pub struct Setting {
    /// The variable that sets it at build.
    pub variable: &'static str,
    /// The option of `live-reload` that sets it, or its argument `TYPE`.
    pub argument: &'static str,
    /// The accepted form, for error messages.
    pub accepted: &'static str,
    /// Parses a value and sets it, or adds it if the setting is a list. The error continues a
    /// sentence: `has no unit`.
    read: fn(&mut Settings, &str) -> Result<(), String>,
    /// Its values as they are read back: several for a list, none for a setting that is off.
    pub(crate) write: fn(&Settings) -> Vec<String>,
    /// Empties the list, if the setting is one.
    pub(crate) clear: Option<fn(&mut Settings)>,
}

/// The accepted form of a time.
const TIME: &str = "a time with its unit, such as `50ms`, `2s` or `1min 30s`";

impl Setting {
    /// The process type that is restarted.
    pub const PROCESS: Self = Self {
        variable: "BP_LIVE_RELOAD_PROCESS",
        argument: "TYPE",
        accepted: "a process type of the image, made of letters, digits, `.`, `_` and `-`, other \
                   than `reload`",
        read: |settings, text| {
            settings.process = (!text.is_empty()).then(|| text.parse()).transpose()?;
            Ok(())
        },
        write: |settings| settings.process.iter().map(ToString::to_string).collect(),
        clear: None,
    };

    /// All settings, in the order in which documents list them: the type, then the options.
    pub const ALL: [Self; 7] = [
        Self::PROCESS,
        Self {
            variable: "BP_LIVE_RELOAD_WATCH",
            argument: "--watch",
            accepted: "paths of files and directories, relative to the app directory or absolute",
            read: |settings, path| {
                settings.watch.push(path.to_owned());
                Ok(())
            },
            write: |settings| settings.watch.clone(),
            clear: Some(|settings| settings.watch.clear()),
        },
        Self {
            variable: "BP_LIVE_RELOAD_IGNORE",
            argument: "--ignore",
            accepted: "patterns as in a .gitignore file, relative to the app directory, such as \
                       `*.csv`, `uploads/` or `!/tmp`",
            read: |settings, text| text.parse().map(|pattern| settings.ignore.push(pattern)),
            write: |settings| {
                let pattern = |pattern: &IgnorePattern| pattern.as_str().to_owned();
                settings.ignore.iter().map(pattern).collect()
            },
            clear: Some(|settings| settings.ignore.clear()),
        },
        Self {
            variable: "BP_LIVE_RELOAD_DEBOUNCE",
            argument: "--debounce",
            accepted: TIME,
            read: |settings, text| text.parse().map(|time| settings.debounce = time),
            write: |settings| vec![settings.debounce.to_string()],
            clear: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_SIGNAL",
            argument: "--signal",
            accepted: "the name of a signal that a process can handle, with or without `SIG`, or \
                       its number, such as `SIGTERM`, `INT` or `15`",
            read: |settings, text| stop_signal(text).map(|signal| settings.signal = signal),
            write: |settings| vec![settings.signal.to_string()],
            clear: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_STOP_TIMEOUT",
            argument: "--stop-timeout",
            accepted: TIME,
            read: |settings, text| text.parse().map(|time| settings.stop_timeout = time),
            write: |settings| vec![settings.stop_timeout.to_string()],
            clear: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_POLL",
            argument: "--poll",
            accepted: "a time above zero with its unit, such as `500ms` or `2s`, or `off`",
            read: |settings, text| poll_interval(text).map(|interval| settings.poll = interval),
            write: |settings| settings.poll.iter().map(ToString::to_string).collect(),
            clear: None,
        },
    ];

    /// Whether the setting has a different value than by default.
    #[must_use]
    pub fn is_changed(&self, settings: &Settings) -> bool {
        (self.write)(settings) != (self.write)(&Settings::default())
    }

    /// Parses a value that was given under `name`, and sets it in `settings`.
    pub(crate) fn set(
        &self,
        settings: &mut Settings,
        name: &'static str,
        value: &str,
    ) -> Result<(), InvalidSetting> {
        let read = if value.contains('\0') {
            Err("contains a NUL character, which no argument can".to_owned())
        } else {
            (self.read)(settings, value)
        };
        read.map_err(|why| InvalidSetting {
            name,
            value: value.to_owned(),
            why,
            accepted: self.accepted,
        })
    }
}

/// A setting with a value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value:?}, which {why}.\nAccepted: {accepted}.")]
pub struct InvalidSetting {
    /// The variable or the argument that has the value.
    pub name: &'static str,
    /// The value, or the item of a list that cannot be used.
    pub value: String,
    /// Why it cannot be used, as the rest of a sentence: `has no unit`.
    pub why: String,
    /// The accepted form.
    pub accepted: &'static str,
}

/// How the `reload` process restarts another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The type of the process that is restarted; `None` leaves the choice to `live-reload`.
    pub process: Option<ProcessType>,
    /// Paths to watch, relative to the app directory or absolute; empty for the app directory.
    pub watch: Vec<String>,
    /// Files to ignore, on top of [`DEFAULT_PATTERNS`](crate::ignore::DEFAULT_PATTERNS).
    pub ignore: Vec<IgnorePattern>,
    /// How long no further change may follow a single file before the process is restarted. Other changes
    /// take longer.
    pub debounce: TimeSpan,
    /// The signal that stops the process.
    pub signal: Signal,
    /// How long the process may take to stop before it is killed.
    pub stop_timeout: TimeSpan,
    /// How often files are read, where the file system does not report changes.
    pub poll: Option<TimeSpan>,
    /// Arguments that replace the ones of the process, if a user has given any at start.
    pub arguments: Option<Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            process: None,
            watch: Vec::new(),
            ignore: Vec::new(),
            // A save arrives within 1 ms, with every tool (docs/figures.md).
            debounce: Duration::from_millis(20).into(),
            signal: Signal::SIGTERM,
            stop_timeout: Duration::from_secs(10).into(),
            poll: None,
            arguments: None,
        }
    }
}

impl Settings {
    /// Reads all variables with `variable`, which returns trimmed values, and `None` for those that
    /// are not set. A variable that is set but empty counts as not set. Items of a list are
    /// separated by `:`.
    ///
    /// # Errors
    /// Every value that cannot be used, so that a user can fix them in one go.
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<InvalidSetting>> {
        let mut settings = Self::default();
        let mut errors = Vec::new();
        for setting in Setting::ALL {
            let text = variable(setting.variable).unwrap_or_default();
            let items = text.split(|separator| setting.clear.is_some() && separator == ':');
            for item in items.map(str::trim).filter(|item| !item.is_empty()) {
                let result = setting.set(&mut settings, setting.variable, item);
                errors.extend(result.err());
            }
        }
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }
}

/// Parses a poll interval. `off` leaves it to the file system to report changes.
fn poll_interval(text: &str) -> Result<Option<TimeSpan>, String> {
    if text == "off" {
        return Ok(None);
    }
    let interval: TimeSpan = text.parse()?;
    if interval.duration().is_zero() {
        return Err("is not above zero".to_owned());
    }
    Ok(Some(interval))
}

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
    fn has_the_documented_defaults() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.process, None);
        assert_eq!(settings.debounce.to_string(), "20ms");
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
        assert_eq!(settings.process.unwrap().as_str(), "worker");
        assert_eq!(settings.watch, ["src", "config/"]);
        let ignore: Vec<_> = settings.ignore.iter().map(IgnorePattern::as_str).collect();
        assert_eq!(ignore, ["*.csv", "!/tmp"]);
        assert_eq!(settings.debounce.to_string(), "10ms");
        assert_eq!(settings.signal.to_string(), "SIGINT");
        assert_eq!(settings.stop_timeout.to_string(), "1min");
        assert_eq!(settings.poll.unwrap().to_string(), "500ms");
    }

    #[test]
    fn ignores_empty_variables() {
        let variables = Setting::ALL.map(|setting| (setting.variable, ""));
        assert_eq!(read(&variables).unwrap(), Settings::default());
    }

    #[test]
    fn accepts_off_and_rejects_zero_as_poll_interval() {
        let poll = |text| read(&[("BP_LIVE_RELOAD_POLL", text)]);
        assert_eq!(poll("off").unwrap().poll, None);
        assert_eq!(poll("0s").unwrap_err().len(), 1);
    }

    #[test]
    fn reports_all_invalid_values() {
        let errors = read(&[
            ("BP_LIVE_RELOAD_PROCESS", "a b"),
            ("BP_LIVE_RELOAD_IGNORE", "*.csv:[a"),
            ("BP_LIVE_RELOAD_DEBOUNCE", "50"),
            ("BP_LIVE_RELOAD_SIGNAL", "SIGNOPE"),
        ])
        .unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        BP_LIVE_RELOAD_PROCESS is "a b", which has the character ' '.
        Accepted: a process type of the image, made of letters, digits, `.`, `_` and `-`, other than `reload`.
        BP_LIVE_RELOAD_IGNORE is "[a", which has a `[` without its `]`.
        Accepted: patterns as in a .gitignore file, relative to the app directory, such as `*.csv`, `uploads/` or `!/tmp`.
        BP_LIVE_RELOAD_DEBOUNCE is "50", which has no unit.
        Accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`.
        BP_LIVE_RELOAD_SIGNAL is "SIGNOPE", which is not a signal.
        Accepted: the name of a signal that a process can handle, with or without `SIG`, or its number, such as `SIGTERM`, `INT` or `15`.
        "#);
    }

    #[test]
    fn no_two_settings_share_a_name() {
        for (index, setting) in Setting::ALL.iter().enumerate() {
            for other in &Setting::ALL[index + 1..] {
                assert_ne!(setting.variable, other.variable);
                assert_ne!(setting.argument, other.argument);
            }
        }
    }
}
