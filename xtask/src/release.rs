//! `cargo xtask release`: all files of a release, and its images, out of the programs that were
//! built for each target. The release workflow calls this; so can a person.

use crate::descriptor::Descriptor;
use crate::package::{self, BuildpackApi};
use crate::triple::Triple;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use clap::Args;
use fs_err as fs;
use libcnb::data::buildpack::Buildpack;
use libcnb::data::sbom::SBOM_FORMATS;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml_edit::DocumentMut;
use watchexec_buildpack::checksum::Checksum;
use watchexec_buildpack::sbom::extension;

/// What a release is built for. The programs have to run on any image, so nothing but static ones
/// will do.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];
/// What the files of a release are called, before the version.
const NAME: &str = "watchexec-buildpack";

/// The choices of `cargo xtask release`.
#[derive(Args)]
pub(crate) struct Options {
    /// Tag of the release: `v` and the version of the buildpack
    #[arg(long, value_name = "TAG")]
    tag: String,

    /// Folder with the two programs of each target, in a folder of it named as the target
    #[arg(long, value_name = "DIR")]
    binaries: PathBuf,

    /// Image to publish, without a tag; nothing is published unless it is given
    #[arg(long, value_name = "IMAGE")]
    publish: Option<String>,
}

/// One of the packages of a release.
#[derive(Clone, Copy)]
struct Variant {
    offline: bool,
    api: BuildpackApi,
}

impl Variant {
    /// The one that most want comes first.
    const ALL: [Self; 4] = [
        Self::new(false, BuildpackApi::V0_12),
        Self::new(true, BuildpackApi::V0_12),
        Self::new(false, BuildpackApi::V0_10),
        Self::new(true, BuildpackApi::V0_10),
    ];

    const fn new(offline: bool, api: BuildpackApi) -> Self {
        Self { offline, api }
    }

    /// What is added to a version.
    fn suffix(self) -> &'static str {
        match (self.offline, self.api) {
            (false, BuildpackApi::V0_12) => "",
            (true, BuildpackApi::V0_12) => "-offline",
            (false, BuildpackApi::V0_10) => "-api0.10",
            (true, BuildpackApi::V0_10) => "-offline-api0.10",
        }
    }
}

/// A published image.
struct Image<'a> {
    name: &'a str,
    /// `sha256:<hex>`
    digest: String,
}

impl Image<'_> {
    fn reference(&self) -> String {
        format!("{}@{}", self.name, self.digest)
    }

    fn sum(&self) -> String {
        format!(
            "{}  {}",
            self.digest.trim_start_matches("sha256:"),
            self.name
        )
    }
}

/// Makes `target/dist`, and publishes the images where that is asked for:
///
/// | there | is |
/// |---|---|
/// | `files/` | what is downloaded from a release: packages, SBOMs, `SHA256SUMS` |
/// | `notes.md` | what CHANGELOG.md says of the release |
/// | `images` | the published images by their digests |
/// | `image-sums` | the same in the form of `SHA256SUMS` |
/// | `registry-entry.md` | what the buildpack registry is asked for, once an image is published |
pub(crate) fn release(workspace: &Workspace, options: &Options) -> Result<PathBuf> {
    let buildpack = Descriptor::read(&workspace.buildpack_toml())?.buildpack()?;
    let version = version(workspace, &buildpack, &options.tag)?;
    let changelog = fs::read_to_string(workspace.root().join("CHANGELOG.md"))?;
    let notes = notes(&changelog, &version)
        .with_context(|| format!("CHANGELOG.md has no section for {version}"))?;

    let dist = workspace.target().join("dist");
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
    let mut images = Vec::new();
    for variant in Variant::ALL {
        let suffix = variant.suffix();
        let directory = package::package(
            workspace,
            &package::Options::release(
                variant.offline,
                variant.api,
                &targets,
                &options.binaries,
                &dist.join(format!("buildpack{suffix}")),
            ),
        )?;
        // pack adds the platform to the name.
        let file = files.join(format!("{NAME}-{version}{suffix}.cnb"));
        pack(&directory, &file, &["--format", "file"])?;
        if let Some(image) = &options.publish {
            let tagged = format!("{image}:{version}{suffix}");
            pack(&directory, &tagged, &["--publish"])?;
            images.push(Image {
                name: image,
                digest: digest(&tagged)?,
            });
        }
        if suffix.is_empty() {
            for target in &targets {
                copy_sboms(&directory, target.image_arch(), &version, &files)?;
            }
        }
    }
    fs::write(files.join("SHA256SUMS"), lines(sums(&files)?))?;
    fs::write(
        dist.join("images"),
        lines(images.iter().map(Image::reference)),
    )?;
    fs::write(
        dist.join("image-sums"),
        lines(images.iter().map(Image::sum)),
    )?;
    // The first package is the one that most want.
    if let Some(image) = images.first() {
        let entry = registry_entry(&buildpack, &image.reference());
        fs::write(dist.join("registry-entry.md"), entry)?;
    }
    Ok(dist)
}

/// The version to release, which is the same wherever it is written.
fn version(workspace: &Workspace, buildpack: &Buildpack, tag: &str) -> Result<String> {
    let version = buildpack.version.to_string();
    let manifest: DocumentMut = fs::read_to_string(workspace.root().join("Cargo.toml"))?.parse()?;
    let of_crate = manifest["package"]["version"].as_str().unwrap_or_default();
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
    let status = Command::new("pack")
        .args(["buildpack", "package"])
        .arg(destination)
        .arg("--path")
        .arg(directory)
        .args(more)
        .status()
        .context("pack cannot be run: is it installed?")?;
    ensure!(status.success(), "pack buildpack package failed ({status})");
    Ok(())
}

/// The digest of a published image, which pack does not say.
fn digest(image: &str) -> Result<String> {
    let output = Command::new("crane")
        .args(["digest", image])
        .output()
        .context("crane cannot be run: is it installed?")?;
    ensure!(
        output.status.success(),
        "crane digest {image} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
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

/// The lines of a `SHA256SUMS` that `sha256sum --check` reads.
fn sums(files: &Path) -> Result<Vec<String>> {
    let mut sums = Vec::new();
    for entry in fs::read_dir(files)? {
        let entry = entry?;
        let digest = Checksum::of(&fs::read(entry.path())?).hex();
        sums.push((entry.file_name(), digest));
    }
    sums.sort();
    Ok(sums
        .into_iter()
        .map(|(name, digest)| format!("{digest}  {}", name.display()))
        .collect())
}

/// The issue that asks the buildpack registry for an entry, as its own actions write it
/// (<https://github.com/buildpacks/registry-index>).
fn registry_entry(buildpack: &Buildpack, image: &str) -> String {
    let Buildpack { id, version, .. } = buildpack;
    format!("```\nid = \"{id}\"\nversion = \"{version}\"\naddr = \"{image}\"\n```\n")
}

fn lines(lines: impl IntoIterator<Item = String>) -> String {
    lines
        .into_iter()
        .flat_map(|line| [line, "\n".to_owned()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Image, notes, registry_entry};

    #[test]
    fn the_notes_are_the_section_of_the_version() {
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
    fn the_registry_is_asked_in_its_own_form() {
        let buildpack = toml_edit::de::from_str("id = 'a/b'\nversion = '1.2.3'").unwrap();
        let image = Image {
            name: "ghcr.io/a/b",
            digest: "sha256:01".to_owned(),
        };
        assert_eq!(
            registry_entry(&buildpack, &image.reference()),
            "```\nid = \"a/b\"\nversion = \"1.2.3\"\naddr = \"ghcr.io/a/b@sha256:01\"\n```\n"
        );
        assert_eq!(image.sum(), "01  ghcr.io/a/b");
    }
}
