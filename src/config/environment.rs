//! The environment variables of a phase, as the platform gave them, and flags among them.

use libcnb::{Env, Platform};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use watchexec_release::regular_file::read_text;

/// The variables that a phase sees: those of the process, then those of `<platform>/env`.
///
/// The lifecycle puts the user's variables into both, but applies the operator's and the
/// builder's settings to the process only, so the process has the final word. With `clear-env`
/// the user's variables are in the platform directory alone.
pub(crate) struct Environment {
    pub(super) platform_dir: PathBuf,
    variables: Env,
}

impl Platform for Environment {
    fn env(&self) -> &Env {
        &self.variables
    }

    /// Only small regular files count as variables.
    fn from_path(platform_dir: impl AsRef<Path>) -> io::Result<Self> {
        let platform_dir = platform_dir.as_ref().to_owned();
        let mut platform = Env::new();
        // The platform may have no variables.
        let files = fs::read_dir(platform_dir.join("env"));
        for file in files.into_iter().flatten().flatten() {
            if let Ok(value) = read_text(&file.path()) {
                platform.insert(file.file_name(), value);
            }
        }
        Ok(Self::new(platform_dir, platform, env::vars_os()))
    }
}

impl Environment {
    fn new(
        platform_dir: PathBuf,
        mut variables: Env,
        process: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        for (name, value) in process {
            variables.insert(name, value);
        }
        Self {
            platform_dir,
            variables,
        }
    }

    /// The trimmed value of a variable; `None` where it is not set, `Some("")` where it is empty.
    ///
    /// Values arrive from files and from command lines, so white space around them is noise, and
    /// bytes that are not UTF-8 are replaced: no setting has any use for them, and the replaced
    /// text is what an error message can show.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?;
        Some(value.to_string_lossy().trim().to_owned())
    }

    /// As [`get`](Self::get), for the many variables whose empty value means "not set".
    pub(super) fn non_empty(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The names of all variables that start with `prefix`, sorted.
    pub(super) fn names_with_prefix(&self, prefix: &str) -> Vec<String> {
        let names = (self.variables.iter()).filter_map(|(name, _)| name.to_str());
        let names = names.filter(|name| name.starts_with(prefix));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }
}

/// A variable or a binding that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct ConfigError {
    /// The variable, or the file or directory of the binding.
    pub setting: String,
    /// Names the setting, shows the value unless that is secret, and lists the accepted values.
    pub why: String,
}

impl ConfigError {
    pub(super) fn of(setting: &str, why: &impl ToString) -> Self {
        Self {
            setting: setting.to_owned(),
            why: why.to_string(),
        }
    }

    pub(super) fn value(variable: &str, value: &str, accepted: &str) -> Self {
        Self::of(
            variable,
            &format!("{variable} is {value:?}.\nAccepted: {accepted}."),
        )
    }
}

/// The errors so far. A setting that has one gets its default, so that the others are read too.
#[derive(Debug, Default)]
pub(super) struct Errors(pub Vec<ConfigError>);

impl Errors {
    pub(super) fn one<T: Default>(&mut self, result: Result<T, ConfigError>) -> T {
        result.unwrap_or_else(|error| {
            self.0.push(error);
            T::default()
        })
    }
}

/// The values that Go's `strconv.ParseBool` takes, as all Paketo buildpacks read flags.
pub(super) const TRUE: [&str; 6] = ["1", "t", "T", "TRUE", "true", "True"];
pub(super) const FALSE: [&str; 6] = ["0", "f", "F", "FALSE", "false", "False"];

/// Reads a flag; `None` where it is not set or empty.
pub(super) fn flag(environment: &Environment, variable: &str) -> Result<Option<bool>, ConfigError> {
    match environment.non_empty(variable) {
        None => Ok(None),
        Some(value) if TRUE.contains(&value.as_str()) => Ok(Some(true)),
        Some(value) if FALSE.contains(&value.as_str()) => Ok(Some(false)),
        Some(value) => {
            let (on, off) = (TRUE.join(" "), FALSE.join(" "));
            let accepted = format!("{on} to turn it on, {off} to turn it off");
            Err(ConfigError::value(variable, &value, &accepted))
        }
    }
}

#[cfg(test)]
impl Environment {
    /// An environment in which only the process has variables.
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let process = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self::new("/platform".into(), Env::new(), process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_the_process_to_the_platform_directory() {
        let mut platform = Env::new();
        platform.insert("BP_A", "platform");
        platform.insert("BP_B", "platform");
        let process = [("BP_A".into(), "process".into())];
        let environment = Environment::new("/platform".into(), platform, process);
        assert_eq!(environment.get("BP_A").as_deref(), Some("process"));
        assert_eq!(environment.get("BP_B").as_deref(), Some("platform"));
        assert_eq!(environment.names_with_prefix("BP_"), ["BP_A", "BP_B"]);
    }

    #[test]
    fn reads_files_of_the_platform_in_any_encoding() {
        let platform = tempfile::tempdir().unwrap();
        let directory = platform.path().join("env");
        let read = || Environment::from_path(platform.path());
        assert!(read().is_ok(), "without a directory");
        fs::create_dir_all(directory.join("directory")).unwrap();
        fs::write(directory.join("BP_A"), "\u{feff}a\n").unwrap();
        fs::write(directory.join("LATIN_1"), b"caf\xE9").unwrap();
        fs::write(directory.join("LARGE"), vec![b'x'; 2 << 20]).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, directory.join("FIFO"), mode).unwrap();
        let environment = read().unwrap();
        assert_eq!(environment.get("BP_A").as_deref(), Some("a"));
        assert_eq!(environment.get("LATIN_1").as_deref(), Some("caf\u{fffd}"));
        assert_eq!(environment.get("LARGE"), None);
        assert_eq!(environment.get("FIFO"), None);
    }

    #[test]
    fn trims_values_and_tells_empty_from_unset() {
        let environment = Environment::of(&[("A", " x\n"), ("B", " ")]);
        assert_eq!(environment.get("A").as_deref(), Some("x"));
        assert_eq!(environment.get("B").as_deref(), Some(""));
        assert_eq!(environment.non_empty("B"), None);
        assert_eq!(environment.get("C"), None);
    }
}
