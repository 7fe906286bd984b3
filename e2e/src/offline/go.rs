//! Programs built from Go: pack, the lifecycle and other tools from the modules in `e2e/tools` that
//! pin them. Most of what they depend on has one version in all modules, so that it is compiled
//! once: that halves the source text to compile.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;

use crate::command::{logged, output};
use crate::directories::{log, source, target};
use harness::cached;

/// Builds the tool of the module `e2e/tools/NAME` into a directory that is on the PATH of the
/// cases. Returns its version.
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

/// Compiles all tools while the platform is provided and the first cases run, which have priority:
/// steps on one core, such as linking, leave the other core idle.
pub(crate) fn compile_tools() {
    thread::spawn(|| {
        // The case that needs one reports the error.
        let _ = kubernetes();
        for name in [
            "compose",
            "tilt",
            "crane",
            "cosign",
            "skaffold",
            "actionlint",
        ] {
            let _ = tool(name);
        }
        let _ = kpack(&target("tools/kpack"));
    });
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

/// Builds Kubernetes, with `kubectl` on the PATH of the cases.
pub(crate) fn kubernetes() -> Result<()> {
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
    Ok(())
}

/// Builds the programs of kpack into a directory. Returns the version, and the directory of the
/// module, which has kpack's manifests.
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
    /// Builds the one of this module.
    pub(crate) fn provide(name: &str) -> Result<Self> {
        let module = source("tools").join(name);
        let (path, version) = pinned(
            &module,
            &["-f={{.Module.Path}} {{.Module.Version}}", "tool"],
        )?;
        let directory = target("lifecycle").join(name);
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
        let tarball = target("lifecycle").join(format!("{name}.tgz"));
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

/// The path and version of the first module that `go list` prints.
fn pinned(module: &Path, list: &[&str]) -> Result<(String, String)> {
    let mut go = Command::new("go");
    let listed = output(go.arg("list").args(list).current_dir(module))?;
    let first = listed.lines().next().and_then(|line| line.split_once(" v"));
    let (path, version) = first.with_context(|| format!("{listed:?} has no version"))?;
    Ok((path.to_owned(), version.to_owned()))
}

/// Compiles a package, or all tools, of a module once on this machine, and copies the program or
/// the directory of programs to a path. The programs are static, so that they run in any image.
fn build(module: &Path, package: &str, linker: &str, to: &Path) -> Result<()> {
    static COPIED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

    // Tilt needs C to read Tiltfiles, and runs on this machine only.
    let with_c = module.ends_with("tilt");
    let name = module.file_name().unwrap_or_default().to_string_lossy();
    let mut inputs = vec![
        output(Command::new("go").arg("version"))?,
        package.to_owned(),
        linker.to_owned(),
    ];
    for entry in fs::read_dir(module)? {
        inputs.push(fs::read_to_string(entry?.path())?);
    }
    inputs.sort();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let kept = cached(&format!("go-{name}"), &inputs, |path| {
        if to.is_dir() {
            fs::create_dir(path)?;
        }
        // The cases that share the machine have priority.
        let mut go = Command::new("nice");
        go.args(["go", "build", "-trimpath", "-mod=readonly", "-o"])
            .arg(path)
            // The linker drops debug information, so that compiling without it only saves time.
            .args([
                "-gcflags=all=-dwarf=false",
                &format!("-ldflags=-s -w {linker}"),
            ])
            // As without C, so that Tilt shares what the other tools have compiled.
            .args(["-tags=netgo,osusergo", package])
            .current_dir(module)
            // The compiler and the linker end before they need a garbage collection, which takes a
            // fifth of their time.
            .envs([("GOGC", "off"), ("GOMEMLIMIT", "3GiB")])
            .env("CGO_ENABLED", if with_c { "1" } else { "0" });
        logged(&mut go, &log(&format!("go-build-{name}")))
    })?;
    // Once in a run: another case may be starting the program.
    let mut copied = COPIED.lock().unwrap_or_else(PoisonError::into_inner);
    if copied.contains(to) {
        return Ok(());
    }
    let from = if kept.is_dir() { kept.join(".") } else { kept };
    output(
        Command::new("cp")
            .args(["-a", "--remove-destination"])
            .arg(from)
            .arg(to),
    )?;
    copied.insert(to.to_owned());
    Ok(())
}
