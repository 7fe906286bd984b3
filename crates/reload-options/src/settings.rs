//! The table of settings, and their values as variables give them.

use crate::ignore::IgnorePattern;
use crate::patterns::Patterns;
use crate::process_type::ProcessType;
use crate::rule::Rule;
use crate::signal::stop_signal;
use humantime::Duration;
use nix::sys::signal::Signal;
use std::path::Path;
use std::str::FromStr;

/// A setting of the `reload` process: a row of the table of all settings.
#[derive(Debug)]
pub struct Setting {
    /// The variable that sets it at build.
    pub variable: &'static str,
    /// The option of `live-reload` that sets it, or its argument `TYPE`.
    pub argument: &'static str,
    /// The accepted form, for error messages.
    pub accepted: &'static str,
    /// Parses a value and sets it, or adds it if the setting is a list, which an empty value
    /// empties. The error continues a sentence: `is not a signal`.
    read: fn(&mut Settings, &str) -> Result<(), String>,
    /// Its values as they are read back: several for a list, none for a setting that is off.
    pub(crate) write: fn(&Settings) -> Vec<String>,
    /// What separates the values of a list in the variable. `None` if the setting has one value.
    pub(crate) separator: Option<char>,
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
        write: |settings| values(&settings.process),
        separator: None,
    };

    /// Patterns of files that do not restart the process.
    pub const IGNORE: Self = Self {
        variable: "BP_LIVE_RELOAD_IGNORE",
        argument: "--ignore",
        accepted: "patterns as in a .gitignore file, relative to the app directory, such as \
                   `*.csv`, `uploads/` or `!/tmp`",
        read: |settings, text| add(&mut settings.ignore, text),
        write: |settings| values(settings.ignore.iter().map(IgnorePattern::as_str)),
        separator: Some(':'),
    };

    /// All settings, in the order in which documents list them: the type, then the options.
    pub const ALL: [Self; 10] = [
        Self::PROCESS,
        Self {
            variable: "BP_LIVE_RELOAD_WATCH",
            argument: "--watch",
            accepted: "paths of files and directories, relative to the app directory or absolute",
            read: |settings, path| add(&mut settings.watch, path),
            write: |settings| values(&settings.watch),
            separator: Some(':'),
        },
        Self::IGNORE,
        Self {
            variable: "BP_LIVE_RELOAD_DEBOUNCE",
            argument: "--debounce",
            accepted: TIME,
            read: |settings, text| time(text).map(|time| settings.debounce = time),
            write: |settings| values([settings.debounce]),
            separator: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_BEFORE",
            argument: "--before",
            accepted: "a command, such as `bin/prepare`, or patterns and a command, such as \
                       `*.ts: npx tsc` or `migrations: python manage.py migrate`; one per line",
            read: |settings, text| add(&mut settings.before, text),
            write: |settings| values(&settings.before),
            separator: Some('\n'),
        },
        Self {
            variable: "BP_LIVE_RELOAD_ON_CHANGE",
            argument: "--on-change",
            accepted: "`restart`, or the name of a signal that makes the process reload by itself, \
                       such as `SIGHUP`",
            read: |settings, text| on_change(text).map(|signal| settings.on_change = signal),
            write: |settings| values(settings.on_change),
            separator: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_ON_EXIT",
            argument: "--on-exit",
            accepted: "`wait` for a change, `restart` after a pause, or `exit`",
            read: |settings, text| {
                let known = OnExit::ALL.iter().find(|(_, name)| *name == text);
                settings.on_exit = known.ok_or("is not an accepted value")?.0;
                Ok(())
            },
            // The default is not written.
            write: |settings| {
                let others = OnExit::ALL.iter().skip(1);
                let others = others.filter(|(what, _)| *what == settings.on_exit);
                values(others.map(|(_, name)| name))
            },
            separator: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_SIGNAL",
            argument: "--signal",
            accepted: "the name of a signal that a process can handle, with or without `SIG`, or \
                       its number, such as `SIGTERM`, `INT` or `15`",
            read: |settings, text| stop_signal(text).map(|signal| settings.signal = signal),
            write: |settings| values([settings.signal]),
            separator: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_STOP_TIMEOUT",
            argument: "--stop-timeout",
            accepted: TIME,
            read: |settings, text| time(text).map(|time| settings.stop_timeout = time),
            write: |settings| values([settings.stop_timeout]),
            separator: None,
        },
        Self {
            variable: "BP_LIVE_RELOAD_POLL",
            argument: "--poll",
            accepted: "a time above zero with its unit, such as `500ms` or `2s`, or `off`",
            read: |settings, text| poll_interval(text).map(|interval| settings.poll = interval),
            write: |settings| values(settings.poll),
            separator: None,
        },
    ];

    /// Whether the setting has a different value than by default.
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
        read.map_err(|why| self.invalid(name, value, &why))
    }

    /// The error for a value; `why` is the rest of a sentence: `is not a signal`.
    fn invalid(&self, name: &'static str, value: &str, why: &str) -> InvalidSetting {
        let accepted = self.accepted;
        let why = format!("{name} is {value:?}, which {why}.\nAccepted: {accepted}.");
        InvalidSetting { name, why }
    }
}

/// A setting with a value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidSetting {
    /// The variable or the argument that has the value.
    pub name: &'static str,
    /// The value, or the item of a list; why it cannot be used, and what can.
    pub why: String,
}

/// How the `reload` process restarts another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The type of the process that is restarted; `None` leaves the choice to `live-reload`.
    pub process: Option<ProcessType>,
    /// Paths to watch, relative to the app directory or absolute; empty for the app directory.
    pub watch: Vec<String>,
    /// Files to ignore, on top of [`default_patterns`](crate::ignore::default_patterns).
    pub ignore: Vec<IgnorePattern>,
    /// How long a single changed file must stay quiet before the process is restarted. Other
    /// changes wait longer.
    pub debounce: Duration,
    /// Commands that run before a start, one after the other.
    pub before: Vec<Rule>,
    /// The signal that makes the process reload by itself; `None` if it is restarted.
    pub on_change: Option<Signal>,
    /// What follows if the process ends by itself.
    pub on_exit: OnExit,
    /// The signal that stops the process.
    pub signal: Signal,
    /// How long the process may take to stop before it is killed.
    pub stop_timeout: Duration,
    /// How often files are read, where the file system does not report changes.
    pub poll: Option<Duration>,
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
            debounce: std::time::Duration::from_millis(20).into(),
            before: Vec::new(),
            on_change: None,
            on_exit: OnExit::default(),
            signal: Signal::SIGTERM,
            stop_timeout: std::time::Duration::from_secs(10).into(),
            poll: None,
            arguments: None,
        }
    }
}

impl Settings {
    /// Reads all variables with `variable`, which returns trimmed values, and `None` for those that
    /// are not set. A variable that is set but empty counts as not set. Items of a list are
    /// separated by `:`, and rules by line breaks.
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
            let items = text.split(|one| setting.separator == Some(one));
            for item in items.map(str::trim).filter(|item| !item.is_empty()) {
                let result = setting.set(&mut settings, setting.variable, item);
                errors.extend(result.err());
            }
        }
        errors.extend(settings.without_effect(|setting| setting.variable));
        if errors.is_empty() {
            Ok(settings)
        } else {
            Err(errors)
        }
    }

    /// Errors for the patterns that have no effect in the complete list. `name` gives the variable
    /// or the option.
    pub(crate) fn without_effect(&self, name: fn(&Setting) -> &'static str) -> Vec<InvalidSetting> {
        // Below the app directory, wherever that is.
        let patterns = Patterns::ignored(&self.ignore, Path::new(""));
        let invalid = |pattern: &IgnorePattern| {
            let why = patterns.unreachable(pattern)?;
            let setting = Setting::IGNORE;
            Some(setting.invalid(name(&setting), pattern.as_str(), &why))
        };
        self.ignore.iter().filter_map(invalid).collect()
    }
}

/// What follows if the process ends and nobody asked it to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnExit {
    /// The next change starts it again.
    #[default]
    Wait,
    /// It is started again after a pause, or at the next change.
    Restart,
    /// `live-reload` ends, with its status.
    Exit,
}

impl OnExit {
    /// Each with its name.
    const ALL: [(Self, &'static str); 3] = [
        (Self::Wait, "wait"),
        (Self::Restart, "restart"),
        (Self::Exit, "exit"),
    ];
}

/// Adds a value to a list, or empties the list.
fn add<T: FromStr<Err: ToString>>(list: &mut Vec<T>, text: &str) -> Result<(), String> {
    if text.is_empty() {
        list.clear();
    } else {
        list.push(text.parse().map_err(|why: T::Err| why.to_string())?);
    }
    Ok(())
}

/// Values as they are read back.
fn values(values: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    values.into_iter().map(|one| one.to_string()).collect()
}

/// Parses what follows a change: `restart`, or a signal.
fn on_change(text: &str) -> Result<Option<Signal>, String> {
    match text {
        "restart" => Ok(None),
        _ => match stop_signal(text)? {
            Signal::SIGKILL => Err("no process can handle".to_owned()),
            signal => Ok(Some(signal)),
        },
    }
}

/// Parses a poll interval. `off` leaves it to the file system to report changes.
fn poll_interval(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    match time(text)? {
        zero if zero.is_zero() => Err("is not above zero".to_owned()),
        interval => Ok(Some(interval)),
    }
}

/// Parses a length of time with its unit.
fn time(text: &str) -> Result<Duration, String> {
    let parsed = text.parse();
    parsed.map_err(|error: humantime::DurationError| format!("is not a time ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

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
    fn every_setting_reaches_the_command_line() {
        // In the order of the table.
        let samples: [(&str, &[&str]); Setting::ALL.len()] = [
            ("worker", &["worker"]),
            ("src: config/:", &["src", "config/"]),
            ("*.csv:!/tmp", &["*.csv", "!/tmp"]),
            ("10ms", &["10ms"]),
            (
                "*.ts: npx tsc\n\n bin/x 'a b'\n",
                &["*.ts: npx tsc", "bin/x 'a b'"],
            ),
            ("hup", &["SIGHUP"]),
            ("exit", &["exit"]),
            ("int", &["SIGINT"]),
            ("1min", &["1m"]),
            ("500ms", &["500ms"]),
        ];
        for (setting, (sample, values)) in Setting::ALL.iter().zip(samples) {
            let settings = read(&[(setting.variable, sample)]).unwrap();
            assert_eq!((setting.write)(&settings), values, "{}", setting.variable);
            assert!(setting.is_changed(&settings), "{}", setting.variable);
            let arguments = settings.command().into_iter().skip(1);
            let read_back = Request::from_arguments(arguments.map(Into::into));
            assert_eq!(read_back, Ok(Request::Reload(Box::new(settings))));
        }
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
    fn reads_times_with_their_unit() {
        for (text, milliseconds) in [
            ("50ms", 50),
            ("2s", 2000),
            ("1min 30s", 90_000),
            ("1m30s", 90_000),
            ("1.5s", 1500),
            ("0", 0),
        ] {
            let settings = read(&[("BP_LIVE_RELOAD_DEBOUNCE", text)]).unwrap();
            assert_eq!(settings.debounce.as_millis(), milliseconds, "{text}");
        }
        for text in ["50", "s", "5S", "-1s", "soon", "5 fortnights"] {
            read(&[("BP_LIVE_RELOAD_DEBOUNCE", text)]).unwrap_err();
        }
    }

    #[test]
    fn rejects_signals_that_no_process_can_handle() {
        for signal in ["SIGKILL", "SIGSTOP", "9"] {
            read(&[("BP_LIVE_RELOAD_ON_CHANGE", signal)]).unwrap_err();
        }
        let restart = read(&[("BP_LIVE_RELOAD_ON_CHANGE", "restart")]);
        assert_eq!(restart, Ok(Settings::default()));
    }

    #[test]
    fn reports_all_invalid_values() {
        let errors = read(&[
            ("BP_LIVE_RELOAD_PROCESS", "a b"),
            ("BP_LIVE_RELOAD_IGNORE", "*.csv:[a:!/tmp/main"),
            ("BP_LIVE_RELOAD_DEBOUNCE", "50"),
            ("BP_LIVE_RELOAD_BEFORE", "*.ts: npx tsc\n*.py:"),
            ("BP_LIVE_RELOAD_ON_CHANGE", "reload"),
            ("BP_LIVE_RELOAD_ON_EXIT", "stop"),
            ("BP_LIVE_RELOAD_SIGNAL", "SIGNOPE"),
        ])
        .unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        BP_LIVE_RELOAD_PROCESS is "a b", which contains the character ' '.
        Accepted: a process type of the image, made of letters, digits, `.`, `_` and `-`, other than `reload`.
        BP_LIVE_RELOAD_IGNORE is "[a", which contains a `[` without a `]`.
        Accepted: patterns as in a .gitignore file, relative to the app directory, such as `*.csv`, `uploads/` or `!/tmp`.
        BP_LIVE_RELOAD_DEBOUNCE is "50", which is not a time (time unit needed, for example 50sec or 50ms).
        Accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`.
        BP_LIVE_RELOAD_BEFORE is "*.py:", which has no command.
        Accepted: a command, such as `bin/prepare`, or patterns and a command, such as `*.ts: npx tsc` or `migrations: python manage.py migrate`; one per line.
        BP_LIVE_RELOAD_ON_CHANGE is "reload", which is not a signal.
        Accepted: `restart`, or the name of a signal that makes the process reload by itself, such as `SIGHUP`.
        BP_LIVE_RELOAD_ON_EXIT is "stop", which is not an accepted value.
        Accepted: `wait` for a change, `restart` after a pause, or `exit`.
        BP_LIVE_RELOAD_SIGNAL is "SIGNOPE", which is not a signal.
        Accepted: the name of a signal that a process can handle, with or without `SIG`, or its number, such as `SIGTERM`, `INT` or `15`.
        BP_LIVE_RELOAD_IGNORE is "!/tmp/main", which is in the ignored directory /tmp: watch that directory again and ignore its other files, with `!/tmp`, `/tmp/*` and `!/tmp/main`.
        Accepted: patterns as in a .gitignore file, relative to the app directory, such as `*.csv`, `uploads/` or `!/tmp`.
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
