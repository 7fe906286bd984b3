//! Running cargo from a program that cargo runs.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// What cargo tells a program that it runs of the program's package begins with one of these.
const OF_THIS_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Cargo, as from a shell. A build script that asks for such variables, as that of ring does, would
/// run again each time that another package's program starts cargo, and with it all that needs it.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let of_this_package = name
            .to_str()
            .is_some_and(|name| OF_THIS_PACKAGE.iter().any(|start| name.starts_with(start)));
        if of_this_package {
            command.env_remove(name);
        }
    }
    command
}

/// Runs one of the repository's tasks, whose progress goes to `progress`, and returns the last line
/// of its output, which names what it made.
///
/// # Errors
/// It cannot be run, fails, or prints nothing.
pub fn xtask(root: &Path, arguments: &[&str], progress: impl Into<Stdio>) -> Result<String> {
    let output = cargo()
        .arg("xtask")
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(progress)
        .output()
        .context("cannot run cargo")?;
    let task = arguments.join(" ");
    ensure!(
        output.status.success(),
        "cargo xtask {task}: {}",
        output.status
    );
    let printed = String::from_utf8(output.stdout)?;
    let last = printed.lines().last();
    Ok(last
        .with_context(|| format!("cargo xtask {task} printed nothing"))?
        .to_owned())
}
