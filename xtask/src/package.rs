//! `cargo xtask package`: a directory that pack, a builder or a person can use as the buildpack.

mod bundle;
mod sbom;

use self::bundle::Release;
use crate::cargo::Cargo;
use crate::descriptor::Descriptor;
use crate::directory::Draft;
use crate::triple::Triple;
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use fs_err as fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The buildpack's program, which is both `bin/build` and `bin/detect`.
const BUILDPACK: &str = "watchexec-buildpack";
/// The program that the buildpack puts into images.
const LIVE_RELOAD: &str = "live-reload";
/// What a person who opens the package wants to read.
const DOCUMENTS: [&str; 3] = ["LICENSE", "README.md", "CHANGELOG.md"];

/// The choices of `cargo xtask package`.
#[derive(Args)]
pub(crate) struct Options {
    /// Put the newest watchexec of buildpack.toml inside, so that builds need no network
    #[arg(long)]
    offline: bool,

    /// Put this release archive inside instead of downloading one; it must have the checksum that
    /// buildpack.toml gives for one of its releases. May be given more than once. Implies --offline
    #[arg(long = "archive", value_name = "FILE")]
    archives: Vec<PathBuf>,

    /// Use this buildpack.toml instead of the repository's
    #[arg(long, value_name = "FILE")]
    buildpack_toml: Option<PathBuf>,

    /// Buildpack API that the package asks for: 0.10 is for lifecycles before 0.21
    #[arg(long, value_enum, value_name = "VERSION")]
    buildpack_api: Option<BuildpackApi>,

    /// Rust target to build for, {x86_64,aarch64}-unknown-linux-{gnu,musl}; this machine's gnu
    /// target unless given. Given more than once, the package has a folder for each architecture,
    /// as `pack buildpack package` reads it
    #[arg(long = "target", value_name = "TRIPLE")]
    targets: Vec<Triple>,

    /// Take the two programs from this folder instead of building them; for several targets, from
    /// a folder of it named as the target
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,

    /// Directory to make or to replace; target/package/buildpack unless given, with --offline
    /// target/package/buildpack-offline
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// The Buildpack APIs that packages are made for.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum BuildpackApi {
    #[value(name = "0.10")]
    V0_10,
    #[value(name = "0.12")]
    V0_12,
}

impl BuildpackApi {
    fn as_str(self) -> &'static str {
        match self {
            Self::V0_10 => "0.10",
            Self::V0_12 => "0.12",
        }
    }
}

impl Options {
    /// The package of one buildpack.toml for this machine.
    pub(crate) fn online(buildpack_toml: &Path, output: &Path) -> Self {
        Self {
            offline: false,
            archives: Vec::new(),
            buildpack_toml: Some(buildpack_toml.to_owned()),
            buildpack_api: None,
            targets: Vec::new(),
            binaries: None,
            output: Some(output.to_owned()),
        }
    }

    /// A package of a release: for several targets, whose programs are there.
    pub(crate) fn release(
        offline: bool,
        api: BuildpackApi,
        targets: &[Triple],
        binaries: &Path,
        output: &Path,
    ) -> Self {
        Self {
            offline,
            archives: Vec::new(),
            buildpack_toml: None,
            buildpack_api: Some(api),
            targets: targets.to_vec(),
            binaries: Some(binaries.to_owned()),
            output: Some(output.to_owned()),
        }
    }
}

/// Makes the package and returns its directory.
///
/// A package is for the architectures it has programs for: `[[targets]]` and dependencies of
/// others are left out, so that a builder of another architecture refuses it when it is made, not
/// when an app is built. An offline package offers the releases that are inside and no others, so
/// that no build with it reaches for the network.
pub(crate) fn package(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    let offline = options.offline || !options.archives.is_empty();
    let targets = targets(options)?;
    let arches: Vec<&str> = targets.iter().map(Triple::image_arch).collect();

    let mut descriptor = Descriptor::read(
        options
            .buildpack_toml
            .as_deref()
            .unwrap_or(&workspace.buildpack_toml()),
    )?;
    if let Some(api) = options.buildpack_api {
        descriptor.set_api(api.as_str());
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
        let name = if offline {
            "buildpack-offline"
        } else {
            "buildpack"
        };
        workspace.target().join("package").join(name)
    });
    let draft = Draft::beside(&output)?;
    for target in &targets {
        let programs = match (&options.binaries, targets.as_slice()) {
            (None, _) => build(workspace, target)?,
            (Some(folder), [_]) => folder.clone(),
            (Some(folder), _) => folder.join(target.as_str()),
        };
        let root = match targets.as_slice() {
            [_] => draft.path().to_owned(),
            // pack looks for these folders, and puts the common buildpack.toml into each.
            _ => draft.path().join("linux").join(target.image_arch()),
        };
        add_programs(&programs, target, &root)?;
        for document in DOCUMENTS {
            fs::copy(workspace.root().join(document), root.join(document))?;
        }
        for release in &bundled {
            release.add_to(&root, target.image_arch())?;
        }
        let description = descriptor.buildpack()?;
        let programs = [BUILDPACK, LIVE_RELOAD];
        sbom::write(workspace, &description, &programs, target, &root)?;
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
    for (index, target) in options.targets.iter().enumerate() {
        let arch = target.image_arch();
        ensure!(
            options
                .targets
                .iter()
                .skip(index + 1)
                .all(|other| other.image_arch() != arch),
            "two targets are for {arch}: a package has one program for each architecture"
        );
    }
    Ok(options.targets.clone())
}

/// Builds both programs, and returns the folder they are in.
fn build(workspace: &Workspace, target: &Triple) -> Result<PathBuf> {
    Cargo::new(workspace, "build")
        .args(["--release", "--locked", "--bins"])
        .args(["--package", BUILDPACK, "--package", LIVE_RELOAD])
        .target_dir(&workspace.target())
        .without_unwind_tables(workspace)
        .static_for(target)
        .run()?;
    Ok(workspace.target().join(target.as_str()).join("release"))
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
    // The program tells by its name which of the two it is asked for.
    fs::os::unix::fs::symlink("build", bin.join("detect"))?;
    Ok(())
}
