//! `cargo xtask release`: the programs, packages, images, SBOMs, checksums and signatures of a release.
//! The release workflow calls it, and so does the suite with a registry on loopback.

mod limits;
mod provenance;
mod signing;

use self::signing::Signer;
use crate::command::{output, run};
use crate::descriptor::Descriptor;
use crate::package;
use crate::toolchain::Toolchain;
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use fs_err as fs;
use libcnb::data::buildpack::Buildpack;
use libcnb::data::sbom::SBOM_FORMATS;
use serde_json::Value;
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
    /// Publish the images to this registry and path, and sign them and the checksums. Needs crane and
    /// cosign, and a login of theirs
    #[arg(long, value_name = "HOST/PATH")]
    registry: Option<String>,

    /// Tag of the release: `v` and the version of the buildpack, for which CHANGELOG.md has to have a
    /// section. Without one it is a trial, whose notes are what is unreleased
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// Sign with this key of cosign, without a network; otherwise with the identity of the workflow
    #[arg(long, value_name = "FILE", requires = "registry")]
    key: Option<PathBuf>,

    /// Publish only if the files have the checksums of this SHA256SUMS, of another run
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    /// Release uncommitted changes; for a trial
    #[arg(long, conflicts_with = "tag")]
    allow_dirty: bool,

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

/// The directory of the programs in that of a release, and the file of its provenance.
const PROGRAMS: &str = "programs";
const PROVENANCE: &str = "provenance.json";

/// A package of a release.
struct Variant {
    /// Suffix of the version.
    suffix: &'static str,
    /// Whether watchexec is inside.
    offline: bool,
    /// The Buildpack API.
    api: &'static str,
    /// The execution environment that it is limited to.
    exec_env: Option<&'static str>,
}

impl Variant {
    const fn new(suffix: &'static str, offline: bool, api: &'static str) -> Self {
        Self {
            suffix,
            offline,
            api,
            exec_env: None,
        }
    }

    /// Limits it to development builds.
    const fn for_development(mut self) -> Self {
        self.exec_env = Some("development");
        self
    }

    /// Its source, in the directory of a release.
    fn directory(&self, dist: &Path) -> PathBuf {
        dist.join(format!("buildpack{}", self.suffix))
    }
}

/// The packages of a release. The one that most people want comes first.
const VARIANTS: [Variant; 5] = [
    Variant::new("", false, "0.12"),
    Variant::new("-development", false, "0.12").for_development(),
    Variant::new("-offline", true, "0.12"),
    Variant::new("-api0.10", false, "0.10"),
    Variant::new("-offline-api0.10", true, "0.10"),
];

/// Makes a directory, and publishes and signs the images if asked to:
///
/// | path | contents |
/// |---|---|
/// | `files/` | the downloads of the release: packages, SBOMs, `SHA256SUMS`, its signature and provenance |
/// | `notes.md` | the section of the release in CHANGELOG.md |
/// | `programs/` | the programs, in a directory for each target |
/// | `buildpack…/` | the directories of the packages |
/// | `provenance.json` | the source and the build of the release |
/// | `images` | the published images by their digests |
/// | `registry-entry.md` | the request to the buildpack registry, once an image is published |
pub(crate) fn release(options: &Options) -> Result<PathBuf> {
    let buildpack_toml = options.buildpack_toml.clone();
    let descriptor = Descriptor::read(&buildpack_toml.unwrap_or_else(workspace::buildpack_toml))?;
    let buildpack = descriptor.buildpack()?;
    let version = version(&buildpack, options.tag.as_deref())?;
    let changelog = fs::read_to_string(workspace::root().join("CHANGELOG.md"))?;
    let unreleased = notes(&changelog, "Unreleased").filter(|_| options.tag.is_none());
    let notes = unreleased
        .or_else(|| notes(&changelog, &version))
        .with_context(|| format!("CHANGELOG.md has nothing in a section [{version}]"))?;
    let commit = provenance::commit(options.allow_dirty)?;

    let dist = (options.output.clone()).unwrap_or_else(|| workspace::target().join("dist"));
    if dist.exists() {
        fs::remove_dir_all(&dist)?;
    }
    let (files, programs) = (dist.join("files"), dist.join(PROGRAMS));
    fs::create_dir_all(&files)?;
    fs::write(dist.join("notes.md"), notes)?;

    let targets = TARGETS
        .iter()
        .map(|target| target.parse())
        .collect::<Result<Vec<Triple>>>()?;
    let mut toolchains = Vec::new();
    for target in &targets {
        toolchains.push((target, compile(target, &programs.join(target.as_str()))?));
    }
    for variant in &VARIANTS {
        let directory = packaged(options, variant, &targets, &dist)?;
        // pack adds the platform to the name.
        let file = files.join(format!("{NAME}-{version}{}.cnb", variant.suffix));
        pack(&directory, &file, &["--format", "file"])?;
        if variant.suffix.is_empty() {
            limits::check_packages(&files)?;
            for target in &targets {
                copy_sboms(&directory, target.image_arch(), &version, &files)?;
            }
        }
    }
    let sums = sums(&files)?;
    if let Some(expected) = &options.expect {
        ensure!(
            fs::read_to_string(expected)? == sums,
            "this run made other files than {}; its own are\n{sums}",
            expected.display()
        );
    }
    fs::write(files.join("SHA256SUMS"), sums)?;

    let inside = Descriptor::read(&dist.join("buildpack-offline/buildpack.toml"))?;
    let predicate = provenance::predicate(&commit, &toolchains, &inside.dependencies()?)?;
    fs::write(dist.join(PROVENANCE), format!("{predicate:#}\n"))?;
    if let Some(registry) = &options.registry {
        let signer = Signer::new(options.key.as_deref(), &dist)?;
        let images = publish(&dist, &format!("{registry}:{version}"), &signer)?;
        signer.sign_file(&files.join("SHA256SUMS"), &dist.join(PROVENANCE))?;
        let entry = registry_entry(&buildpack, &images[0]);
        fs::write(dist.join("registry-entry.md"), entry)?;
        fs::write(dist.join("images"), images.join("\n") + "\n")?;
    }
    Ok(dist)
}

/// Compiles the programs for a target into a directory. Returns the description of the toolchain.
fn compile(target: &Triple, into: &Path) -> Result<Toolchain> {
    let toolchain = Toolchain::provide(target)?;
    let built = package::build(target, &toolchain)?;
    fs::create_dir_all(into)?;
    for program in [package::BUILDPACK, package::LIVE_RELOAD] {
        fs::copy(built.join(program), into.join(program))?;
    }
    limits::check_programs(into)?;
    Ok(toolchain)
}

/// Packages the programs for all targets. Returns the directory.
fn packaged(
    options: &Options,
    variant: &Variant,
    targets: &[Triple],
    dist: &Path,
) -> Result<PathBuf> {
    let archives = if variant.offline {
        options.archives.clone()
    } else {
        Vec::new()
    };
    package::package(&package::Options {
        offline: variant.offline,
        archives,
        buildpack_toml: options.buildpack_toml.clone(),
        buildpack_api: Some(variant.api.to_owned()),
        exec_env: variant.exec_env.map(str::to_owned),
        targets: targets.to_vec(),
        binaries: Some(dist.join(PROGRAMS)),
        output: Some(variant.directory(dist)),
    })
}

/// Publishes an index for each variant, and signs it. Returns the names by digest.
fn publish(dist: &Path, image: &str, signer: &Signer) -> Result<Vec<String>> {
    let variants = VARIANTS.iter();
    variants
        .map(|variant| {
            let tagged = format!("{image}{}", variant.suffix);
            let directory = variant.directory(dist);
            pack(&directory, &tagged, &["--publish"])?;
            signed(&tagged, &directory, &dist.join(PROVENANCE), signer)
        })
        .collect()
}

/// Signs a published index and the images that it lists, and attests where they are from and what is
/// in them. Returns its name by digest.
fn signed(tagged: &str, directory: &Path, provenance: &Path, signer: &Signer) -> Result<String> {
    let (registry, _) = tagged.rsplit_once(':').unwrap_or_default();
    // pack does not print the digest.
    let digest = output(Command::new("crane").args(["digest", tagged]))?;
    let index = format!("{registry}@{}", String::from_utf8(digest)?.trim());
    signer.sign(&index)?;
    signer.attest(signing::PROVENANCE, provenance, &index)?;
    let manifest = output(Command::new("crane").args(["manifest", &index]))?;
    let manifest: Value = serde_json::from_slice(&manifest)?;
    for listed in manifest["manifests"].as_array().into_iter().flatten() {
        let (Some(digest), Some(arch)) = (
            listed["digest"].as_str(),
            listed["platform"]["architecture"].as_str(),
        ) else {
            bail!("{index} lists an image without a platform: {listed}")
        };
        let image = format!("{registry}@{digest}");
        let sbom = directory.join("linux").join(arch).join("sbom.cdx.json");
        signer.attest(signing::PROVENANCE, provenance, &image)?;
        signer.attest(signing::CYCLONEDX, &sbom, &image)?;
    }
    Ok(index)
}

/// The version to release, which buildpack.toml, Cargo.toml and a tag agree on.
fn version(buildpack: &Buildpack, tag: Option<&str>) -> Result<String> {
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

fn copy_sboms(directory: &Path, arch: &str, version: &str, files: &Path) -> Result<()> {
    for kind in SBOM_FORMATS.iter().map(|format| names(format).1) {
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
