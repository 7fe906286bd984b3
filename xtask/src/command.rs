//! Programs that tasks run.

use crate::workspace;
use anyhow::Result;
use std::process::Command;

pub(crate) use harness::command::run;

/// Runs a program and returns its standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    Ok(harness::command::output(command)?.into_bytes())
}

/// Cargo, at the root of the checkout.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = harness::cargo();
    command.current_dir(workspace::root()).arg(subcommand);
    command
}
