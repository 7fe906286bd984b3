//! Runs the commands of docs/repackaging.md in a folder with a package, and checks the result with
//! the buildpack.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::ARCHIVE;
use support::lifecycle::{Lifecycle, Outcome};
use watchexec_release::catalog::{Catalog, Dependency, Target};
use watchexec_release::checksum::Checksum;

const TEXT: &str = include_str!("../docs/repackaging.md");
/// The archive of the text's examples.
const RELEASE: &str = "watchexec-2.8.0-x86_64-unknown-linux-musl.tar.xz";

/// The commands of the text that have this name in the comment above them.
fn commands(name: &str) -> &str {
    let comment = format!("<!-- not run: tests/repackaging.rs runs it: {name} -->\n```sh\n");
    let (_, rest) = TEXT.split_once(&comment).expect("no such commands");
    let (commands, _) = rest.split_once("```").unwrap();
    commands
}

/// A folder with a package that was taken apart, and the archive of its one release.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.path("buildpack/linux/amd64")).unwrap();
        fs::write(folder.path(RELEASE), ARCHIVE).unwrap();
        // The head of the shipped file, and one release that stays unchanged.
        let shipped = include_str!("../buildpack.toml");
        let (head, _) = shipped.split_once("[[metadata.dependencies]]").unwrap();
        let place = "https://github.com/watchexec/watchexec/releases/download";
        let uri = format!("{place}/v2.8.0/{RELEASE}");
        let release = support::dependency("2.8.0", &uri, Checksum::of(ARCHIVE));
        fs::write(
            folder.path("buildpack/buildpack.toml"),
            format!("{head}{release}"),
        )
        .unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Types the commands of the text, and returns their output.
    fn run(&self, name: &str) -> String {
        let output = Command::new("sh")
            .args(["-e", "-u", "-c", commands(name)])
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {complaints}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The release that a build would install, and all versions that it chooses from.
    fn chosen(&self) -> (Dependency, Vec<String>) {
        #[derive(serde::Deserialize)]
        struct Descriptor {
            metadata: Catalog,
        }
        let text = fs::read_to_string(self.path("buildpack/buildpack.toml")).unwrap();
        let descriptor: Descriptor = toml::from_str(&text).unwrap();
        let target = Target {
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
        };
        let release = descriptor.metadata.choose(&target, &[]).unwrap();
        let available = release.available.iter().map(ToString::to_string).collect();
        (release.dependency.clone(), available)
    }

    /// Builds with the package as pack would put it into a builder.
    fn build(&self) -> (Lifecycle, Outcome) {
        let lifecycle = Lifecycle::new("").with("BP_LOG_LEVEL", "DEBUG");
        let buildpack = lifecycle.buildpack();
        fs::copy(
            self.path("buildpack/buildpack.toml"),
            buildpack.join("buildpack.toml"),
        )
        .unwrap();
        let inside = self.path("buildpack/linux/amd64/dependencies");
        if inside.exists() {
            symlink(inside, buildpack.join("dependencies")).unwrap();
        }
        let outcome = lifecycle.build();
        (lifecycle, outcome)
    }
}

fn assert_says(outcome: &Outcome, words: &str) {
    let said = outcome.output();
    assert!(said.contains(words), "no {words:?} in: {said}");
}

#[test]
fn identity() {
    let folder = Folder::new();
    support::put_inside(&folder.path("buildpack/linux/amd64"), ARCHIVE);
    folder.run("identity");
    let (lifecycle, outcome) = folder.build();
    assert_says(&outcome.assert_success(), "Watchexec Buildpack 1.0.0\n");
    let sbom = fs::read_to_string(lifecycle.layers().join("watchexec.sbom.syft.json")).unwrap();
    assert!(sbom.contains("\"name\": \"acme/watchexec\""));
}

#[test]
fn version() {
    let folder = Folder::new();
    let archive = "watchexec-2.9.0-x86_64-unknown-linux-musl.tar.xz";
    fs::write(folder.path(archive), "another archive").unwrap();
    folder.run("version");
    let (dependency, available) = folder.chosen();
    assert_eq!(available, ["2.9.0", "2.8.0"]);
    assert!(dependency.uri.ends_with(&format!("/v2.9.0/{archive}")));
    assert_eq!(dependency.checksum(), Ok(Checksum::of(b"another archive")));
}

#[test]
fn place() {
    let folder = Folder::new();
    let (before, _) = folder.chosen();
    folder.run("place");
    let (dependency, _) = folder.chosen();
    assert_eq!(
        dependency.uri,
        format!("https://files.example.com/watchexec/v2.8.0/{RELEASE}")
    );
    assert_eq!(dependency.checksum(), before.checksum());
}

#[test]
fn archive() {
    let folder = Folder::new();
    let program = folder.path("built/bin/watchexec");
    let make = |file: &Path| {
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, "program").unwrap();
        let printed = folder.run("archive");
        fs::remove_file(&program).unwrap();
        (printed, fs::read(file).unwrap())
    };
    let file = folder.path("watchexec-2.8.0-acme.tar.xz");
    let (printed, first) = make(&file);
    let (_, second) = make(&file);
    assert_eq!(first, second);

    let (checksum, _) = printed.split_once(' ').unwrap();
    let dependency = support::dependency(
        "2.8.0+acme.1",
        &format!("file://{}", file.display()),
        Checksum::from_hex(checksum).unwrap(),
    );
    let lifecycle = Lifecycle::new(&dependency);
    lifecycle.build().assert_success();
    assert_eq!(
        fs::read_to_string(lifecycle.layer().join("bin/watchexec")).unwrap(),
        "program"
    );
}
