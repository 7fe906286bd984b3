//! Running cargo from a program that cargo runs.

use crate::triple::Triple;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A cargo command. Its progress goes to standard error, as cargo writes it.
pub(crate) struct Cargo {
    command: Command,
    name: String,
    remapped: Vec<String>,
}

impl Cargo {
    pub(crate) fn new(workspace: &Workspace, subcommand: &str) -> Self {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(workspace.root()).arg(subcommand);
        // A setting of the person's for their own builds would change what is shipped.
        for variable in [
            "RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
        ] {
            command.env_remove(variable);
        }
        Self {
            command,
            name: subcommand.to_owned(),
            remapped: remapped(workspace),
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn target_dir(self, directory: &Path) -> Self {
        self.arg("--target-dir").arg(directory)
    }

    /// Builds for `triple`, linking everything in, with no path of this machine in the result.
    ///
    /// Naming the target is what keeps the flags away from build scripts and procedural macros,
    /// which cannot be linked statically.
    pub(crate) fn static_for(mut self, triple: &Triple) -> Self {
        let flags: Vec<&str> = triple
            .static_flags()
            .iter()
            .copied()
            .chain(self.remapped.iter().map(String::as_str))
            .collect();
        // The form of the variable in which a flag may contain a space.
        self.command
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .arg("--target")
            .arg(triple.as_str());
        self
    }

    /// Runs it, and returns what it wrote to standard output.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self
            .command
            .stderr(Stdio::inherit())
            .output()
            .context("cargo cannot be run: is Rust installed?")?;
        ensure!(
            output.status.success(),
            "cargo {} failed ({})",
            self.name,
            output.status
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    pub(crate) fn run(mut self) -> Result<()> {
        let status = self
            .command
            .status()
            .context("cargo cannot be run: is Rust installed?")?;
        ensure!(status.success(), "cargo {} failed ({status})", self.name);
        Ok(())
    }
}

/// Where cargo keeps what it downloads.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// Messages of panics contain paths of sources. Where those are on the machine that builds is
/// nobody's business, and would make the same sources give different programs.
fn remapped(workspace: &Workspace) -> Vec<String> {
    let places = [
        (Some(workspace.root().to_owned()), "/buildpack"),
        (home(), "/cargo"),
    ];
    places
        .into_iter()
        .filter_map(|(from, to)| Some(format!("--remap-path-prefix={}={to}", from?.display())))
        .collect()
}
