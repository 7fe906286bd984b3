//! All settings together, as the command line of `live-reload` and back.
//!
//! ```text
//! live-reload [--watch PATH]… [--ignore GLOB]… [--debounce TIME] [--signal NAME]
//!             [--stop-timeout TIME] [--poll TIME] [TYPE]
//! ```
//!
//! The build writes all of it into the `command` of the process in launch.toml, and leaves `args`
//! empty: the launcher appends a user's arguments to the rest of a `command` that has several
//! entries, while it lets them replace `args` (platform specification, "Launcher"; lifecycle,
//! `launch/process.go`). What is given later wins, so that the user has the last word without
//! having to repeat the rest.

use crate::setting::{Given, InvalidSetting, Setting};
use crate::settings::Settings;
use lexopt::Arg;
use std::ffi::OsString;

/// Name of the companion's program, found on the `PATH` that its own layer extends.
pub const PROGRAM: &str = "live-reload";

/// A program that the companion stands in for, in images that lack it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncTool {
    /// `tar`
    Tar,
    /// `rm`
    Rm,
}

impl SyncTool {
    /// Both tools.
    pub const ALL: [Self; 2] = [Self::Tar, Self::Rm];

    /// Name of the program, and of the process type that makes `docker exec` find it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Rm => "rm",
        }
    }

    /// The `command` of the process type; the caller's arguments are appended to it.
    #[must_use]
    pub fn command(self) -> Vec<String> {
        vec![PROGRAM.to_owned(), self.name().to_owned()]
    }

    /// The tool that the first argument of `live-reload` names.
    #[must_use]
    pub fn named(argument: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == argument)
    }
}

/// A command line that `live-reload` cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// A value that its setting does not accept.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
    /// An option that does not exist.
    #[error("there is no option {0}")]
    UnknownOption(String),
    /// An option that came last, without its value.
    #[error("{0} has no value")]
    MissingValue(String),
    /// Bytes that are not UTF-8, here with replacements.
    #[error("{0:?} is not UTF-8")]
    NotUnicode(String),
}

impl From<lexopt::Error> for ArgumentError {
    fn from(error: lexopt::Error) -> Self {
        match error {
            lexopt::Error::MissingValue { option } => {
                Self::MissingValue(option.unwrap_or_default())
            }
            lexopt::Error::NonUnicodeValue(value) => {
                Self::NotUnicode(value.to_string_lossy().into_owned())
            }
            // The others tell of options that were given a value they do not take; all take one.
            other => Self::UnknownOption(other.to_string()),
        }
    }
}

/// What a command line of `live-reload` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Restart a process whenever files change.
    Reload(Settings),
    /// Print the options.
    Help,
    /// Print the version.
    Version,
}

impl Settings {
    /// The `command` of the `reload` process in launch.toml, whose `args` stay empty.
    #[must_use]
    pub fn command(&self) -> Vec<String> {
        let mut command = vec![PROGRAM.to_owned()];
        command.extend(self.to_arguments());
        command
    }

    /// The arguments that say all this, defaults included: the image tells what it does, and does
    /// it whatever the defaults of a later companion are.
    #[must_use]
    pub fn to_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut option = |setting: Setting, value: String| {
            arguments.extend([setting.argument().to_owned(), value]);
        };
        for path in &self.watch {
            option(Setting::Watch, path.as_str().to_owned());
        }
        for pattern in &self.ignore {
            option(Setting::Ignore, pattern.as_str().to_owned());
        }
        option(Setting::Debounce, self.debounce.to_string());
        option(Setting::Signal, self.signal.to_string());
        option(Setting::StopTimeout, self.stop_timeout.to_string());
        if let Some(interval) = &self.poll {
            option(Setting::Poll, interval.to_string());
        }
        arguments.push(self.process.to_string());
        arguments
    }
}

impl Request {
    /// Reads arguments, without the program's own name.
    ///
    /// A user's arguments follow those of the build, so `--help` and `--version` may come anywhere.
    ///
    /// Of an option that is given twice the later value counts. `--watch` and `--ignore` add up,
    /// but those after the first `TYPE` replace all those before it: the build's own settings end
    /// in a `TYPE`, so that a user who gives either gets what was given and nothing else. An empty
    /// value adds nothing, so that `--ignore ''` empties the list.
    ///
    /// # Errors
    /// The first argument that cannot be used.
    pub fn from_arguments(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, ArgumentError> {
        let mut settings = Settings::default();
        // Whether a TYPE has been seen, and which of the lists have been begun anew after it.
        let mut after_type = false;
        let mut begun_anew = Vec::new();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            let (setting, value) = match argument {
                Arg::Value(value) => {
                    after_type = true;
                    (Setting::Process, value)
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help),
                Arg::Long("version") | Arg::Short('V') => return Ok(Self::Version),
                Arg::Long(_) | Arg::Short(_) => {
                    let option = name_of(&argument);
                    let setting = Setting::ALL
                        .into_iter()
                        .find(|setting| setting.argument() == option)
                        .ok_or(ArgumentError::UnknownOption(option))?;
                    (setting, parser.value()?)
                }
            };
            let text = value
                .into_string()
                .map_err(|value| ArgumentError::NotUnicode(value.to_string_lossy().into_owned()))?;
            if matches!(setting, Setting::Watch | Setting::Ignore) {
                if after_type && !begun_anew.contains(&setting) {
                    begun_anew.push(setting);
                    match setting {
                        Setting::Watch => settings.watch.clear(),
                        _ => settings.ignore.clear(),
                    }
                }
                if text.is_empty() {
                    continue;
                }
            }
            settings
                .set(setting, &text)
                .map_err(|why| setting.rejects(Given::AtStart, &text, &why))?;
        }
        Ok(Self::Reload(settings))
    }
}

/// An option as its user wrote it.
fn name_of(argument: &Arg<'_>) -> String {
    match argument {
        Arg::Long(name) => format!("--{name}"),
        Arg::Short(name) => format!("-{name}"),
        Arg::Value(value) => value.to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::watch::WatchPath;
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    fn request(arguments: &[&str]) -> Result<Request, ArgumentError> {
        Request::from_arguments(arguments.iter().map(OsString::from))
    }

    fn from(arguments: &[&str]) -> Settings {
        match request(arguments) {
            Ok(Request::Reload(settings)) => settings,
            other => panic!("{other:?}"),
        }
    }

    fn paths(settings: &Settings) -> Vec<&str> {
        settings.watch.iter().map(WatchPath::as_str).collect()
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut settings = Settings::default();
        assert_eq!(
            Settings::default().to_arguments(),
            [
                "--debounce",
                "50ms",
                "--signal",
                "SIGTERM",
                "--stop-timeout",
                "10s",
                "web"
            ]
        );
        for (setting, value) in [
            (Setting::Process, "worker"),
            (Setting::Watch, "src"),
            (Setting::Watch, "-odd name"),
            (Setting::Ignore, "*.csv"),
            (Setting::Debounce, "10ms"),
            (Setting::Signal, "INT"),
            (Setting::StopTimeout, "1min 30s"),
            (Setting::Poll, "2s"),
        ] {
            settings.set(setting, value).unwrap();
        }
        let arguments = settings.to_arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(from(&arguments), settings);
    }

    #[test]
    fn nothing_given_is_the_default() {
        assert_eq!(from(&[]), Settings::default());
    }

    #[test]
    fn the_users_arguments_win_over_those_of_the_build() {
        let build = Settings::default().to_arguments();
        let mut arguments: Vec<&str> = build.iter().map(String::as_str).collect();
        arguments.extend(["--debounce", "10ms", "worker"]);
        let settings = from(&arguments);
        assert_eq!(settings.process.as_str(), "worker");
        assert_eq!(settings.debounce.to_string(), "10ms");
        assert_eq!(settings.stop_timeout.to_string(), "10s");
    }

    #[test]
    fn lists_add_up_and_those_of_the_user_replace_those_of_the_build() {
        let build = ["--watch", "a", "--watch=b", "--ignore", "x", "web"];
        assert_eq!(paths(&from(&build)), ["a", "b"]);

        let user = from(&[&build[..], &["--watch", "c", "worker", "--watch", "d"]].concat());
        assert_eq!(paths(&user), ["c", "d"]);
        assert_eq!(user.ignore.len(), 1, "the other list is untouched");

        let emptied = from(&[&build[..], &["--watch", "", "--ignore="]].concat());
        assert!(emptied.watch.is_empty() && emptied.ignore.is_empty());
    }

    #[test]
    fn help_and_version_may_follow_the_arguments_of_the_build() {
        let build = ["--debounce", "50ms", "web"];
        for (option, expected) in [
            ("--help", Request::Help),
            ("-h", Request::Help),
            ("--version", Request::Version),
            ("-V", Request::Version),
        ] {
            let arguments = [&build[..], &[option, "--no-option"]].concat();
            assert_eq!(request(&arguments), Ok(expected));
        }
        // A value is not an option.
        assert_eq!(from(&["--ignore", "--help"]).ignore.len(), 1);
    }

    #[test]
    fn polling_can_be_turned_off_again() {
        assert_eq!(from(&["--poll", "1s", "--poll", "off"]).poll, None);
    }

    #[test]
    fn a_type_may_follow_two_dashes() {
        assert_eq!(from(&["--", "worker"]).process.as_str(), "worker");
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let told = [
            request(&["--debounse", "1s"]),
            request(&["-w", "src"]),
            request(&["--watch"]),
            request(&["--debounce", "1"]),
            request(&["two words"]),
            Request::from_arguments([OsString::from_vec(b"a\xff".to_vec())]),
        ]
        .map(|result| result.unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r#"
        there is no option --debounse
        there is no option -w
        --watch has no value
        --debounce is "1", which has no unit; accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`
        TYPE is "two words", which has the character ' '; accepted: a process type of the image, made of letters, digits, `.`, `_` and `-`, other than `reload`
        "a�" is not UTF-8
        "#);
    }

    #[test]
    fn the_sync_tools_are_processes_of_the_same_program() {
        assert_eq!(SyncTool::Tar.command(), ["live-reload", "tar"]);
        assert_eq!(SyncTool::named("rm"), Some(SyncTool::Rm));
        assert_eq!(SyncTool::named("web"), None);
    }
}
