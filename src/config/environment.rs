//! The environment variables of a phase, as the platform gave them, and flags among them.

use libcnb::generic::GenericPlatform;
use libcnb::{Env, Platform};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// The platform directory of a phase: variables, and the place of bindings.
pub(crate) struct BuildPlatform {
    directory: PathBuf,
    variables: GenericPlatform,
}

impl Platform for BuildPlatform {
    fn env(&self) -> &Env {
        self.variables.env()
    }

    fn from_path(directory: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self {
            directory: directory.as_ref().to_owned(),
            variables: GenericPlatform::from_path(&directory)?,
        })
    }
}

impl BuildPlatform {
    /// The directory itself.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The variables of this process and of this platform.
    pub(crate) fn environment(&self) -> Environment {
        Environment::new(Env::from_current(), self.env().clone())
    }
}

/// The variables that a phase sees: those of the process, then those of `<platform>/env`.
///
/// The lifecycle puts the user's variables into both, but applies the operator's and the
/// builder's settings to the process only, so the process has the final word. With `clear-env`
/// the user's variables are in the platform directory alone.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    process: Env,
    platform: Env,
}

impl Environment {
    /// Combines the variables of the process with those of the platform directory.
    pub(crate) fn new(process: Env, platform: Env) -> Self {
        Self { process, platform }
    }

    /// The trimmed value of a variable; `None` where it is not set, `Some("")` where it is empty.
    ///
    /// Values arrive from files and from command lines, so white space around them is noise, and
    /// bytes that are not UTF-8 are replaced: no setting has any use for them, and the replaced
    /// text is what an error message can show.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.process
            .get(name)
            .or_else(|| self.platform.get(name))
            .map(|value| value.to_string_lossy().trim().to_owned())
    }

    /// As [`get`](Self::get), for the many variables whose empty value means "not set".
    pub(crate) fn non_empty(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The names of all variables that start with `prefix`, sorted, each once.
    pub(crate) fn names_with_prefix(&self, prefix: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .process
            .iter()
            .chain(self.platform.iter())
            .filter_map(|(name, _)| OsStr::to_str(name))
            .filter(|name| name.starts_with(prefix))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// A variable of ours whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value:?}; accepted: {accepted}")]
pub(crate) struct InvalidValue {
    /// Name of the variable.
    pub variable: String,
    /// Its value, trimmed.
    pub value: String,
    /// The accepted form, for people.
    pub accepted: String,
}

/// The values that Go's `strconv.ParseBool` takes, as all Paketo buildpacks read flags.
pub(super) const TRUE: [&str; 6] = ["1", "t", "T", "TRUE", "true", "True"];
pub(super) const FALSE: [&str; 6] = ["0", "f", "F", "FALSE", "false", "False"];

/// Reads a flag, and gives its value as it was written too; `None` where it is not set or empty.
pub(super) fn flag(
    environment: &Environment,
    variable: &str,
) -> Result<Option<(bool, String)>, InvalidValue> {
    match environment.non_empty(variable) {
        None => Ok(None),
        Some(value) if TRUE.contains(&value.as_str()) => Ok(Some((true, value))),
        Some(value) if FALSE.contains(&value.as_str()) => Ok(Some((false, value))),
        Some(value) => Err(InvalidValue {
            variable: variable.to_owned(),
            value,
            accepted: format!(
                "{} to turn it on, {} to turn it off",
                TRUE.join(" "),
                FALSE.join(" ")
            ),
        }),
    }
}

#[cfg(test)]
impl Environment {
    /// An environment in which only the process has variables.
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let mut process = Env::new();
        for (name, value) in variables {
            process.insert(name, value);
        }
        Self::new(process, Env::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str, value: &str) -> Env {
        let mut env = Env::new();
        env.insert(name, value);
        env
    }

    #[test]
    fn the_process_wins_over_the_platform_directory() {
        let environment = Environment::new(env("A", "process"), env("A", "platform"));
        assert_eq!(environment.get("A").as_deref(), Some("process"));
    }

    #[test]
    fn the_platform_directory_is_the_fallback() {
        let environment = Environment::new(Env::new(), env("A", "platform"));
        assert_eq!(environment.get("A").as_deref(), Some("platform"));
    }

    #[test]
    fn values_are_trimmed_and_empty_is_not_unset() {
        let environment = Environment::of(&[("A", " x\n"), ("B", " ")]);
        assert_eq!(environment.get("A").as_deref(), Some("x"));
        assert_eq!(environment.get("B").as_deref(), Some(""));
        assert_eq!(environment.non_empty("B"), None);
        assert_eq!(environment.get("C"), None);
    }

    #[test]
    fn names_are_listed_once() {
        let environment = Environment::new(env("BP_X", "1"), env("BP_X", "2"));
        assert_eq!(environment.names_with_prefix("BP_"), ["BP_X"]);
    }
}
