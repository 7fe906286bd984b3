//! A release archive made here, from the same version of watchexec on crates.io.

use super::layout::{self, Entry};
use crate::cargo::{self, Cargo};
use crate::triple::Triple;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use fs_err as fs;
use semver::Version;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shells that upstream ships completions for.
const SHELLS: [(&str, &str); 6] = [
    ("bash", "completions/bash"),
    ("elvish", "completions/elvish"),
    ("fish", "completions/fish"),
    ("nu", "completions/nu"),
    ("powershell", "completions/powershell"),
    ("zsh", "completions/zsh"),
];

/// The name of the archive for this machine.
pub(super) fn file_name(version: &Version, triple: &Triple) -> String {
    format!("{}.tar.xz", top(version, triple))
}

fn top(version: &Version, triple: &Triple) -> String {
    format!("watchexec-{version}-{triple}")
}

/// Builds watchexec and writes its archive.
///
/// Two files of an official archive are missing, since neither is in the published crate:
/// `logo.svg`, and `watchexec.1.md`, which is the manual page as pandoc converts it.
pub(super) fn write(
    workspace: &Workspace,
    version: &Version,
    triple: &Triple,
    archive: impl Write,
) -> Result<()> {
    let program = install(workspace, version, triple)?;
    let mut entries = vec![
        Entry {
            path: "watchexec",
            executable: true,
            contents: fs::read(&program)?,
        },
        // The crate does not carry it; upstream's is the plain text of the licence, as ours is.
        Entry {
            path: "LICENSE",
            executable: false,
            contents: fs::read(workspace.root().join("LICENSE"))?,
        },
        Entry {
            path: "watchexec.1",
            executable: false,
            contents: output(&program, &["--manual"])?,
        },
    ];
    if let Some(readme) = readme(version) {
        entries.push(Entry {
            path: "README.md",
            executable: false,
            contents: fs::read(readme)?,
        });
    }
    for (shell, path) in SHELLS {
        entries.push(Entry {
            path,
            executable: false,
            contents: output(&program, &["--completions", shell])?,
        });
    }
    layout::write(archive, &top(version, triple), &entries)
}

fn install(workspace: &Workspace, version: &Version, triple: &Triple) -> Result<PathBuf> {
    let root = workspace.target().join("watchexec");
    // Its own, since a build holds the lock on its folder for minutes; kept until it succeeds, so
    // that one that was interrupted goes on from there.
    let build = root.join("build");
    eprintln!(
        "Building watchexec {version} from crates.io, once. This takes about five minutes on two \
         cores."
    );
    Cargo::new(workspace, "install")
        // `--force`: it may be there from an archive that has been removed since.
        .args(["watchexec-cli", "--locked", "--force", "--version"])
        .arg(format!("={version}"))
        .arg("--root")
        .arg(&root)
        .target_dir(&build)
        .static_for(triple)
        // Upstream's release profile, which a crate cannot carry: it belongs to the workspace.
        .env("CARGO_PROFILE_RELEASE_LTO", "true")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .run()
        .with_context(|| format!("watchexec {version} could not be built"))?;
    fs::remove_dir_all(build)?;
    Ok(root.join("bin/watchexec"))
}

/// The crate's README, in the sources that cargo keeps. Another source than crates.io may keep
/// them elsewhere; the archive is as usable without it.
fn readme(version: &Version) -> Option<PathBuf> {
    let registries = fs::read_dir(cargo::home()?.join("registry/src")).ok()?;
    registries
        .flatten()
        .map(|registry| {
            registry
                .path()
                .join(format!("watchexec-cli-{version}/README.md"))
        })
        .find(|readme| readme.is_file())
}

fn output(program: &Path, args: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(program)
        .args(args)
        .output()
        .with_context(|| format!("{} cannot be run", program.display()))?;
    ensure!(
        output.status.success(),
        "watchexec {} failed: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}
