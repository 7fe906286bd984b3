//! A release, made from this checkout and published to a registry on loopback, and its programs for
//! arm64, which an emulator runs.
//!
//! `cargo run -p e2e -- --skip release::` leaves it out: the first time, the programs for both
//! architectures are compiled, and cosign.

pub(super) mod packages;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use harness::lifecycle::Lifecycle as Phases;
use toml::Table;

use crate::case::{Case, cases};
use crate::command::{expect_words, logged, output};
use crate::directories::{copy, log, target, workspace};
use crate::offline::{self, Registry, tool};
use crate::package::{ARCHITECTURES, Architecture, Archive, descriptor, here};
use crate::platform::Part;
use crate::terminal::Terminal;

cases![published, arm64_programs];

/// How a program for arm64 is started: the emulator passes on the name by which the program is
/// called.
const EMULATED: &str = "exec /usr/bin/qemu-aarch64-static -0 \"$1\" \"$@\"";

/// The files of a release that is not published.
struct Made {
    /// Its directory.
    dist: PathBuf,
    /// The arguments that made it, but for the directory.
    arguments: Vec<String>,
    /// The version of the buildpack.
    version: String,
}

impl Made {
    /// The directory of the package with this suffix of the version.
    fn package(&self, suffix: &str) -> PathBuf {
        let packages = self.dist.join("packages");
        packages.join(format!("{}{suffix}", self.version))
    }
}

/// The release, made once for all cases.
fn made(case: &Case<'_>) -> Result<&'static Made> {
    static MADE: Part<Made> = Part::new();

    MADE.get("release", || make(case))
}

fn make(case: &Case<'_>) -> Result<Made> {
    let mut offers = Vec::new();
    for architecture in &ARCHITECTURES {
        let other = Some(architecture.target).filter(|_| architecture.name != here().name);
        let archive = Archive::released(other)?;
        // The server keeps running without its handle.
        let (_, url) = archive.serve();
        offers.push((architecture, archive, url));
    }
    let listed: Vec<_> = (offers.iter())
        .map(|(architecture, archive, url)| (*architecture, archive, url.as_str()))
        .collect();
    let file = target("release.toml");
    let text = descriptor(&workspace().join("buildpack.toml"), &listed)?;
    fs::write(&file, &text)?;
    let mut arguments = vec!["--buildpack-toml".to_owned(), file.display().to_string()];
    for (_, archive, _) in &offers {
        arguments.extend(["--archive".to_owned(), archive.file.display().to_string()]);
    }
    let text: Table = text.parse()?;
    let version = text["buildpack"]["version"].as_str();
    let version = version.context("no version")?.to_owned();
    let dist = target("release/made");
    release(case, &arguments, &dist)?;
    Ok(Made {
        dist,
        arguments,
        version,
    })
}

/// Runs `cargo xtask release` with the suite's tools.
fn release(case: &Case<'_>, arguments: &[String], dist: &Path) -> Result<()> {
    let release = harness::task(workspace(), &["release", "--output"]);
    let mut release = case.platform.equip(release)?;
    release.arg(dist).args(arguments);
    let name = dist.file_name().unwrap_or_default().to_string_lossy();
    logged(&mut release, &log(&format!("xtask-release-{name}")))
}

/// The same release is packaged again, with the same files and images, and published. The release
/// workflow checks that the programs are the same on a different machine. The case then follows the
/// page with which users verify a release.
fn published(case: &Case<'_>) -> Result<()> {
    for name in ["cosign", "crane"] {
        tool(name)?;
    }
    offline::provide("jq", &["jq"])?;
    let first = made(case)?;
    let dist = target("release/again");
    release(case, &first.arguments, &dist)?;
    let mut diff = Command::new("diff");
    output(
        diff.args(["--recursive", "--brief"])
            .args([&first.dist, &dist]),
    )?;
    for architecture in &ARCHITECTURES {
        expect_inside(&first.package(""), architecture)?;
    }
    let notes = fs::read_to_string(dist.join("notes.md"))?;
    let changelog = fs::read_to_string(workspace().join("CHANGELOG.md"))?;
    ensure!(changelog.contains(notes.trim()), "the notes are {notes}");

    let registry = Registry::start()?;
    let image = format!("{}/live-reload/watchexec-buildpack", registry.address);
    let terminal = case.terminal()?;
    let publish = format!(
        "export COSIGN_PASSWORD=
        cosign generate-key-pair
        echo '{{\"mediaType\": \"application/vnd.dev.sigstore.signingconfig.v0.2+json\"}}' > offline.json
        publish={}
        $publish sign {dist} {image} --key cosign.key --signing-config offline.json
        # Tags that begin with sha256- are signatures.
        test -z \"$(crane ls {image} | grep -v ^sha256-)\"
        $publish tag {dist} {image}
        crane ls {image} | grep -v ^sha256-
        cp {dist}/files/* .",
        workspace().join(".github/publish.sh").display(),
        dist = dist.display(),
    );
    let tags = terminal.run(&publish, &terminal.path(""))?;
    let version = &first.version;
    let tags = tags.lines().filter(|tag| tag.starts_with(version)).count();
    let images = fs::read_dir(dist.join("images"))?.count();
    ensure!(tags == images, "{tags} tags for {images} images");
    verify(&terminal, &format!("{image}:{version}"))
}

/// Follows the page on verifying a release, in a directory with its files and key.
fn verify(terminal: &Terminal<'_>, image: &str) -> Result<()> {
    let page = terminal.page("docs/verify.md")?;
    let [setting, download, checksums, signature, sbom, used] = page.blocks()?;
    ensure!(
        download.contains("curl"),
        "the page does not download the files with curl"
    );
    let setting = setting.lines().map(|line| match line.split_once('=') {
        Some(("image", _)) => format!("image={image}\n"),
        // With the key of this release in place of GitHub's certificates.
        Some(("signer", _)) => "signer='--key cosign.pub --insecure-ignore-tlog'\n".to_owned(),
        _ => format!("{line}\n"),
    });
    let setting: String = setting.collect();
    let run = |block: &str| page.run(&format!("{setting}{block}"));
    let verified = |block: &str| run(&format!("{}{block}", signature.text));
    let crates = [
        "pkg:cargo/rustls@",
        "pkg:generic/rust-std@",
        "pkg:generic/musl@",
    ];
    expect_words(&run(&checksums)?, &["Verified OK", "linux-arm64.cnb: OK"])?;
    expect_words(&verified(&sbom)?, &crates)?;
    expect_words(&verified(&sbom.replace("amd64", "arm64"))?, &crates)?;
    expect_words(
        &verified(&used)?,
        &["claims were validated", "docker://", "@sha256:"],
    )?;
    // Another key, and a changed file.
    run(
        "COSIGN_PASSWORD= cosign generate-key-pair --output-key-prefix other
        other='--key other.pub --insecure-ignore-tlog'
        cosign verify $other \"$image\" && exit 1
        cosign verify-blob $other --bundle SHA256SUMS.sigstore.json SHA256SUMS && exit 1
        echo >> SHA256SUMS
        cosign verify-blob $signer --bundle SHA256SUMS.sigstore.json SHA256SUMS && exit 1
        true",
    )?;
    Ok(())
}

/// Checks the programs of an architecture.
fn expect_inside(package: &Path, architecture: &Architecture) -> Result<()> {
    let arch = architecture.name;
    let package = package.join("linux").join(arch);
    for name in ["build", "live-reload"] {
        let program = fs::read(package.join("bin").join(name))?;
        let has = |text: &str| {
            program
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        // A dynamic program names its loader, and one that is linked to glibc statically its
        // version.
        for other in ["/ld-", "GLIBC_", "glibc 2."] {
            ensure!(!has(other), "{name} for {arch} has {other:?} in it");
        }
        ensure!(
            !has(&workspace().display().to_string()),
            "{name} names this checkout"
        );
    }
    Ok(())
}

/// The programs of the packages for arm64 do their work: detect, build with and without a download,
/// and the tools that sync files.
fn arm64_programs(case: &Case<'_>) -> Result<()> {
    let emulator = offline::emulator()?;
    let made = made(case)?;
    let folder = tempfile::tempdir()?;
    for (suffix, logged) in [
        ("", "Downloading watchexec"),
        ("-offline", "inside the buildpack"),
    ] {
        let package = made.package(suffix);
        let buildpack = folder.path().join(format!("buildpack{suffix}"));
        copy(&package.join("linux/arm64"), &buildpack)?;
        let descriptor = "buildpack.toml";
        fs::copy(package.join(descriptor), buildpack.join(descriptor))?;
        let directory = folder.path().join(format!("build{suffix}"));
        let phases = Phases::of(&buildpack, &directory, "layers")
            .with("CNB_TARGET_ARCH", "arm64")
            .in_shell(EMULATED);
        let detect = phases.detect();
        ensure!(detect.status == 0, "detect: {}", detect.output());
        expect_words(&phases.plan(), &["[[provides]]", "watchexec"])?;
        let build = phases.build();
        ensure!(build.status == 0, "build: {}", build.output());
        expect_words(&build.stdout, &[logged, "for linux/arm64"])?;
        let installed = phases.layer().join("bin/watchexec");
        let mut watchexec = Command::new(emulator);
        let printed = output(watchexec.arg(installed).arg("--version"))?;
        expect_words(&printed, &[&case.platform.archive.version])?;
    }

    let live_reload = folder.path().join("buildpack/bin/live-reload");
    let emulated = format!("{emulator} {}", live_reload.display());
    let script = format!(
        "mkdir from to; echo v2 > from/version.txt
        tar -C from -c -f - version.txt | {emulated} tar -C to -x -f -
        cmp from/version.txt to/version.txt
        {emulated} rm -rf to/version.txt
        test ! -e to/version.txt"
    );
    output(
        Command::new("sh")
            .args(["-euc", &script])
            .current_dir(folder.path()),
    )?;
    Ok(())
}
