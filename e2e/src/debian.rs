//! Debian's packages, for what the machine lacks.

use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{is_installed, logged};
use crate::directories::Directories;

/// Installs the package of a program that is not there yet; whether it had to.
pub(crate) fn provide(program: &str, packages: &[&str], directories: &Directories) -> Result<bool> {
    if is_installed(program) {
        return Ok(false);
    }
    install(packages, directories)
        .with_context(|| format!("{program} is missing and cannot be installed by apt"))?;
    Ok(true)
}

fn install(packages: &[&str], directories: &Directories) -> Result<()> {
    let log = directories.log(&format!("apt-{}", packages.join("-")));
    // Some of the machine's package sources may be out of reach; the installation itself shows
    // whether the one that matters was not.
    let _ = logged(as_root("apt-get").arg("update"), &log);
    logged(
        as_root("env")
            .args([
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "install",
                "--yes",
            ])
            .arg("--no-install-recommends")
            .args(packages),
        &log,
    )
}

/// A command with the rights of root: as it is for root itself, else by sudo, which CI's machines
/// allow without a password.
pub(crate) fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", program]);
    command
}
