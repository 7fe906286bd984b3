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
    /// For rustc.
    flags: Vec<String>,
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
            flags: remapped(workspace),
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

    /// Leaves out of programs what only a panic that unwinds would need. Has to come before
    /// [`Self::static_for`].
    pub(crate) fn without_unwind_tables(mut self, workspace: &Workspace) -> Self {
        let script = workspace.root().join("xtask/without-unwind-tables.ld");
        for argument in [
            format!("-Wl,-T,{}", script.display()),
            // Their index would be of nothing.
            "-Wl,--no-eh-frame-hdr".to_owned(),
        ] {
            self.flags.push(format!("-Clink-arg={argument}"));
        }
        self
    }

    /// Builds for `triple`, linking everything in, with no path of this machine in the result.
    ///
    /// Naming the target is what keeps the flags away from build scripts and procedural macros,
    /// which cannot be linked statically.
    pub(crate) fn static_for(mut self, triple: &Triple) -> Self {
        let flags = triple.static_flags().iter().map(ToString::to_string);
        self.flags.extend(flags);
        // The form of the variable in which a flag may contain a space.
        self.command
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags.join("\u{1f}"))
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
