//! The programs of a single process type: `<layer>/exec.d/<type>/`.
//!
//! The launcher has run those that all processes have; a second launcher would run them again, at
//! each restart. Each program writes variables as TOML to its file descriptor 3 (buildpack
//! specification, "Exec.d").

use super::environment::Environment;
use crate::signals::Signals;
use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use toml::de::DeTable;

/// The descriptor that the programs write to.
const OUTPUT_DESCRIPTOR: i32 = 3;

/// How much of the output is read at once.
const BLOCK: usize = 1 << 16;

/// A failure of an exec.d program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecDError {
    /// The program cannot be run.
    #[error("it cannot be run ({0})")]
    Run(#[from] io::Error),
    /// The exit status tells of a failure.
    #[error("it ended with {0}")]
    Status(ExitStatus),
    /// The output is not TOML.
    #[error("its output is not TOML ({0})")]
    Toml(#[from] toml::de::Error),
    /// The output gives this variable a value that is not a string.
    #[error("it set the variable `{0}` to a value that is not a string")]
    NotAString(String),
}

/// Runs a program in the app directory, and sets the variables that it writes. A stop signal kills
/// the program, which then counts as failed.
///
/// # Errors
/// The program cannot be run, fails, or writes something else.
pub(crate) fn run(
    program: &Path,
    app_directory: &Path,
    environment: &mut Environment,
    signals: &mut Signals,
) -> Result<(), ExecDError> {
    let output = output_of(program, app_directory, environment, signals)?;
    for (name, value) in DeTable::parse(&output)?.get_ref() {
        let name = name.get_ref();
        let text = value.get_ref().as_str();
        let text = text.ok_or_else(|| ExecDError::NotAString(name.to_string()))?;
        environment.insert(name.as_ref().into(), text.into());
    }
    Ok(())
}

fn output_of(
    program: &Path,
    app_directory: &Path,
    environment: &Environment,
    signals: &mut Signals,
) -> Result<String, ExecDError> {
    let (mut reader, writer) = io::pipe()?;
    let mut command = Command::new(program);
    command
        .current_dir(app_directory)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        // A stop kills the whole group.
        .process_group(0)
        .fd_mappings(vec![FdMapping {
            parent_fd: writer.into(),
            child_fd: OUTPUT_DESCRIPTOR,
        }])
        .map_err(io::Error::other)?;
    let mut child = command.spawn()?;
    // Closes this side's end for writing: the output ends when the program's end is closed.
    drop(command);
    let (mut output, mut is_open) = (Vec::new(), true);
    loop {
        let is_stopped = signals.stop().is_some();
        if is_stopped {
            killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).ok();
        }
        // The output ends when its last writer ends, which may be a child that the program has left
        // behind.
        match child.try_wait()? {
            Some(status) if is_stopped || !status.success() => {
                return Err(ExecDError::Status(status));
            }
            Some(_) if !is_open => break,
            _ => {}
        }
        let files = [reader.as_fd()];
        let files = files.get(..usize::from(is_open)).unwrap_or_default();
        let (_, is_readable) = signals.wait_with(files, None)?;
        // Read meanwhile: a full pipe blocks the program.
        if is_readable.contains(&true) {
            let mut block = vec![0; BLOCK];
            let read = reader.read(&mut block)?;
            output.extend(block.iter().take(read));
            is_open = read > 0;
        }
    }
    String::from_utf8(output).map_err(|error| io::Error::other(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;

    fn run_script(script: &str) -> (Result<(), ExecDError>, Environment) {
        let directory = tempfile::tempdir().unwrap();
        let [text, program] = ["text", "helper"].map(|name| directory.path().join(name));
        fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
        // A program that anyone has open for writing cannot be started, and each child of this
        // process has for a moment all files open that this process has.
        let mut install = Command::new("install");
        let installed = install.arg("-m755").args([&text, &program]).status();
        assert!(installed.unwrap().success());
        let mut environment: Environment = std::env::vars_os().collect();
        environment.insert("GIVEN".into(), "before".into());
        let mut signals = Signals::listen().unwrap();
        let result = run(&program, directory.path(), &mut environment, &mut signals);
        (result, environment)
    }

    #[test]
    fn sets_the_variables_that_a_program_writes() {
        let (result, environment) = run_script(r#"echo "A = \"$GIVEN, $(basename $PWD)\"" >&3"#);
        result.unwrap();
        let value = environment.get(OsStr::new("A")).unwrap().to_str().unwrap();
        assert!(value.starts_with("before, ."), "{value}");
    }

    #[test]
    fn accepts_a_program_without_output() {
        run_script("true").0.unwrap();
    }

    #[test]
    fn tells_failures_apart() {
        let cause = |script| run_script(script).0.unwrap_err();
        assert!(matches!(cause("exit 3"), ExecDError::Status(_)));
        assert!(matches!(
            cause("echo 'A = 1' >&3"),
            ExecDError::NotAString(_)
        ));
        assert!(matches!(cause("echo A >&3"), ExecDError::Toml(_)));
        let missing = run(
            Path::new("/missing/helper"),
            Path::new("/"),
            &mut Environment::new(),
            &mut Signals::listen().unwrap(),
        );
        assert!(matches!(missing.unwrap_err(), ExecDError::Run(_)));
    }
}
