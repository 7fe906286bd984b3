//! `cargo xtask release`: the programs, packages, images, SBOMs and checksums of a release. It
//! publishes and signs nothing: `.github/publish.sh` does, which runs no cargo.

mod images;
mod limits;

use self::images::Registry;
use crate::command::run;
use crate::descriptor::Descriptor;
use crate::package;
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use clap::Args;
use fs_err as fs;
use libcnb::data::sbom::SBOM_FORMATS;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml_edit::DocumentMut;
use watchexec_release::checksum::Checksum;
use watchexec_release::sbom::names;

/// The targets of a release: static, since the programs run on any image.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];
/// The names of the files of a release, before the version.
const NAME: &str = "watchexec-buildpack";

/// The choices of `cargo xtask release`.
#[derive(Args)]
pub(crate) struct Options {
    /// Tag of the release: `v` and the version of the buildpack, which needs a section in
    /// CHANGELOG.md. Without a tag it is a dry run with the notes of `[Unreleased]`
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// Put these release archives inside the offline packages instead of downloading them
    #[arg(long = "archive", value_name = "FILE")]
    archives: Vec<PathBuf>,

    /// Use this buildpack.toml instead of the repository's
    #[arg(long, value_name = "FILE")]
    buildpack_toml: Option<PathBuf>,

    /// Directory to make or to replace; target/dist unless given
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// The packages of a release, by the suffixes of their versions. The one that most people want
/// comes first.
const SUFFIXES: [&str; 5] = [
    "",
    "-development",
    "-offline",
    "-api0.10",
    "-offline-api0.10",
];

/// Makes a directory:
///
/// | path | contents |
/// |---|---|
/// | `files/` | the downloads of the release: packages, SBOMs and `SHA256SUMS` |
/// | `images/TAG/` | an OCI layout of each image |
/// | `packages/TAG/` | the directories of the packages |
/// | `notes.md` | the section of the release in CHANGELOG.md |
pub(crate) fn release(options: &Options) -> Result<PathBuf> {
    let buildpack_toml = options.buildpack_toml.clone();
    let descriptor = Descriptor::read(&buildpack_toml.unwrap_or_else(workspace::buildpack_toml))?;
    let version = version(&descriptor, options.tag.as_deref())?;
    let changelog = fs::read_to_string(workspace::root().join("CHANGELOG.md"))?;
    let unreleased = notes(&changelog, "Unreleased").filter(|_| options.tag.is_none());
    let notes = unreleased
        .or_else(|| notes(&changelog, &version))
        .with_context(|| {
            format!("CHANGELOG.md has no section [{version}], or the section is empty")
        })?;

    let dist = (options.output.clone()).unwrap_or_else(|| workspace::target().join("dist"));
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    let files = dist.join("files");
    fs::create_dir_all(&files)?;
    fs::create_dir(dist.join("images"))?;
    fs::write(dist.join("notes.md"), notes)?;

    let targets = TARGETS
        .iter()
        .map(|target| target.parse())
        .collect::<Result<Vec<Triple>>>()?;
    let registry = Registry::start()?;
    for suffix in SUFFIXES {
        let tag = format!("{version}{suffix}");
        let directory = dist.join("packages").join(&tag);
        package(options, suffix, &targets, &directory)?;
        // pack adds the platform to the name.
        let file = files.join(format!("{NAME}-{tag}.cnb"));
        pack(&directory, &file, &["--format", "file"])?;
        registry.layout(&directory, &dist.join("images").join(&tag))?;
        if suffix.is_empty() {
            limits::check_packages(&files)?;
            for target in &targets {
                let arch = target.image_arch();
                let package = directory.join("linux").join(arch);
                limits::check_programs(&package)?;
                copy_sboms(&package, &format!("{NAME}-{tag}-linux-{arch}"), &files)?;
            }
        }
    }
    fs::write(files.join("SHA256SUMS"), sums(&files)?)?;
    Ok(dist)
}

/// Packages the programs for all targets into a directory, with the choices that the suffix names.
fn package(
    options: &Options,
    suffix: &str,
    targets: &[Triple],
    directory: &Path,
) -> Result<PathBuf> {
    let has = |choice: &str| suffix.contains(choice);
    let offline = has("-offline");
    let archives = if offline {
        options.archives.clone()
    } else {
        Vec::new()
    };
    package::package(&package::Options {
        offline,
        archives,
        buildpack_toml: options.buildpack_toml.clone(),
        buildpack_api: has("-api0.10").then(|| "0.10".to_owned()),
        exec_env: has("-development").then(|| "development".to_owned()),
        targets: targets.to_vec(),
        binaries: None,
        output: Some(directory.to_owned()),
    })
}

/// The version to release, which buildpack.toml, Cargo.toml and a tag agree on.
fn version(descriptor: &Descriptor, tag: Option<&str>) -> Result<String> {
    let version = descriptor.buildpack()?.version.to_string();
    let manifest: DocumentMut =
        fs::read_to_string(workspace::root().join("Cargo.toml"))?.parse()?;
    let of_crate = manifest["workspace"]["package"]["version"]
        .as_str()
        .unwrap_or_default();
    ensure!(
        of_crate == version,
        "buildpack.toml has the version {version}, Cargo.toml has {of_crate}"
    );
    ensure!(
        tag.is_none_or(|tag| tag.strip_prefix('v') == Some(version.as_str())),
        "the tag of the version {version} is v{version}, not {}",
        tag.unwrap_or_default()
    );
    Ok(version)
}

/// The section of a version in a changelog, without its heading.
fn notes(changelog: &str, version: &str) -> Option<String> {
    let heading = format!("## [{version}]");
    let section: Vec<&str> = changelog
        .lines()
        .skip_while(|line| !line.starts_with(&heading))
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .collect();
    let text = section.join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| format!("{text}\n"))
}

fn pack(directory: &Path, destination: impl AsRef<OsStr>, more: &[&str]) -> Result<()> {
    run(Command::new("pack")
        .args(["buildpack", "package"])
        .arg(destination)
        .arg("--path")
        .arg(directory)
        .args(more))
}

/// Copies the SBOMs of a package, with this name before their extensions.
fn copy_sboms(package: &Path, name: &str, files: &Path) -> Result<()> {
    for extension in SBOM_FORMATS.iter().map(|format| names(format).1) {
        fs::copy(
            package.join(extension),
            files.join(format!("{name}.{extension}")),
        )?;
    }
    Ok(())
}

/// A `SHA256SUMS` of all files in a directory.
fn sums(files: &Path) -> Result<String> {
    let mut sums = BTreeMap::new();
    for entry in fs::read_dir(files)? {
        let entry = entry?;
        let hex = Checksum::of(&fs::read(entry.path())?).hex();
        let name = entry.file_name().display().to_string();
        sums.insert(name.clone(), format!("{hex}  {name}\n"));
    }
    Ok(sums.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::notes;

    #[test]
    fn takes_the_notes_from_the_section_of_the_version() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n- Later.\n\n\
                         ## [1.2.0] - 2026-11-01\n\n### Added\n\n- This.\n\n\
                         ## [1.1.0] - 2026-10-01\n\n- That.\n\n## [1.0.0]\n\n";
        assert_eq!(
            notes(changelog, "1.2.0").as_deref(),
            Some("### Added\n\n- This.\n")
        );
        assert_eq!(notes(changelog, "1.1.0").as_deref(), Some("- That.\n"));
        assert_eq!(notes(changelog, "1.0.0"), None, "an empty section");
        assert_eq!(notes(changelog, "2.0.0"), None);
    }
}
