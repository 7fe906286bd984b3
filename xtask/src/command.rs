//! Programs that tasks run.

use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::process::{Command, Output, Stdio};

/// Runs a program whose output is for the person who called the task.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    // The last line of a task's own output is its result.
    finish(command.stdout(std::io::stderr())).map(drop)
}

/// Runs a program and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    Ok(finish(command.stdout(Stdio::piped()))?.stdout)
}

fn finish(command: &mut Command) -> Result<Output> {
    let name = command.get_program().display().to_string();
    let output = command
        .stderr(Stdio::inherit())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("cannot run {name}: is it installed?"))?;
    let status = output.status;
    let task = command.get_args().next().unwrap_or_default();
    ensure!(
        status.success(),
        "{name} {} failed ({status})",
        task.display()
    );
    Ok(output)
}

/// Cargo, at the root of the checkout.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = harness::cargo();
    command.current_dir(workspace::root()).arg(subcommand);
    command
}
