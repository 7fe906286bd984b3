//! `cargo xtask release`: all files and images of a release, from the programs built for each target.
//! The release workflow calls it.

use crate::command::{output, run};
use crate::descriptor::Descriptor;
use crate::package;
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use clap::Args;
use fs_err as fs;
use libcnb::data::buildpack::Buildpack;
use libcnb::data::sbom::SBOM_FORMATS;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml_edit::DocumentMut;
use watchexec_release::checksum::Checksum;
use watchexec_release::sbom::extension;

/// The targets of a release: static, since the programs run on any image.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];
/// The names of the files of a release, before the version.
const NAME: &str = "watchexec-buildpack";

/// The choices of `cargo xtask release`.
#[derive(Args)]
pub(crate) struct Options {
    /// Tag of the release: `v` and the version of the buildpack
    #[arg(long, value_name = "TAG")]
    tag: String,

    /// Directory with a subdirectory for each target, named like the target, with its two programs
    #[arg(long, value_name = "DIR")]
    binaries: PathBuf,

    /// Image to publish, without a tag; nothing is published unless it is given
    #[arg(long, value_name = "IMAGE")]
    publish: Option<String>,
}

/// The packages of a release: what is added to the version, whether watchexec is inside, and the
/// buildpack API. The one that most people want comes first.
const VARIANTS: [(&str, bool, &str); 4] = [
    ("", false, "0.12"),
    ("-offline", true, "0.12"),
    ("-api0.10", false, "0.10"),
    ("-offline-api0.10", true, "0.10"),
];

/// Makes `target/dist`, and publishes the images if asked to:
///
/// | path | contents |
/// |---|---|
/// | `files/` | the downloads of the release: packages, SBOMs, `SHA256SUMS` |
/// | `notes.md` | the section of the release in CHANGELOG.md |
/// | `images` | the published images by their digests |
/// | `image-sums` | the same in the form of `SHA256SUMS` |
/// | `registry-entry.md` | the request to the buildpack registry, once an image is published |
pub(crate) fn release(options: &Options) -> Result<PathBuf> {
    let buildpack = Descriptor::read(&workspace::buildpack_toml())?.buildpack()?;
    let version = version(&buildpack, &options.tag)?;
    let changelog = fs::read_to_string(workspace::root().join("CHANGELOG.md"))?;
    let notes = notes(&changelog, &version)
        .with_context(|| format!("CHANGELOG.md has no section for {version}"))?;

    let dist = workspace::target().join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    let files = dist.join("files");
    fs::create_dir_all(&files)?;
    fs::write(dist.join("notes.md"), notes)?;

    let targets = TARGETS
        .iter()
        .map(|target| target.parse())
        .collect::<Result<Vec<Triple>>>()?;
    // The references of the published images, and their lines in the form of `SHA256SUMS`.
    let (mut images, mut image_sums) = (String::new(), String::new());
    for (suffix, offline, api) in VARIANTS {
        let directory = package::package(&package::Options {
            offline,
            buildpack_api: Some(api.to_owned()),
            targets: targets.clone(),
            binaries: Some(options.binaries.clone()),
            output: Some(dist.join(format!("buildpack{suffix}"))),
            ..package::Options::default()
        })?;
        // pack adds the platform to the name.
        let file = files.join(format!("{NAME}-{version}{suffix}.cnb"));
        pack(&directory, &file, &["--format", "file"])?;
        if let Some(image) = &options.publish {
            let tagged = format!("{image}:{version}{suffix}");
            pack(&directory, &tagged, &["--publish"])?;
            // pack does not print the digest.
            let digest = output(Command::new("crane").args(["digest", &tagged]))?;
            let digest = String::from_utf8(digest)?;
            let reference = format!("{image}@{}", digest.trim());
            if suffix.is_empty() {
                let entry = registry_entry(&buildpack, &reference);
                fs::write(dist.join("registry-entry.md"), entry)?;
            }
            let hex = digest.trim().trim_start_matches("sha256:");
            images += &(reference + "\n");
            image_sums += &sum(hex, image);
        }
        if suffix.is_empty() {
            for target in &targets {
                copy_sboms(&directory, target.image_arch(), &version, &files)?;
            }
        }
    }
    fs::write(files.join("SHA256SUMS"), sums(&files)?)?;
    fs::write(dist.join("images"), images)?;
    fs::write(dist.join("image-sums"), image_sums)?;
    Ok(dist)
}

/// The version to release, which buildpack.toml, Cargo.toml and the tag agree on.
fn version(buildpack: &Buildpack, tag: &str) -> Result<String> {
    let version = buildpack.version.to_string();
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
        tag.strip_prefix('v') == Some(version.as_str()),
        "the tag of the version {version} is v{version}, not {tag}"
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

fn copy_sboms(directory: &Path, arch: &str, version: &str, files: &Path) -> Result<()> {
    for kind in SBOM_FORMATS.iter().map(extension) {
        fs::copy(
            directory.join("linux").join(arch).join(kind),
            files.join(format!("{NAME}-{version}-linux-{arch}.{kind}")),
        )?;
    }
    Ok(())
}

/// A `SHA256SUMS` of all files in a directory.
fn sums(files: &Path) -> Result<String> {
    let mut sums = Vec::new();
    for entry in fs::read_dir(files)? {
        let entry = entry?;
        let name = entry.file_name().display().to_string();
        sums.push((name, Checksum::of(&fs::read(entry.path())?).hex()));
    }
    sums.sort();
    Ok(sums.iter().map(|(name, hex)| sum(hex, name)).collect())
}

/// A line that `sha256sum --check` reads.
fn sum(hex: &str, name: &str) -> String {
    format!("{hex}  {name}\n")
}

/// The issue that requests an entry in the buildpack registry, in the form of its own actions
/// (<https://github.com/buildpacks/registry-index>).
fn registry_entry(buildpack: &Buildpack, image: &str) -> String {
    let Buildpack { id, version, .. } = buildpack;
    format!("```\nid = \"{id}\"\nversion = \"{version}\"\naddr = \"{image}\"\n```\n")
}

#[cfg(test)]
mod tests {
    use super::{notes, registry_entry};

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

    #[test]
    fn writes_the_registry_entry() {
        let buildpack = toml_edit::de::from_str("id = 'a/b'\nversion = '1.2.3'").unwrap();
        assert_eq!(
            registry_entry(&buildpack, "ghcr.io/a/b@sha256:01"),
            "```\nid = \"a/b\"\nversion = \"1.2.3\"\naddr = \"ghcr.io/a/b@sha256:01\"\n```\n"
        );
    }
}
