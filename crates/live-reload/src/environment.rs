//! The environment that a process type has for itself: `<layer>/env.launch/<type>/`.
//!
//! The launcher has applied what all processes have. A second launcher would apply that again, and
//! every `append` and `prepend` twice, so only what is the process's own is added here, by the same
//! rules (buildpack specification, "Environment Variable Modification Rules"; lifecycle,
//! `env/env.go`). One difference remains: the launcher goes layer by layer and has the process's
//! own variables of one layer before the general ones of the next, here they come last.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Environment variables, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// The variables of this program.
    pub(crate) fn current() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        let (_, value) = self.0.iter().find(|(one, _)| one == name)?;
        Some(value)
    }

    /// Gives a variable a value.
    pub(crate) fn set(&mut self, name: impl Into<OsString>, value: impl Into<OsString>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(one, _)| *one == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Applies the files of a directory such as `env.launch/web/`, in the order of their names.
    /// A directory that does not exist changes nothing.
    ///
    /// # Errors
    /// The directory or one of its files cannot be read.
    pub(crate) fn apply_directory(&mut self, directory: &Path) -> io::Result<()> {
        for file in files(directory)? {
            let Some((name, modification)) = Modification::of(&file) else {
                continue;
            };
            let value = OsString::from_vec(fs::read(&file)?);
            let delimiter = || {
                fs::read(directory.join(format!("{name}.delim")))
                    .map(OsString::from_vec)
                    .unwrap_or_default()
            };
            // To the launcher an empty variable is one that is not set.
            let before = self.get(&name).filter(|before| !before.is_empty());
            let after = match (modification, before) {
                (Modification::Default, Some(_)) => continue,
                (Modification::Append, Some(before)) => {
                    [before, &delimiter(), &value].into_iter().collect()
                }
                (Modification::Prepend, Some(before)) => {
                    [&value, &delimiter(), before].into_iter().collect()
                }
                _ => value,
            };
            self.set(name, after);
        }
        Ok(())
    }
}

/// What a file does to its variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Modification {
    Append,
    Default,
    Override,
    Prepend,
}

impl Modification {
    /// The variable that a file is for, and what it does. `None` for delimiters, and for suffixes
    /// that the specification does not know, which the launcher passes over too.
    fn of(file: &Path) -> Option<(String, Self)> {
        let file_name = file.file_name()?.to_str()?;
        let (name, modification) = match file_name.split_once('.') {
            None | Some((_, "override")) => (file_name, Self::Override),
            Some((_, "append")) => (file_name, Self::Append),
            Some((_, "default")) => (file_name, Self::Default),
            Some((_, "prepend")) => (file_name, Self::Prepend),
            Some(_) => return None,
        };
        let name = name.split('.').next().unwrap_or(name);
        Some((name.to_owned(), modification))
    }
}

/// The files of a directory, in the order of their names; none where there is no directory.
pub(crate) fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    entries(directory, |path| !path.is_dir())
}

/// The directories in a directory, in the order of their names; none where there is no directory.
pub(crate) fn directories(directory: &Path) -> io::Result<Vec<PathBuf>> {
    entries(directory, Path::is_dir)
}

fn entries(directory: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if wanted(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(before: &[(&str, &str)], files: &[(&str, &str)]) -> Environment {
        let directory = tempfile::tempdir().unwrap();
        for (name, value) in files {
            fs::write(directory.path().join(name), value).unwrap();
        }
        let mut environment = of(before);
        environment.apply_directory(directory.path()).unwrap();
        environment
    }

    fn of(variables: &[(&str, &str)]) -> Environment {
        Environment(
            variables
                .iter()
                .map(|(name, value)| (OsString::from(name), OsString::from(value)))
                .collect(),
        )
    }

    #[test]
    fn applies_each_rule_of_the_specification() {
        for (file, expected) in [
            ("A", "new"),
            ("A.override", "new"),
            ("A.append", "oldnew"),
            ("A.prepend", "newold"),
            ("A.default", "old"),
            ("A.unknown", "old"),
        ] {
            assert_eq!(
                apply(&[("A", "old")], &[(file, "new")]),
                of(&[("A", expected)]),
                "{file}"
            );
        }
    }

    #[test]
    fn an_unset_or_empty_variable_takes_the_value() {
        for before in [&[][..], &[("A", "")][..]] {
            for file in ["A", "A.override", "A.append", "A.prepend", "A.default"] {
                let files = [(file, "new"), ("A.delim", ":")];
                assert_eq!(apply(before, &files), of(&[("A", "new")]), "{file}");
            }
        }
    }

    #[test]
    fn a_delimiter_stands_between_old_and_new() {
        let files = [
            ("A.append", "last"),
            ("A.delim", " "),
            ("A.prepend", "first"),
        ];
        assert_eq!(
            apply(&[("A", "old")], &files),
            of(&[("A", "first old last")])
        );
    }

    #[test]
    fn a_missing_directory_changes_nothing() {
        let mut environment = of(&[("A", "old")]);
        environment
            .apply_directory(Path::new("/missing/env.launch/web"))
            .unwrap();
        assert_eq!(environment, of(&[("A", "old")]));
    }
}
