//! The environment of a single process type: `<layer>/env.launch/<type>/`.
//!
//! The launcher has applied the environment of all processes. A second launcher would apply it
//! again, and every `append` and `prepend` twice, so only the process's own environment is added
//! here, by the same rules (buildpack specification, "Environment Variable Modification Rules";
//! lifecycle, `env/env.go`). One difference remains: the launcher goes layer by layer, so it
//! applies the process's own variables of one layer before the general ones of the next; here the
//! process's own come last.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Environment variables by name.
pub(crate) type Environment = HashMap<OsString, OsString>;

/// Applies the files of a directory such as `env.launch/web/`, in the order of their names.
/// A missing directory is skipped.
///
/// # Errors
/// The directory or one of its files cannot be read.
pub(crate) fn apply_directory(environment: &mut Environment, directory: &Path) -> io::Result<()> {
    for file in files(directory)? {
        let Some(file_name) = file.file_name().and_then(OsStr::to_str) else {
            continue;
        };
        let (name, action) = file_name.split_once('.').unwrap_or((file_name, "override"));
        // Delimiters, and suffixes that the specification does not know, which the launcher ignores
        // too.
        if !["append", "default", "override", "prepend"].contains(&action) {
            continue;
        }
        let value = fs::read(&file)?;
        let delimiter = fs::read(directory.join(format!("{name}.delim"))).unwrap_or_default();
        let before = environment.get(OsStr::new(name));
        // To the launcher an empty variable is one that is not set.
        let before = before.map(|before| before.as_bytes());
        let after = match (action, before.filter(|before| !before.is_empty())) {
            ("default", Some(_)) => continue,
            ("append", Some(before)) => [before, &delimiter, &value].concat(),
            ("prepend", Some(before)) => [&value, &delimiter, before].concat(),
            _ => value,
        };
        environment.insert(name.into(), OsString::from_vec(after));
    }
    Ok(())
}

/// The files of a directory, in the order of their names; an empty list where there is no
/// directory.
pub(crate) fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    entries(directory, |path| !path.is_dir())
}

/// The directories in a directory, sorted by name; an empty list if it does not exist.
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
        apply_directory(&mut environment, directory.path()).unwrap();
        environment
    }

    fn of(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        variables
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect()
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
    fn sets_an_unset_or_empty_variable() {
        for before in [&[][..], &[("A", "")][..]] {
            for file in ["A", "A.override", "A.append", "A.prepend", "A.default"] {
                let files = [(file, "new"), ("A.delim", ":")];
                assert_eq!(apply(before, &files), of(&[("A", "new")]), "{file}");
            }
        }
    }

    #[test]
    fn separates_values_by_the_delimiter() {
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
    fn ignores_a_missing_directory() {
        let mut environment = of(&[("A", "old")]);
        apply_directory(&mut environment, Path::new("/missing/env.launch/web")).unwrap();
        assert_eq!(environment, of(&[("A", "old")]));
    }
}
