//! Programs built from Go: pack, the lifecycle and other tools from the modules in `e2e/tools` that pin
//! them, and the static sample app. Go's own build cache makes the second time quick.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;

use crate::command::{logged, output};
use crate::directories::{log, source, target};

/// Builds the tool of the module `e2e/tools/NAME` into a directory that is on the PATH of the cases.
/// Returns its version.
pub(crate) fn tool(name: &str) -> Result<String> {
    let module = source("tools").join(name);
    let (path, version) = pinned(
        &module,
        &["-f={{.Module.Path}} {{.Module.Version}}", "tool"],
    )?;
    // Compose has its version here. The linker ignores it in the other tools.
    let linker = format!("-X {path}/internal.Version=v{version}");
    let program = target("tools").join(name);
    build(&module, "tool", &linker, &program)?;
    // The docker client finds Compose as a plugin.
    let plugins = target("docker/cli-plugins");
    if name == "compose" && !plugins.exists() {
        fs::create_dir_all(&plugins)?;
        // Relative, so that the checkout can be moved.
        symlink("../../tools/compose", plugins.join("docker-compose"))?;
    }
    Ok(version)
}

/// The programs of Kubernetes, all of them one program.
pub(super) const KUBERNETES: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
];

/// Builds Kubernetes, with `kubectl` on the PATH of the cases. Returns its version.
pub(crate) fn kubernetes() -> Result<String> {
    let module = source("tools/kube");
    let kubernetes = ["-m", "-f={{.Path}} {{.Version}}", "k8s.io/kubernetes"];
    let (_, version) = pinned(&module, &kubernetes)?;
    // The components compare their versions.
    let set = |package: &str| format!("-X k8s.io/{package}/version.gitVersion=v{version}");
    let linker = [set("component-base"), set("client-go/pkg")].join(" ");
    build(&module, ".", &linker, &target("tools/kube"))?;
    let kubectl = target("tools/kubectl");
    if !kubectl.is_symlink() {
        symlink("kube", kubectl)?;
    }
    Ok(version)
}

/// Builds the programs of kpack into a directory. Returns the version, and the directory of the module,
/// which has kpack's manifests.
pub(super) fn kpack(programs: &Path) -> Result<(String, PathBuf)> {
    let module = source("tools/kpack");
    fs::create_dir_all(programs)?;
    build(&module, "tool", "", programs)?;
    let kpack = "github.com/pivotal/kpack";
    let (directory, version) = pinned(&module, &["-m", "-f={{.Dir}} {{.Version}}", kpack])?;
    Ok((version, directory.into()))
}

/// The lifecycle, as `pack builder create` takes it.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    /// Its version.
    pub(crate) version: String,
    /// The directory of its descriptor and its programs.
    pub(crate) directory: PathBuf,
    /// A tarball of the directory.
    tarball: PathBuf,
}

impl Lifecycle {
    /// Builds it.
    pub(crate) fn provide() -> Result<Self> {
        let module = source("tools/lifecycle");
        let (path, version) = pinned(
            &module,
            &["-f={{.Module.Path}} {{.Module.Version}}", "tool"],
        )?;
        let directory = target("lifecycle/files");
        let programs = directory.join("lifecycle");
        fs::create_dir_all(&programs)?;
        // The lifecycle refuses to run without a version of its own.
        let linker = format!("-X {path}/cmd.Version={version}");
        build(&module, "tool", &linker, &programs)?;

        // The phases are one program under different names (cmd/lifecycle/main.go).
        let phases = "analyzer builder creator detector exporter extender rebaser restorer";
        for phase in phases.split(' ') {
            let link = programs.join(phase);
            if !link.is_symlink() {
                symlink("lifecycle", &link)?;
            }
        }
        let descriptor = "lifecycle.toml";
        fs::copy(module.join(descriptor), directory.join(descriptor))?;
        let tarball = target("lifecycle/lifecycle.tgz");
        let mut tar = Command::new("tar");
        tar.args(["-cz", "--owner=0", "--group=0", "-f"])
            .arg(&tarball);
        output(
            tar.arg("-C")
                .arg(&directory)
                .args([descriptor, "lifecycle"]),
        )?;
        Ok(Self {
            version,
            directory,
            tarball,
        })
    }

    /// Its table in a builder.toml.
    pub(crate) fn entry(&self) -> String {
        let uri = format!("file://{}", self.tarball.display());
        format!("[lifecycle]\nuri = {uri:?}")
    }
}

/// The directory of the static sample app.
pub(crate) fn static_app() -> Result<PathBuf> {
    let app = target("apps/static");
    fs::create_dir_all(&app)?;
    build(&source("apps/static"), ".", "", &app.join("server"))?;
    fs::write(app.join("version.txt"), "v1\n")?;
    fs::write(app.join("start"), "/workspace/server\n")?;
    Ok(app)
}

/// The path and version of the first module that `go list` prints.
fn pinned(module: &Path, list: &[&str]) -> Result<(String, String)> {
    let mut go = Command::new("go");
    let listed = output(go.arg("list").args(list).current_dir(module))?;
    let first = listed.lines().next().and_then(|line| line.split_once(" v"));
    let (path, version) = first.with_context(|| format!("{listed:?} has no version"))?;
    Ok((path.to_owned(), version.to_owned()))
}

/// Several cases may build the same program.
static TURN: Mutex<()> = Mutex::new(());

/// Builds a package, or all tools, of a module. The programs are static, so that they run in any image.
fn build(module: &Path, package: &str, linker: &str, output: &Path) -> Result<()> {
    // Tilt needs C to read Tiltfiles, and runs on this machine only.
    let with_c = module.ends_with("tilt");
    let name = module.file_name().unwrap_or_default().to_string_lossy();
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-mod=readonly", "-o"])
        .arg(output)
        // The linker drops debug information, so that compiling without it only saves time.
        .args([
            "-gcflags=all=-dwarf=false",
            &format!("-ldflags=-s -w {linker}"),
        ])
        .arg(package)
        .current_dir(module)
        .env("CGO_ENABLED", if with_c { "1" } else { "0" });
    logged(&mut go, &log(&format!("go-build-{name}")))
}
