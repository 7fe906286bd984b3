//! Whether the program of a launch can be started, and why not.

use super::Launch;
use crate::image::{find_program, is_executable};
use printable::printable;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why a program cannot be started; completes the sentence "The process `web` runs …".
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
        "{}, which does not exist.\n\
         Check the command. If a sync deleted the file, restore it.",
        printable(.0)
    )]
    Missing(PathBuf),
    /// This user may not execute the file.
    #[error(
        "{}, which this user may not execute.\n\
         Make it executable at its source: `chmod +x`. If a sync replaced it, make the sync \
         preserve file modes.",
        printable(.0)
    )]
    NotExecutable(PathBuf),
    /// The first line of a script names a program that does not exist.
    #[error(
        "{}, a script that needs {}, which this image does not contain.\n\
         Use a run image that contains it, or change the first line of the script.",
        printable(.0),
        printable(.1)
    )]
    NoInterpreter(PathBuf, PathBuf),
    /// env(1) looks for a program whose name is all that follows.
    #[error(
        "{0}, a script whose first line makes env look for a program named {1:?}.\n\
         To pass arguments, begin that line with `#!/usr/bin/env -S`."
    )]
    EnvArguments(PathBuf, PathBuf),
    /// The carriage return at the end of a script's first line counts as part of the program's
    /// name.
    #[error(
        "{0}, a script with Windows line endings: Linux looks for a program named {1:?}.\n\
         Save it with LF line endings, and make git keep them: `* text=auto eol=lf` in .gitattributes."
    )]
    WindowsScript(PathBuf, PathBuf),
    /// A cause that the checks do not find: a file for a different architecture, or a limit.
    #[error("`{0}`, which cannot be started ({1})")]
    Other(String, io::Error),
}

/// Checks that the program of a launch can be started, by the rules of execvp(3).
///
/// # Errors
/// The reason why it cannot, with its remedy.
pub(crate) fn check(launch: &Launch) -> Result<(), ProgramError> {
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
            let bytes = name.as_os_str().as_bytes();
            return Err(if bytes.ends_with(b"\r") {
                ProgramError::WindowsScript(file, name)
            } else if bytes.contains(&b' ') {
                ProgramError::EnvArguments(file, name)
            } else {
                ProgramError::NoInterpreter(file, name)
            });
        }
    }
    Ok(())
}

/// The program that the first line of a script names (execve(2), "Interpreter scripts": `#!`,
/// optional blanks, the path, up to a blank or the end of the line, in the first 256 bytes), and,
/// if that is env(1), the program that env looks for.
fn interpreters(file: &Path) -> io::Result<Vec<PathBuf>> {
    let mut start = Vec::new();
    File::open(file)?.take(256).read_to_end(&mut start)?;
    let Some(line) = start.strip_prefix(b"#!") else {
        return Ok(Vec::new());
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or(line);
    // Nobody names a program in other bytes.
    let blanks = [' ', '\t'];
    let line = str::from_utf8(line)
        .unwrap_or_default()
        .trim_matches(blanks);
    let (name, argument) = line.split_once(blanks).unwrap_or((line, ""));
    let is_env = Path::new(name).ends_with("env");
    let found = env_program(argument.trim_start_matches(blanks)).filter(|_| is_env);
    let names = [Some(name), found].into_iter().flatten();
    Ok(names
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect())
}

/// The program that env(1) looks for, given the rest of a script's first line as one argument.
/// `None` if the `PATH` of this process does not say whether it is there.
fn env_program(argument: &str) -> Option<&str> {
    let mut split = ["-S", "-vS", "--split-string="].into_iter();
    let Some(words) = split.find_map(|option| argument.strip_prefix(option)) else {
        return Some(argument)
            .filter(|program| !program.starts_with('-') && !program.contains('='));
    };
    // Windows line endings are blanks here.
    let mut words = words.split_ascii_whitespace();
    loop {
        match words.next()? {
            "-u" => drop(words.next()),
            word if word.starts_with("-C") || word.starts_with("PATH=") => return None,
            word if word.starts_with('-') || word.contains('=') => {}
            word => return Some(word).filter(|word| !word.contains(['\'', '"', '\\', '$'])),
        }
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
        let result = super::check(&Launch {
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
        Make it executable at its source: `chmod +x`. If a sync replaced it, make the sync preserve file modes.
        ");
    }

    #[test]
    fn reports_missing_interpreters() {
        let texts = [
            "#!/missing/bash -e\n",
            "#!/missing",
            "#!/bin/sh\r\ntrue\r\n",
            "#!/usr/bin/env bash\r\ntrue\r\n",
            "#!/usr/bin/env missing\r\n",
            "#!/usr/bin/env missing\n",
            "#!/usr/bin/env -S -i -u A B=c missing -e\r\n",
            "#!/usr/bin/env sh -e\n",
        ]
        .map(|script| check("script", script).unwrap_err());
        assert_snapshot!(texts.join("\n"), @r#"
        DIRECTORY/script, a script that needs /missing/bash, which this image does not contain.
        Use a run image that contains it, or change the first line of the script.
        DIRECTORY/script, a script that needs /missing, which this image does not contain.
        Use a run image that contains it, or change the first line of the script.
        DIRECTORY/script, a script with Windows line endings: Linux looks for a program named "/bin/sh\r".
        Save it with LF line endings, and make git keep them: `* text=auto eol=lf` in .gitattributes.
        DIRECTORY/script, a script with Windows line endings: Linux looks for a program named "bash\r".
        Save it with LF line endings, and make git keep them: `* text=auto eol=lf` in .gitattributes.
        DIRECTORY/script, a script with Windows line endings: Linux looks for a program named "missing\r".
        Save it with LF line endings, and make git keep them: `* text=auto eol=lf` in .gitattributes.
        DIRECTORY/script, a script that needs missing, which this image does not contain.
        Use a run image that contains it, or change the first line of the script.
        DIRECTORY/script, a script that needs missing, which this image does not contain.
        Use a run image that contains it, or change the first line of the script.
        DIRECTORY/script, a script whose first line makes env look for a program named "sh -e".
        To pass arguments, begin that line with `#!/usr/bin/env -S`.
        "#);
    }

    /// The verdict is that of the system, which runs the script.
    #[test]
    fn agrees_with_env() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("script");
        let path = std::env::var_os("PATH").unwrap();
        for first in [
            "true",
            " true",
            "\ttrue \t",
            "true\r",
            "missing",
            "true -x",
            "-S true",
            "-Strue",
            "-S true\r",
            "-S\ttrue -x",
            "-S missing",
            "-S -i true",
            "-S -u true missing",
            "-S -u missing true",
            "-S A=b true",
            "-S PATH=/missing true",
            "-S PATH=/bin:/usr/bin true",
            "-S 'true'",
            "-S -C /missing true",
            "--split-string=true -x",
            "-vS true",
        ] {
            fs::write(&file, format!("#!/usr/bin/env {first}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            // By a shell: no test may start a program that another thread has open for writing.
            let script = format!("exec {} 2>&1", file.display());
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            let launch = Launch {
                command: vec![file.to_str().unwrap().to_owned()],
                working_directory: directory.path().to_owned(),
                environment: [("PATH".into(), path.clone())].into(),
                prefix: Vec::new(),
            };
            let checked = super::check(&launch);
            if output.status.success() {
                assert!(checked.is_ok(), "{first:?}: {checked:?}");
            } else if !first.contains("PATH=") && !first.contains("-C") {
                assert!(
                    checked.is_err(),
                    "{first:?}: {}",
                    String::from_utf8_lossy(&output.stdout)
                );
            }
        }
    }
}
