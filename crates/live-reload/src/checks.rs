//! Checks for faults that watchexec ignores, or reports without a remedy.

use crate::files::Root;
use crate::image::{find_program, is_executable};
use crate::launch::Launch;
use printable::printable;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A program that cannot be started, after "The process `web` runs". watchexec prints that the
/// process runs, and waits for a change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// A name without a slash that is not on the `PATH`.
    #[error(
        "`{0}`, which is not on the PATH.\n\
         Check the command, and that a buildpack or the run image provides the \
         program."
    )]
    NotOnPath(String),
    /// The file does not exist.
    #[error(
        "{0}, which does not exist.\n\
         Check the command. If a sync deleted the file, restore it."
    )]
    Missing(PathBuf),
    /// This user may not execute the file.
    #[error(
        "{0}, which this user may not execute.\n\
         Make it executable where it comes from: `chmod +x`. If a sync replaced it, let the sync keep \
         file modes."
    )]
    NotExecutable(PathBuf),
    /// The first line of a script names a program that does not exist.
    #[error(
        "{0}, a script for {1}, which this image does not have.\n\
         Use a run image that has it, or change the first line of the script."
    )]
    NoInterpreter(PathBuf, PathBuf),
    /// The carriage return at the end of a script's first line counts as part of the program's name.
    #[error(
        "{0}, a script with Windows line endings: Linux looks for a program {1:?}.\n\
         Save it with LF line endings, and let git keep them: `* text=auto eol=lf` in .gitattributes."
    )]
    WindowsScript(PathBuf, PathBuf),
}

/// Checks that the program of a launch can be started, by the rules of execvp(3).
///
/// # Errors
/// The reason why it cannot, with its remedy.
pub(crate) fn program(launch: &Launch) -> Result<(), ProgramError> {
    let Some(program) = launch.command.first() else {
        return Ok(());
    };
    let file = if program.contains('/') {
        launch.working_directory.join(program)
    } else {
        launch
            .environment
            .get(OsStr::new("PATH"))
            .and_then(|path| find_program(program, path))
            .ok_or_else(|| ProgramError::NotOnPath(program.clone()))?
    };
    if !file.exists() {
        return Err(ProgramError::Missing(file));
    }
    if !is_executable(&file) {
        return Err(ProgramError::NotExecutable(file));
    }
    // A file that cannot be read may still be executed.
    for name in interpreters(&file).unwrap_or_default() {
        let is_path = name.as_os_str().as_bytes().contains(&b'/');
        let path = launch.environment.get(OsStr::new("PATH"));
        let exists = if is_path {
            launch.working_directory.join(&name).exists()
        } else {
            path.is_some_and(|path| find_program(&name.to_string_lossy(), path).is_some())
        };
        if !exists {
            return Err(if name.as_os_str().as_bytes().ends_with(b"\r") {
                ProgramError::WindowsScript(file, name)
            } else {
                ProgramError::NoInterpreter(file, name)
            });
        }
    }
    Ok(())
}

/// The program that the first line of a script names (execve(2), "Interpreter scripts": `#!`,
/// optional blanks, the path, up to a blank or the end of the line, in the first 256 bytes), and the one
/// that env(1) finds, if it is that.
fn interpreters(file: &Path) -> io::Result<Vec<PathBuf>> {
    let mut start = Vec::new();
    File::open(file)?.take(256).read_to_end(&mut start)?;
    let Some(line) = start.strip_prefix(b"#!") else {
        return Ok(Vec::new());
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
    let words = line.split(|byte| matches!(byte, b' ' | b'\t'));
    let mut words = words.filter(|word| !word.is_empty());
    let name = words
        .next()
        .map(|name| PathBuf::from(OsStr::from_bytes(name)));
    let is_env = name.as_deref().is_some_and(|name| name.ends_with("env"));
    // Options of env, and variables that it sets, come before the program.
    let is_program = |word: &&[u8]| !word.starts_with(b"-") && !word.contains(&b'=');
    let found = words.find(is_program).filter(|_| is_env);
    let found = found.map(|program| PathBuf::from(OsStr::from_bytes(program)));
    Ok(name.into_iter().chain(found).collect())
}

/// The paths to watch.
///
/// # Errors
/// Every path that does not exist, with the error of the system: watchexec would end with an error
/// that does not name them.
pub(crate) fn roots(paths: &[String], app_directory: &Path) -> Result<Vec<Root>, Vec<String>> {
    // The app directory, if none is given.
    let given = if paths.is_empty() {
        &[String::new()]
    } else {
        paths
    };
    let mut roots = Vec::new();
    let mut missing = Vec::new();
    for path in given {
        let path = app_directory.join(path);
        match Root::of(path.clone()) {
            Ok(root) => roots.push(root),
            Err(error) => missing.push(format!("{} ({error})", printable(&path))),
        }
    }
    if missing.is_empty() {
        Ok(roots)
    } else {
        Err(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// Checks `command` in a directory that has `script`, an executable file of that text, and
    /// `plain`, a file that is not executable. The error has `DIRECTORY` as the directory's name.
    fn check(command: &str, script: &str) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, mode) in [("script", 0o755), ("plain", 0o644)] {
            let file = directory.path().join(name);
            fs::write(&file, script).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let result = program(&Launch {
            command: vec![command.to_owned()],
            working_directory: directory.path().to_owned(),
            environment: [("PATH".into(), directory.path().into())].into(),
            prefix: Vec::new(),
        });
        let directory = directory.path().to_str().unwrap();
        result.map_err(|error| error.to_string().replace(directory, "DIRECTORY"))
    }

    #[test]
    fn finds_programs_as_the_system_does() {
        for command in ["script", "./script"] {
            check(command, "#! /bin/sh -e\ntrue\n").unwrap();
            check(command, "not a script").unwrap();
        }
    }

    #[test]
    fn reports_programs_that_cannot_be_executed() {
        let texts = ["missing", "./missing", "./plain"].map(|name| check(name, "").unwrap_err());
        assert_snapshot!(texts.join("\n"), @"
        `missing`, which is not on the PATH.
        Check the command, and that a buildpack or the run image provides the program.
        DIRECTORY/./missing, which does not exist.
        Check the command. If a sync deleted the file, restore it.
        DIRECTORY/./plain, which this user may not execute.
        Make it executable where it comes from: `chmod +x`. If a sync replaced it, let the sync keep file modes.
        ");
    }

    #[test]
    fn reports_missing_interpreters() {
        let texts = [
            "#!/missing/bash -e\n",
            "#!/missing",
            "#!/bin/sh\r\ntrue\r\n",
            "#!/usr/bin/env bash\r\ntrue\r\n",
            "#!/usr/bin/env -S A=b node\r\n",
            "#!/usr/bin/env missing\n",
        ]
        .map(|script| check("script", script).unwrap_err());
        assert_snapshot!(texts.join("\n"), @r#"
        DIRECTORY/script, a script for /missing/bash, which this image does not have.
        Use a run image that has it, or change the first line of the script.
        DIRECTORY/script, a script for /missing, which this image does not have.
        Use a run image that has it, or change the first line of the script.
        DIRECTORY/script, a script with Windows line endings: Linux looks for a program "/bin/sh\r".
        Save it with LF line endings, and let git keep them: `* text=auto eol=lf` in .gitattributes.
        DIRECTORY/script, a script with Windows line endings: Linux looks for a program "bash\r".
        Save it with LF line endings, and let git keep them: `* text=auto eol=lf` in .gitattributes.
        DIRECTORY/script, a script with Windows line endings: Linux looks for a program "node\r".
        Save it with LF line endings, and let git keep them: `* text=auto eol=lf` in .gitattributes.
        DIRECTORY/script, a script for missing, which this image does not have.
        Use a run image that has it, or change the first line of the script.
        "#);
    }

    #[test]
    fn watches_the_app_directory_by_default() {
        let roots = roots(&[], Path::new("/proc")).unwrap();
        assert_eq!(roots, [Root::of("/proc".into()).unwrap()]);
    }

    #[test]
    fn reports_every_missing_path() {
        let directory = tempfile::tempdir().unwrap();
        let app = directory.path().canonicalize().unwrap();
        fs::create_dir(app.join("src")).unwrap();
        let watch = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            roots(&paths, &app)
        };
        assert_eq!(watch(&["src/../src"]).unwrap()[0].path, app.join("src"));
        assert_eq!(
            watch(&["src", "sources", "/no/where"]).unwrap_err(),
            [
                format!(
                    "{}/sources (No such file or directory (os error 2))",
                    app.display()
                ),
                "/no/where (No such file or directory (os error 2))".to_owned()
            ]
        );
    }
}
