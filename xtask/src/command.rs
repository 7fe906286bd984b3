//! Programs that tasks run.

use crate::workspace;
use std::process::Command;

pub(crate) use harness::command::{output, run};

/// Cargo, at the root of the checkout.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut command = harness::cargo();
    command.current_dir(workspace::root()).arg(subcommand);
    command
}
