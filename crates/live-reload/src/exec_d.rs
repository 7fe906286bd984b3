//! The programs that a process type has for itself: `<layer>/exec.d/<type>/`.
//!
//! The launcher has run those that all processes have; a second launcher would run them again, at
//! each restart. Each program writes variables as TOML to its file descriptor 3 (buildpack
//! specification, "Exec.d").

use crate::environment::Environment;
use crate::signals::Signals;
use command_fds::{CommandFdExt, FdMapping};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use toml::de::DeTable;

/// The descriptor that the programs write to.
const OUTPUT_DESCRIPTOR: i32 = 3;

/// An exec.d program that did not do its part.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", program.display())]
pub(crate) struct ExecDError {
    /// The program.
    pub(crate) program: PathBuf,
    /// What happened.
    pub(crate) cause: ExecDFailure,
}

/// What can happen to an exec.d program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecDFailure {
    /// It cannot be run.
    #[error("it cannot be run ({0})")]
    Run(#[from] io::Error),
    /// It says that it failed.
    #[error("it ended with {0}")]
    Status(ExitStatus),
    /// It wrote something else than TOML.
    #[error("it wrote what is not TOML ({0})")]
    Toml(#[from] toml::de::Error),
    /// A variable that is not a text.
    #[error("it gave the variable `{0}` a value that is not a text")]
    NoText(String),
}

/// Runs a program in the app directory, and takes the variables that it gives. A stop signal kills the
/// program, which then counts as failed.
///
/// # Errors
/// It cannot be run, fails, or writes something else.
pub(crate) fn run(
    program: &Path,
    app_directory: &Path,
    environment: &mut Environment,
    signals: &mut Signals,
) -> Result<(), ExecDError> {
    output_of(program, app_directory, environment, signals)
        .and_then(|output| set_variables(&output, environment))
        .map_err(|cause| ExecDError {
            program: program.to_owned(),
            cause,
        })
}

fn set_variables(output: &str, environment: &mut Environment) -> Result<(), ExecDFailure> {
    for (name, value) in DeTable::parse(output)?.get_ref() {
        let name = name.get_ref();
        let text = value.get_ref().as_str();
        let text = text.ok_or_else(|| ExecDFailure::NoText(name.to_string()))?;
        environment.set(name.as_ref(), text);
    }
    Ok(())
}

fn output_of(
    program: &Path,
    app_directory: &Path,
    environment: &Environment,
    signals: &mut Signals,
) -> Result<String, ExecDFailure> {
    let (reader, writer) = io::pipe()?;
    let mut command = Command::new(program);
    command
        .current_dir(app_directory)
        .env_clear()
        .envs(environment.iter())
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
    // Read meanwhile: a full pipe blocks the program.
    let output = thread::Builder::new().spawn(|| io::read_to_string(reader))?;
    let status = loop {
        if signals.stop().is_some() {
            killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL).ok();
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        // SIGCHLD ends the wait too.
        signals.wait(None)?;
    };
    if !status.success() {
        return Err(ExecDFailure::Status(status));
    }
    let output = output.join();
    Ok(output.map_err(|_| io::Error::other("reading its output failed"))??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;

    /// A file that anyone has open for writing cannot be executed, and each process that is started
    /// has for a moment all files open that this one has.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    fn run_script(script: &str) -> (Result<(), ExecDError>, Environment) {
        let _guard = ONE_AT_A_TIME.lock().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("helper");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut environment = Environment::current();
        environment.set("GIVEN", "before");
        let mut signals = Signals::listen().unwrap();
        let result = run(&program, directory.path(), &mut environment, &mut signals);
        (result, environment)
    }

    #[test]
    fn takes_the_variables_that_a_program_writes() {
        let (result, environment) = run_script(r#"echo "A = \"$GIVEN, $(basename $PWD)\"" >&3"#);
        result.unwrap();
        let value = environment.get("A").unwrap().to_str().unwrap();
        assert!(value.starts_with("before, ."), "{value}");
    }

    #[test]
    fn a_program_may_write_nothing() {
        run_script("true").0.unwrap();
    }

    #[test]
    fn a_failure_is_the_launchs() {
        let cause = |script| run_script(script).0.unwrap_err().cause;
        assert!(matches!(cause("exit 3"), ExecDFailure::Status(_)));
        assert!(matches!(cause("echo 'A = 1' >&3"), ExecDFailure::NoText(_)));
        assert!(matches!(cause("echo A >&3"), ExecDFailure::Toml(_)));
        let missing = run(
            Path::new("/missing/helper"),
            Path::new("/"),
            &mut Environment::current(),
            &mut Signals::listen().unwrap(),
        );
        assert!(matches!(missing.unwrap_err().cause, ExecDFailure::Run(_)));
    }
}
