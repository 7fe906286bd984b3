//! Programs that tasks run.

use crate::toolchain::Toolchain;
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
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

/// Cargo, building static programs for `triple` without any path of this machine in them.
///
/// Naming the target keeps the flags away from build scripts and procedural macros, which cannot be
/// linked statically.
pub(crate) fn static_build(
    subcommand: &str,
    triple: &Triple,
    toolchain: &Toolchain,
    link_args: &[String],
) -> Command {
    let root = Some(workspace::root().to_owned());
    // Messages of panics contain the paths of sources. The last one that fits is taken.
    let remapped = [
        (root, "/buildpack"),
        (cargo_home(), "/cargo"),
        (toolchain.std_sources.clone(), "/rust"),
    ];
    let mut flags: Vec<String> = remapped
        .into_iter()
        .filter_map(|(from, to)| Some(format!("--remap-path-prefix={}={to}", from?.display())))
        .collect();
    flags.extend(link_args.iter().map(|arg| format!("-Clink-arg={arg}")));
    flags.push("-Ctarget-feature=+crt-static".to_owned());
    flags.extend(toolchain.flags.clone());
    let mut command = cargo(subcommand);
    command
        .envs(toolchain.variables())
        // Takes precedence over every other setting of flags, and a flag may contain a space.
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .args(["--target", triple.as_str()]);
    command
}

/// Where cargo keeps what it downloads.
fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}
