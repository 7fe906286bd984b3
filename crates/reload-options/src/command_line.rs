//! The settings as the command line of `live-reload`, and back.
//!
//! ```text
//! live-reload [--watch PATH]… [--ignore GLOB]… [--debounce TIME] [--before RULE]… [--on-change ACTION]
//!             [--on-exit ACTION] [--signal NAME] [--stop-timeout TIME] [--poll TIME] [TYPE] [-- ARGUMENT…]
//! ```
//!
//! The build writes all of it into the `command` of the process in launch.toml, and leaves `args`
//! empty: the launcher appends a user's arguments to the rest of a `command` that has several
//! entries, while it lets them replace `args` (platform specification, "Launcher"; lifecycle,
//! `launch/process.go`). What is given later wins, so that the user has the last word without
//! having to repeat the rest.

use crate::settings::{InvalidSetting, Setting, Settings};
use lexopt::{Arg, ValueExt};
use std::ffi::OsString;

/// Name of the program in the image, found on the `PATH` that its own layer extends.
pub const PROGRAM: &str = "live-reload";

/// A command line that `live-reload` cannot use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// A value that its setting does not accept.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
    /// An option that does not exist.
    #[error(
        "Unknown option {0}.\n\
         Options are: {all}; `live-reload --help` explains them. Arguments of the app come after `--`: \
         `docker run --entrypoint reload IMAGE -- {0}`.",
        all = options()
    )]
    UnknownOption(String),
    /// An option that came last, without its value.
    #[error("{0} has no value.\nGive one: `{0} VALUE` or `{0}=VALUE`.")]
    MissingValue(String),
    /// Bytes that are not UTF-8.
    #[error("The argument {0:?} is not UTF-8.\nlive-reload accepts only UTF-8 arguments.")]
    NotUnicode(String),
}

fn options() -> String {
    let [_, options @ ..] = Setting::ALL.map(|setting| setting.argument);
    options.join(", ")
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
            lexopt::Error::UnexpectedOption(option) => Self::UnknownOption(option),
            // The others tell of options that were given a value they do not take; all take one.
            other => Self::UnknownOption(other.to_string()),
        }
    }
}

/// A parsed command line of `live-reload`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Restart a process whenever files change.
    Reload(Box<Settings>),
    /// Print the options, and what these settings ignore.
    Help(Box<Settings>),
    /// Print the version.
    Version,
}

impl Settings {
    /// The `command` of the `reload` process in launch.toml, whose `args` stay empty.
    ///
    /// It has the defaults, too: the image shows them, and keeps them if a later `live-reload` has
    /// others.
    pub fn command(&self) -> Vec<String> {
        let [_, options @ ..] = &Setting::ALL;
        let mut command = vec![PROGRAM.to_owned()];
        // Lists have to end in a TYPE, so that those of a user replace them. An empty one leaves
        // the choice to `live-reload`.
        let mut ends = self.process.is_some();
        for setting in options {
            for value in (setting.write)(self) {
                command.extend([setting.argument.to_owned(), value]);
                ends |= setting.separator.is_some();
            }
        }
        let process = self.process.as_ref().map(ToString::to_string);
        command.extend(ends.then(|| process.unwrap_or_default()));
        command
    }
}

impl Request {
    /// Reads arguments, without the program's own name.
    ///
    /// A user's arguments follow those of the build, so `--help` and `--version` may come anywhere.
    ///
    /// Of an option that is given twice the later value counts. `--watch`, `--ignore` and
    /// `--before` add up, but those after the first `TYPE` replace all those before it: the lists
    /// of the build end in a `TYPE`, so that a user who gives one of these options replaces its
    /// whole list. An empty value is no element, so that `--ignore ''` empties the list; an empty
    /// `TYPE` resets the type.
    ///
    /// What follows `--` are arguments of the process.
    ///
    /// # Errors
    /// The first argument that cannot be used.
    pub fn from_arguments(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, ArgumentError> {
        let mut settings = Settings::default();
        let mut after_type = false;
        // The lists that have been emptied after the first TYPE.
        let mut emptied = Vec::new();
        let mut arguments: Vec<OsString> = arguments.into_iter().collect();
        if let Some(end) = arguments.iter().position(|argument| argument == "--") {
            let of_process = arguments.split_off(end).into_iter().skip(1);
            let of_process = of_process.map(ValueExt::string);
            settings.arguments = Some(of_process.collect::<Result<_, _>>()?);
        }
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            let (setting, value) = match argument {
                Arg::Value(value) => {
                    after_type = true;
                    (&Setting::PROCESS, value)
                }
                Arg::Long("help") | Arg::Short('h') => return Ok(Self::Help(Box::new(settings))),
                Arg::Long("version") | Arg::Short('V') => return Ok(Self::Version),
                option => {
                    let setting = Setting::ALL.iter().find(|setting| {
                        let name = setting.argument.strip_prefix("--");
                        name.is_some_and(|name| option == Arg::Long(name))
                    });
                    let setting = setting.ok_or_else(|| option.unexpected())?;
                    (setting, parser.value()?)
                }
            };
            let text = value.string()?;
            let is_list = setting.separator.is_some();
            if is_list && after_type && !emptied.contains(&setting.argument) {
                emptied.push(setting.argument);
                setting.set(&mut settings, setting.argument, "")?;
            }
            if !is_list || !text.is_empty() {
                setting.set(&mut settings, setting.argument, &text)?;
            }
        }
        let without_effect = settings.without_effect(|setting| setting.argument);
        match without_effect.into_iter().next() {
            Some(error) => Err(error.into()),
            None => Ok(Self::Reload(Box::new(settings))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    fn request(arguments: &[&str]) -> Result<Request, ArgumentError> {
        Request::from_arguments(arguments.iter().map(OsString::from))
    }

    fn from(arguments: &[&str]) -> Settings {
        match request(arguments) {
            Ok(Request::Reload(settings)) => *settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_back_its_own_command() {
        assert_eq!(
            Settings::default().command(),
            [
                "live-reload",
                "--debounce",
                "20ms",
                "--signal",
                "SIGTERM",
                "--stop-timeout",
                "10s"
            ]
        );
        let settings = from(&[
            "worker",
            "--watch=src",
            "--watch=-odd name",
            "--ignore=*.csv",
            "--debounce=10ms",
            "--signal=INT",
            "--stop-timeout=1min 30s",
            "--poll=2s",
        ]);
        let command = settings.command();
        let arguments: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        assert_eq!(from(&arguments), settings);
    }

    #[test]
    fn no_arguments_give_the_defaults() {
        assert_eq!(from(&[]), Settings::default());
    }

    #[test]
    fn later_arguments_override_those_of_the_build() {
        let build = from(&["web"]).command();
        let mut arguments: Vec<&str> = build[1..].iter().map(String::as_str).collect();
        arguments.extend(["--debounce", "10ms", "worker"]);
        let settings = from(&arguments);
        assert_eq!(settings.process.unwrap().as_str(), "worker");
        assert_eq!(settings.debounce.to_string(), "10ms");
        assert_eq!(settings.stop_timeout.to_string(), "10s");
    }

    #[test]
    fn adds_to_lists_before_the_type_and_replaces_them_after_it() {
        let build = ["--watch", "a", "--watch=b", "--ignore", "x", "web"];
        assert_eq!(from(&build).watch, ["a", "b"]);

        let user = from(&[&build[..], &["--watch", "c", "worker", "--watch", "d"]].concat());
        assert_eq!(user.watch, ["c", "d"]);
        assert_eq!(user.ignore.len(), 1, "the other list is untouched");

        let emptied = from(&[&build[..], &["--watch", "", "--ignore="]].concat());
        assert!(emptied.watch.is_empty() && emptied.ignore.is_empty());
    }

    #[test]
    fn replaces_lists_of_a_build_without_a_type() {
        for build in [&["--watch=a"], &["--ignore=x"]] {
            let build = from(build).command();
            let build: Vec<&str> = build[1..].iter().map(String::as_str).collect();
            assert_eq!(from(&build).process, None);
            let user = from(&[&build[..], &["--watch=c", "--ignore=y"]].concat());
            assert_eq!(user.watch, ["c"]);
            assert_eq!(user.ignore.len(), 1);
        }
    }

    #[test]
    fn resets_the_type_with_an_empty_one() {
        assert_eq!(from(&["web", ""]).process, None);
    }

    #[test]
    fn accepts_help_and_version_after_the_arguments_of_the_build() {
        let build = ["--debounce", "50ms", "--ignore=*.csv", "web"];
        let help = Request::Help(Box::new(from(&build)));
        for (option, expected) in [
            ("--help", help.clone()),
            ("-h", help),
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
    fn turns_polling_off_again() {
        assert_eq!(from(&["--poll", "1s", "--poll", "off"]).poll, None);
    }

    #[test]
    fn passes_arguments_after_two_dashes_to_the_process() {
        let settings = from(&["--poll=2s", "worker", "--", "web", "--poll", "--"]);
        assert_eq!(settings.process.unwrap().as_str(), "worker");
        assert_eq!(settings.arguments.unwrap(), ["web", "--poll", "--"]);
        assert_eq!(from(&["--"]).arguments.unwrap(), [""; 0]);
        assert_eq!(from(&["worker"]).arguments, None);
    }

    #[test]
    fn errors_name_the_argument() {
        let told = [
            request(&["--debounse", "1s"]),
            request(&["-w", "src"]),
            request(&["--watch"]),
            request(&["--debounce", "1"]),
            request(&["--ignore=!/tmp/main"]),
            request(&["two words"]),
            Request::from_arguments([OsString::from_vec(b"a\xff".to_vec())]),
        ]
        .map(|result| result.unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r#"
        Unknown option --debounse.
        Options are: --watch, --ignore, --debounce, --before, --on-change, --on-exit, --signal, --stop-timeout, --poll; `live-reload --help` explains them. Arguments of the app come after `--`: `docker run --entrypoint reload IMAGE -- --debounse`.
        Unknown option -w.
        Options are: --watch, --ignore, --debounce, --before, --on-change, --on-exit, --signal, --stop-timeout, --poll; `live-reload --help` explains them. Arguments of the app come after `--`: `docker run --entrypoint reload IMAGE -- -w`.
        --watch has no value.
        Give one: `--watch VALUE` or `--watch=VALUE`.
        --debounce is "1", which is not a time (time unit needed, for example 1sec or 1ms).
        Accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`.
        --ignore is "!/tmp/main", which is in the ignored directory /tmp: watch that directory again and ignore its other files, with `!/tmp`, `/tmp/*` and `!/tmp/main`.
        Accepted: patterns as in a .gitignore file, relative to the app directory, such as `*.csv`, `uploads/` or `!/tmp`.
        TYPE is "two words", which contains the character ' '.
        Accepted: a process type of the image, made of letters, digits, `.`, `_` and `-`, other than `reload`.
        The argument "a�" is not UTF-8.
        live-reload accepts only UTF-8 arguments.
        "#);
    }
}
