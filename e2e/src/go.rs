//! Programs built from Go: pack, the lifecycle and other tools from modules that pin them, and the
//! static sample application. Go's own build cache makes the second time quick.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

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

/// The version of that pack.
pub(crate) fn pack_version(program: &Path, directories: &Directories) -> Result<String> {
    if program == Path::new("pack") {
        return output(Command::new(program).arg("version"));
    }
    pinned(&directories.source("pack"), "github.com/buildpacks/pack")
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

impl Lifecycle {
    /// The tarball's address in a builder.toml.
    pub(crate) fn uri(&self) -> String {
        format!("file://{}", self.tarball.display())
    }
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

/// A tool that some examples need.
#[derive(Debug)]
pub(crate) struct Tool {
    /// Where it is.
    pub(crate) program: PathBuf,
    /// Its version.
    pub(crate) version: String,
}

/// Docker Compose, built from `e2e/compose` into this file. Returns its version.
pub(crate) fn compose(program: &Path, directories: &Directories) -> Result<String> {
    let module = directories.source("compose");
    let version = pinned(&module, "github.com/docker/compose/v2")?;
    let linker = format!("-s -w -X github.com/docker/compose/v2/internal.Version=v{version}");
    build(
        "compose",
        &module,
        &["github.com/docker/compose/v2/cmd"],
        &["-ldflags", &linker],
        program,
        directories,
    )?;
    Ok(version)
}

/// The Tilt to use: the one on PATH, else one built from `e2e/tilt`.
pub(crate) fn tilt(directories: &Directories) -> Result<Tool> {
    if is_installed("tilt") {
        let printed = output(Command::new("tilt").arg("version"))?;
        let version = printed.split(',').next().unwrap_or(&printed);
        let program = output(Command::new("sh").args(["-c", "command -v tilt"]))?;
        return Ok(Tool {
            program: PathBuf::from(program),
            version: version.trim_start_matches('v').to_owned(),
        });
    }
    let module = directories.source("tilt");
    let program = directories.target("bin/tilt");
    let flags = ["-ldflags", "-s -w"];
    let package = ["github.com/tilt-dev/tilt/cmd/tilt"];
    // It reads Tiltfiles by a library in C.
    build_with(
        "tilt",
        &module,
        &package,
        &flags,
        &program,
        true,
        directories,
    )?;
    Ok(Tool {
        program,
        version: pinned(&module, "github.com/tilt-dev/tilt")?,
    })
}

/// The program that reads manifests as their tools do, from `e2e/manifests`, and the version of the
/// tool whose module is given.
pub(crate) fn manifests(of: &str, directories: &Directories) -> Result<(PathBuf, String)> {
    let module = directories.source("manifests");
    let program = directories.target("bin/manifests");
    build("manifests", &module, &["."], &[], &program, directories)?;
    Ok((program, pinned(&module, of)?))
}

/// The version of a dependency in a module.
fn pinned(module: &Path, dependency: &str) -> Result<String> {
    let mut command = Command::new("go");
    command.args(["list", "-m", "-f", "{{.Version}}", dependency]);
    let version = output(command.current_dir(module))?;
    Ok(version.trim_start_matches('v').to_owned())
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
    build_with(name, module, packages, flags, output, false, directories)
}

fn build_with(
    name: &str,
    module: &Path,
    packages: &[&str],
    flags: &[&str],
    output: &Path,
    with_c: bool,
    directories: &Directories,
) -> Result<()> {
    // Several cases may need the same program.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    logged(
        Command::new("go")
            .arg("build")
            .args(["-trimpath", "-mod=readonly"])
            .args(flags)
            .arg("-o")
            .arg(output)
            .args(packages)
            .current_dir(module)
            .env("CGO_ENABLED", if with_c { "1" } else { "0" }),
        &directories.log(&format!("go-build-{name}")),
    )
}
