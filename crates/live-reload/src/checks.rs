//! What watchexec would pass over without a word, or tell in words that do not help.

use crate::image::{find_program, is_executable};
use crate::launch::Launch;
use reload_options::watch::WatchPath;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A program that cannot be started. watchexec prints that it runs, and waits for a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ProgramError {
    /// Looked up by its name, it is in none of the directories of `PATH`.
    NotOnPath(String),
    /// There is no such file.
    Missing(PathBuf),
    /// There is, but this user may not execute it.
    NotExecutable(PathBuf),
    /// It is a script, whose first line names a program that does not exist.
    NoInterpreter {
        /// The script.
        script: PathBuf,
        /// What its first line names.
        interpreter: PathBuf,
    },
}

/// Checks that the program of a launch can be started, by the rules of execvp(3).
///
/// # Errors
/// It cannot.
pub(crate) fn program(launch: &Launch) -> Result<(), ProgramError> {
    let Some(program) = launch.command.first() else {
        return Ok(());
    };
    let file = if program.contains('/') {
        launch.working_directory.join(program)
    } else {
        launch
            .environment
            .get("PATH")
            .and_then(|path| find_program(program, path))
            .ok_or_else(|| ProgramError::NotOnPath(program.clone()))?
    };
    if !file.exists() {
        return Err(ProgramError::Missing(file));
    }
    if !is_executable(&file) {
        return Err(ProgramError::NotExecutable(file));
    }
    // What cannot be read may still be executed, so an error here is none of this check's.
    match interpreter(&file).unwrap_or_default() {
        Some(interpreter) if !launch.working_directory.join(&interpreter).exists() => {
            Err(ProgramError::NoInterpreter {
                script: file,
                interpreter,
            })
        }
        _ => Ok(()),
    }
}

/// The program that the first line of a script names (execve(2), "Interpreter scripts": `#!`,
/// optional blanks, the path, up to a blank or the end of the line, in the first 256 bytes).
fn interpreter(file: &Path) -> io::Result<Option<PathBuf>> {
    let mut start = Vec::new();
    File::open(file)?.take(256).read_to_end(&mut start)?;
    let Some(line) = start.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
    let name = line
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .find(|word| !word.is_empty());
    Ok(name.map(|name| PathBuf::from(OsStr::from_bytes(name))))
}

/// The paths to watch, without links and `..`; watchexec compares the paths of changed files with
/// those of the app directory in that form.
///
/// # Errors
/// Those that do not exist: watchexec would end with an error that does not name them.
pub(crate) fn watch_paths(
    paths: &[WatchPath],
    app_directory: &Path,
) -> Result<Vec<PathBuf>, Vec<MissingPath>> {
    if paths.is_empty() {
        return Ok(vec![app_directory.to_owned()]);
    }
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for path in paths {
        let wanted = path.below(app_directory);
        match wanted.canonicalize() {
            Ok(path) => found.push(path),
            Err(error) => missing.push(MissingPath {
                path: wanted,
                error,
            }),
        }
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(missing)
    }
}

/// A path that cannot be watched.
#[derive(Debug)]
pub(crate) struct MissingPath {
    /// The path.
    pub(crate) path: PathBuf,
    /// What the system says of it.
    pub(crate) error: io::Error,
}

#[cfg(test)]
mod tests {
    use super::super::environment::Environment;
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// Checks `command` in a directory that has `script`, an executable file of that text, and
    /// `plain`, a file that is not executable.
    fn check(command: &str, script: &str) -> Result<(), ProgramError> {
        let directory = tempfile::tempdir().unwrap();
        for (name, mode) in [("script", 0o755), ("plain", 0o644)] {
            let file = directory.path().join(name);
            fs::write(&file, script).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut environment = Environment::current();
        environment.set("PATH", directory.path());
        let result = program(&Launch {
            command: vec![command.to_owned()],
            working_directory: directory.path().to_owned(),
            environment,
            through_launcher: false,
        });
        // Without the name of the directory, which differs each time.
        let short = |path: PathBuf| path.strip_prefix(directory.path()).unwrap().to_owned();
        result.map_err(|error| match error {
            ProgramError::Missing(file) => ProgramError::Missing(short(file)),
            ProgramError::NotExecutable(file) => ProgramError::NotExecutable(short(file)),
            ProgramError::NoInterpreter {
                script,
                interpreter,
            } => ProgramError::NoInterpreter {
                script: short(script),
                interpreter,
            },
            ProgramError::NotOnPath(_) => error,
        })
    }

    #[test]
    fn finds_programs_as_the_system_does() {
        for command in ["script", "./script"] {
            check(command, "#! /bin/sh -e\ntrue\n").unwrap();
            check(command, "not a script").unwrap();
        }
    }

    #[test]
    fn tells_what_is_wrong_with_a_program() {
        assert_eq!(
            check("missing", ""),
            Err(ProgramError::NotOnPath("missing".to_owned()))
        );
        assert_eq!(
            check("./missing", ""),
            Err(ProgramError::Missing("missing".into()))
        );
        assert_eq!(
            check("./plain", ""),
            Err(ProgramError::NotExecutable("plain".into()))
        );
    }

    #[test]
    fn tells_of_an_interpreter_that_is_missing() {
        for (script, interpreter) in [
            ("#!/missing/bash -e\n", "/missing/bash"),
            ("#!/bin/sh\r\ntrue\r\n", "/bin/sh\r"),
            ("#!/missing", "/missing"),
        ] {
            assert_eq!(
                check("script", script),
                Err(ProgramError::NoInterpreter {
                    script: "script".into(),
                    interpreter: interpreter.into()
                })
            );
        }
    }

    #[test]
    fn watches_the_app_directory_where_nothing_else_is_given() {
        let paths = watch_paths(&[], Path::new("/app")).unwrap();
        assert_eq!(paths, [Path::new("/app")]);
    }

    #[test]
    fn tells_every_missing_path() {
        let directory = tempfile::tempdir().unwrap();
        let app = directory.path().canonicalize().unwrap();
        fs::create_dir(app.join("src")).unwrap();
        let watch = |paths: &[&str]| {
            let paths: Vec<WatchPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
            watch_paths(&paths, &app)
        };
        assert_eq!(watch(&["src/../src"]).unwrap(), [app.join("src")]);
        let missing = watch(&["src", "sources", "/no/where"]).unwrap_err();
        let missing: Vec<_> = missing.into_iter().map(|one| one.path).collect();
        assert_eq!(missing, [app.join("sources"), "/no/where".into()]);
    }
}
