//! Programs built from Go: pack, the lifecycle and other tools from modules that pin them, and the
//! static sample application. Go's own build cache makes the second time quick.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::command::{is_installed, logged, output};
use crate::directories::Directories;

/// The pack to use: the one on PATH if it is recent enough, else one built from `e2e/pack`.
pub(crate) fn pack(directories: &Directories) -> Result<PathBuf> {
    // `--exec-env` came with pack 0.40, whose behaviour the cases expect.
    let help = output(Command::new("pack").args(["build", "--help"]));
    if is_installed("pack") && help.is_ok_and(|help| help.contains("--exec-env")) {
        return Ok(PathBuf::from("pack"));
    }
    tool("pack", "github.com/buildpacks/pack", directories)
}

/// crane, which takes images apart, and serves a registry: built from `e2e/crane`.
pub(crate) fn crane(directories: &Directories) -> Result<PathBuf> {
    let package = "github.com/google/go-containerregistry/cmd/crane";
    tool("crane", package, directories)
}

/// actionlint, which checks workflows: built from `e2e/actionlint`.
pub(crate) fn actionlint(directories: &Directories) -> Result<PathBuf> {
    let package = "github.com/rhysd/actionlint/cmd/actionlint";
    tool("actionlint", package, directories)
}

/// A program of a module that does nothing but pin it.
fn tool(name: &str, package: &str, directories: &Directories) -> Result<PathBuf> {
    let program = directories.target("bin").join(name);
    let module = directories.source(name);
    build(name, &module, &[package], &[], &program, directories)?;
    Ok(program)
}

/// The lifecycle in its two forms.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    /// Its version.
    pub(crate) version: String,
    /// The directory of its programs.
    pub(crate) programs: PathBuf,
    /// The tarball that `pack builder create` takes: its descriptor and the programs.
    pub(crate) tarball: PathBuf,
}

/// Builds the lifecycle from `e2e/lifecycle`.
pub(crate) fn lifecycle(directories: &Directories) -> Result<Lifecycle> {
    let source = directories.source("lifecycle");
    let descriptor = source.join("lifecycle.toml");
    let contents: toml::Table = fs::read_to_string(&descriptor)?.parse()?;
    let version = contents
        .get("lifecycle")
        .and_then(|lifecycle| lifecycle.get("version")?.as_str())
        .with_context(|| format!("{} names no version", descriptor.display()))?;

    let programs = directories.target("lifecycle/lifecycle");
    fs::create_dir_all(&programs)?;
    // The lifecycle refuses to run without a version of its own.
    let linker = format!("-s -w -X github.com/buildpacks/lifecycle/cmd.Version={version}");
    build(
        "lifecycle",
        &source,
        &[
            "github.com/buildpacks/lifecycle/cmd/lifecycle",
            "github.com/buildpacks/lifecycle/cmd/launcher",
        ],
        &["-ldflags", &linker],
        &programs,
        directories,
    )?;

    // The phases are one program under different names (cmd/lifecycle/main.go).
    let phases = [
        "analyzer", "builder", "creator", "detector", "exporter", "extender", "rebaser", "restorer",
    ];
    for phase in phases {
        let link = programs.join(phase);
        if !link.is_symlink() {
            std::os::unix::fs::symlink("lifecycle", &link)?;
        }
    }
    fs::copy(&descriptor, directories.target("lifecycle/lifecycle.toml"))?;
    let tarball = directories.target("lifecycle.tgz");
    output(
        Command::new("tar")
            .args(["--create", "--gzip", "--owner=0", "--group=0", "--file"])
            .arg(&tarball)
            .arg("--directory")
            .arg(directories.target("lifecycle"))
            .args(["lifecycle.toml", "lifecycle"]),
    )?;
    Ok(Lifecycle {
        version: version.to_owned(),
        programs,
        tarball,
    })
}

/// A directory with the static sample application in it.
pub(crate) fn static_app(directories: &Directories) -> Result<PathBuf> {
    let app = directories.target("apps/static");
    fs::create_dir_all(&app)?;
    build(
        "static-app",
        &directories.source("apps/static"),
        &["."],
        &[],
        &app.join("server"),
        directories,
    )?;
    fs::write(app.join("version.txt"), "v1\n")?;
    fs::write(app.join("start"), "/workspace/server\n")?;
    Ok(app)
}

/// Builds packages of a module without C, so that they are static and run in any image.
fn build(
    name: &str,
    module: &Path,
    packages: &[&str],
    flags: &[&str],
    output: &Path,
    directories: &Directories,
) -> Result<()> {
    logged(
        Command::new("go")
            .arg("build")
            .args(["-trimpath", "-mod=readonly"])
            .args(flags)
            .arg("-o")
            .arg(output)
            .args(packages)
            .current_dir(module)
            .env("CGO_ENABLED", "0"),
        &directories.log(&format!("go-build-{name}")),
    )
}
