//! Running cargo from a program that cargo runs.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::{Command, Stdio};

/// A cargo command with the environment of a shell.
///
/// Cargo tells each program that it runs about the program's package. A build script that asks for
/// these variables, such as that of ring, would run again whenever another package's program starts
/// cargo, which would rebuild all dependents of the crate.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_PKG_") {
            command.env_remove(name);
        }
    }
    command
}

/// A task of `cargo xtask` in the checkout `root`.
///
/// A program that cargo runs asks cargo for it. One that is run by its path, as in CI, uses the
/// program beside it, which was built together with it: for `xtask` alone, cargo would compile
/// crates again that the whole workspace builds with other features.
pub fn task(root: &Path, arguments: &[&str]) -> Command {
    let built = std::env::current_exe().map(|own| own.with_file_name("xtask"));
    let mut command = match (std::env::var_os("CARGO"), built) {
        (None, Ok(built)) if built.is_file() => Command::new(built),
        _ => {
            let mut cargo = cargo();
            cargo.arg("xtask");
            cargo
        }
    };
    command.args(arguments).current_dir(root);
    command
}

/// Runs a task of `cargo xtask`, and returns the last line of its output, which names what it made.
/// Its progress goes to `progress`.
///
/// # Errors
/// The task cannot be run, fails, or has no output.
pub fn xtask(root: &Path, arguments: &[&str], progress: impl Into<Stdio>) -> Result<String> {
    let output = task(root, arguments)
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
