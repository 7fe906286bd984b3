//! `cargo xtask package`: a directory that pack, a builder or a person can use as the buildpack.

mod bundle;
mod sbom;

use self::bundle::Release;
use crate::command::run;
use crate::descriptor::Descriptor;
use crate::directory::Draft;
use crate::toolchain::Toolchain;
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Result, ensure};
use clap::Args;
use fs_err as fs;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The buildpack's program, which is both `bin/build` and `bin/detect`.
pub(crate) const BUILDPACK: &str = "watchexec-buildpack";
/// The program that the buildpack puts into images.
pub(crate) const LIVE_RELOAD: &str = "live-reload";
/// The documents in a package.
const DOCUMENTS: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];

/// The choices of `cargo xtask package`.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Put the newest watchexec of buildpack.toml inside, so that builds need no network
    #[arg(long)]
    pub(crate) offline: bool,

    /// Put this release archive inside instead of downloading one; it must have the checksum that
    /// buildpack.toml gives for one of its releases. May be given more than once. Implies --offline
    #[arg(long = "archive", value_name = "FILE")]
    pub(crate) archives: Vec<PathBuf>,

    /// Use this buildpack.toml instead of the repository's
    #[arg(long, value_name = "FILE")]
    pub(crate) buildpack_toml: Option<PathBuf>,

    /// Buildpack API that the package asks for: 0.10 is for lifecycles before 0.21
    #[arg(long, value_parser = ["0.10", "0.12"], value_name = "VERSION")]
    pub(crate) buildpack_api: Option<String>,

    /// Execution environment that the package is limited to: the lifecycle skips it in all others,
    /// so that it can be a system buildpack, and needs no `optional` in an order
    #[arg(long, value_parser = ["development", "test"], value_name = "NAME")]
    pub(crate) exec_env: Option<String>,

    /// Rust target to build for, {x86_64,aarch64}-unknown-linux-{gnu,musl}; this machine's gnu
    /// target unless given. If given more than once, the package has a directory for each
    /// architecture, as `pack buildpack package` reads it
    #[arg(long = "target", value_name = "TRIPLE")]
    pub(crate) targets: Vec<Triple>,

    /// Take the two programs from this directory instead of building them; for several targets,
    /// from its subdirectory named like the target
    #[arg(long, value_name = "DIR")]
    pub(crate) binaries: Option<PathBuf>,

    /// Directory to make or to replace; target/package/buildpack unless given, with --offline
    /// target/package/buildpack-offline, with --exec-env target/package/buildpack-NAME
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// Makes the package and returns its directory.
///
/// It leaves out `[[targets]]` and dependencies of architectures that it has no programs for, so
/// that creating a builder of another architecture fails, and not a later build with it. An offline
/// package offers only the releases inside, so that no build with it needs the network.
pub(crate) fn package(options: &Options) -> Result<PathBuf> {
    let offline = options.offline || !options.archives.is_empty();
    let targets = targets(options)?;
    let arches: Vec<&str> = targets.iter().map(Triple::image_arch).collect();

    let buildpack_toml = options.buildpack_toml.clone();
    let mut descriptor =
        Descriptor::read(&buildpack_toml.unwrap_or_else(workspace::buildpack_toml))?;
    if let Some(api) = &options.buildpack_api {
        descriptor.set_api(api);
    }
    if let Some(environment) = &options.exec_env {
        descriptor.set_exec_env(environment)?;
    }
    descriptor.limit_to(&arches)?;
    let bundled = if offline {
        let bundled = bundle::releases(&descriptor, &options.archives, &arches)?;
        let checksums: Vec<_> = bundled.iter().map(Release::checksum).collect();
        descriptor.retain_checksums(&checksums)?;
        bundled
    } else {
        Vec::new()
    };

    let output = options.output.clone().unwrap_or_else(|| {
        let mut name = "buildpack".to_owned();
        for suffix in offline
            .then_some("offline")
            .into_iter()
            .chain(options.exec_env.as_deref())
        {
            name = format!("{name}-{suffix}");
        }
        workspace::target().join("package").join(name)
    });
    let draft = Draft::beside(&output)?;
    for target in &targets {
        let (programs, libraries) = match (&options.binaries, targets.as_slice()) {
            (None, _) => {
                let toolchain = Toolchain::provide(target)?;
                (build(target, &toolchain)?, sbom::libraries(&toolchain))
            }
            // What these are linked to is not known.
            (Some(folder), [_]) => (folder.clone(), Vec::new()),
            (Some(folder), _) => (folder.join(target.as_str()), Vec::new()),
        };
        let root = match targets.as_slice() {
            [_] => draft.path().to_owned(),
            // pack looks for these directories, and copies the common buildpack.toml into each.
            _ => draft.path().join("linux").join(target.image_arch()),
        };
        add_programs(&programs, target, &root)?;
        for document in DOCUMENTS {
            fs::copy(workspace::root().join(document), root.join(document))?;
        }
        for release in &bundled {
            release.add_to(&root, target.image_arch())?;
        }
        let description = descriptor.buildpack()?;
        sbom::write(&description, target, &libraries, &root)?;
    }
    fs::write(draft.path().join("buildpack.toml"), descriptor.to_string())?;
    draft.publish(&output)?;
    Ok(output)
}

/// The targets to package for, one for each architecture.
fn targets(options: &Options) -> Result<Vec<Triple>> {
    if options.targets.is_empty() {
        return Ok(vec![Triple::host()?]);
    }
    let arches: BTreeSet<&str> = options.targets.iter().map(Triple::image_arch).collect();
    ensure!(
        arches.len() == options.targets.len(),
        "two targets have the same architecture: a package has one program for each"
    );
    Ok(options.targets.clone())
}

/// Builds both programs and returns their directory.
pub(crate) fn build(target: &Triple, toolchain: &Toolchain) -> Result<PathBuf> {
    let link_args = [
        // Leaves out the tables that only an unwinding panic needs. Relative to the checkout, in
        // which rustc runs, since cargo hashes flags into the names of symbols.
        "-Wl,-T,xtask/without-unwind-tables.ld".to_owned(),
        // An index of the tables that are left out.
        "-Wl,--no-eh-frame-hdr".to_owned(),
    ];
    run(toolchain
        .static_build("build", target, &link_args)
        .args(["--release", "--locked", "--bins"])
        .args(["--package", BUILDPACK, "--package", LIVE_RELOAD])
        .arg("--target-dir")
        .arg(workspace::target()))?;
    Ok(workspace::target().join(target.as_str()).join("release"))
}

/// Puts the programs where the lifecycle (`bin/build`, `bin/detect`) and the buildpack
/// (`bin/live-reload`) look for them.
fn add_programs(programs: &Path, target: &Triple, root: &Path) -> Result<()> {
    let bin = root.join("bin");
    fs::create_dir_all(&bin)?;
    for (program, name) in [(BUILDPACK, "build"), (LIVE_RELOAD, LIVE_RELOAD)] {
        let program = programs.join(program);
        let contents = fs::read(&program)?;
        ensure!(
            target.is_program(&contents),
            "{} is not a program for {target}",
            program.display()
        );
        let path = bin.join(name);
        fs::write(&path, contents)?;
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755))?;
    }
    // The name by which the program is called selects the phase.
    fs::os::unix::fs::symlink("build", bin.join("detect"))?;
    Ok(())
}
