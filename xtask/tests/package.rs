//! `cargo xtask package` with given programs instead of compiled ones, for other architectures too.

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests"
)]

use harness::server::{Reply, Server};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use toml_edit::DocumentMut;
use watchexec_release::bundle::Bundle;
use watchexec_release::checksum::Checksum;
use watchexec_release::sbom::crates;

const AMD64: &str = "x86_64-unknown-linux-musl";
const ARM64: &str = "aarch64-unknown-linux-musl";

/// The beginning of an ELF header: `e_machine` is its bytes 18 and 19.
fn program(machine: u8) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(18, 0);
    header.extend([machine, 0]);
    header
}

/// A folder with programs for both architectures, and room for packages.
struct Workbench(TempDir);

impl Workbench {
    fn new() -> Self {
        let workbench = Self(tempfile::tempdir().unwrap());
        for (target, machine) in [(AMD64, 62), (ARM64, 183)] {
            let folder = workbench.path("programs").join(target);
            fs::create_dir_all(&folder).unwrap();
            for name in ["watchexec-buildpack", "live-reload"] {
                fs::write(folder.join(name), program(machine)).unwrap();
            }
        }
        workbench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn package(&self, output: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_xtask"))
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .args(["package", "--output"])
            .arg(self.path(output))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Packages for one target and returns the directory.
    fn packaged(&self, output: &str, target: &str, more: &[&str]) -> PathBuf {
        let programs = self.path("programs").join(target);
        let programs = programs.to_str().unwrap();
        let arguments = [&["--target", target, "--binaries", programs], more].concat();
        succeeded(&self.package(output, &arguments));
        self.path(output)
    }

    /// Writes a release archive and a buildpack.toml that lists it and others.
    fn release(&self) -> (PathBuf, PathBuf, Checksum) {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, contents) in [("watchexec", "program"), ("LICENSE", "licence")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            let path = format!("watchexec-2.8.0/{name}");
            tar.append_data(&mut header, path, contents.as_bytes())
                .unwrap();
        }
        let archive = tar.into_inner().unwrap();
        let checksum = Checksum::of(&archive);
        let file = self.path("release.tar");
        fs::write(&file, archive).unwrap();

        let root = include_str!("../../buildpack.toml");
        let official = newest("checksum");
        let buildpack_toml = self.path("buildpack.toml");
        fs::write(
            &buildpack_toml,
            root.replace(&official, &checksum.to_string()),
        )
        .unwrap();
        (file, buildpack_toml, checksum)
    }
}

/// A value of the repository's first entry: the newest watchexec, for amd64.
fn newest(key: &str) -> String {
    let root: DocumentMut = include_str!("../../buildpack.toml").parse().unwrap();
    let entry = &root["metadata"]["dependencies"][0];
    entry[key].as_str().unwrap().to_owned()
}

fn succeeded(output: &Output) {
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
}

fn refused(output: &Output, reason: &str) {
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaints}");
    assert!(complaints.contains(reason), "{complaints}");
}

fn buildpack_toml(package: &Path) -> DocumentMut {
    let text = fs::read_to_string(package.join("buildpack.toml")).unwrap();
    text.parse().unwrap()
}

/// The values of a key in an array of tables, each once.
fn values(tables: &toml_edit::Item, key: &str) -> Vec<String> {
    let mut values: Vec<String> = tables
        .as_array_of_tables()
        .unwrap()
        .iter()
        .map(|table| table[key].as_str().unwrap().to_owned())
        .collect();
    values.dedup();
    values
}

/// Everything that a package is: path, mode, time, and contents or the target of a link.
fn contents(directory: &Path) -> Vec<(PathBuf, u32, i64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let bytes = if metadata.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            pending.extend(entries.map(|entry| entry.unwrap().path()));
            Vec::new()
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            target.into_os_string().into_encoded_bytes()
        } else {
            fs::read(&path).unwrap()
        };
        let path = path.strip_prefix(directory).unwrap().to_owned();
        found.push((path, metadata.mode(), metadata.mtime(), bytes));
    }
    found.sort();
    found
}

#[test]
fn limits_a_package_to_the_architecture_of_its_programs() {
    let workbench = Workbench::new();
    for (target, arch) in [(AMD64, "amd64"), (ARM64, "arm64")] {
        let package = workbench.packaged(arch, target, &[]);
        let programs = workbench.path("programs").join(target);
        assert_eq!(
            fs::read(package.join("bin/build")).unwrap(),
            fs::read(programs.join("watchexec-buildpack")).unwrap()
        );
        assert_eq!(
            fs::read(package.join("bin/live-reload")).unwrap(),
            fs::read(programs.join("live-reload")).unwrap()
        );
        assert_eq!(
            fs::read_link(package.join("bin/detect")).unwrap(),
            Path::new("build")
        );
        for document in ["LICENSE", "README.md", "CHANGELOG.md"] {
            assert!(package.join(document).is_file(), "{document}");
        }

        let descriptor = buildpack_toml(&package);
        assert_eq!(values(&descriptor["targets"], "arch"), [arch]);
        let dependencies = &descriptor["metadata"]["dependencies"];
        assert_eq!(values(dependencies, "arch"), [arch]);
        assert_eq!(values(dependencies, "version").len(), 3);
    }
}

#[test]
fn changes_the_api_and_keeps_the_comments() {
    let workbench = Workbench::new();
    let package = workbench.packaged("package", ARM64, &["--buildpack-api", "0.10"]);
    assert_eq!(buildpack_toml(&package)["api"].as_str(), Some("0.10"));
    let text = fs::read_to_string(package.join("buildpack.toml")).unwrap();
    let comments = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        comments(&text),
        comments(include_str!("../../buildpack.toml"))
    );
}

#[test]
fn limits_a_package_to_an_execution_environment() {
    let workbench = Workbench::new();
    let programs = workbench.path("programs").join(ARM64);
    let limited = ["--exec-env", "development"];
    let package = workbench.packaged("package", ARM64, &limited);
    // As the lifecycle and pack read it; the tables of the spec fail both.
    let text = fs::read_to_string(package.join("buildpack.toml")).unwrap();
    let key = "exec-env = [\"development\"]\n";
    assert!(text.contains(key), "{text}");
    assert_eq!(
        text.replace(key, ""),
        fs::read_to_string(
            workbench
                .packaged("ordinary", ARM64, &[])
                .join("buildpack.toml")
        )
        .unwrap()
    );

    // A buildpack.toml that has the key already.
    let file = package.join("buildpack.toml");
    let again = ["--buildpack-toml", file.to_str().unwrap()];
    let again = workbench.packaged("again", ARM64, &[&limited[..], &again].concat());
    assert_eq!(
        fs::read_to_string(again.join("buildpack.toml")).unwrap(),
        text
    );

    // Older lifecycles would ignore the key, and the package would take part in each build.
    let older = ["--exec-env", "development", "--buildpack-api", "0.10"];
    let target = ["--target", ARM64, "--binaries", programs.to_str().unwrap()];
    let output = workbench.package("older", &[&older[..], &target].concat());
    refused(&output, "exec-env needs Buildpack API 0.12");
    assert!(!workbench.path("older").exists());
}

#[test]
fn packages_both_architectures_in_their_folders() {
    let workbench = Workbench::new();
    let programs = workbench.path("programs");
    succeeded(&workbench.package(
        "package",
        &[
            "--target",
            AMD64,
            "--target",
            ARM64,
            "--binaries",
            programs.to_str().unwrap(),
        ],
    ));
    let package = workbench.path("package");
    for (target, arch) in [(AMD64, "amd64"), (ARM64, "arm64")] {
        let root = package.join("linux").join(arch);
        assert_eq!(
            fs::read(root.join("bin/detect")).unwrap(),
            fs::read(programs.join(target).join("watchexec-buildpack")).unwrap()
        );
        // pack puts it there.
        assert!(!root.join("buildpack.toml").exists());
    }
    assert!(!package.join("bin").exists());
    let descriptor = buildpack_toml(&package);
    assert_eq!(values(&descriptor["targets"], "arch"), ["amd64", "arm64"]);
}

#[test]
fn lists_programs_and_crates_in_the_sboms() {
    let workbench = Workbench::new();
    let package = workbench.packaged("package", ARM64, &[]);
    let read = |name: &str| fs::read_to_string(package.join(name)).unwrap();
    let digest = Checksum::of(&program(183)).hex();
    for name in ["sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"] {
        let sbom = read(name);
        assert!(sbom.contains("live-reload/watchexec"), "{name}");
        assert!(sbom.contains("pkg:cargo/libcnb@"), "{name}");
        // The licence of the buildpack, before those of its crates.
        let (own, _) = sbom.split_once("pkg:cargo/").unwrap();
        assert!(own.contains("Apache-2.0"), "{name}");
        assert!(sbom.contains(&digest), "{name}");
        // Only crates that are linked into the programs.
        assert!(!sbom.contains("pkg:cargo/insta@"), "{name}");
        assert!(!sbom.contains("pkg:cargo/serde_derive@"), "{name}");
        assert!(
            !sbom.contains(env!("CARGO_MANIFEST_DIR").trim_end_matches("/xtask")),
            "{name} says where it was made"
        );
    }
}

#[test]
fn lists_the_crates_of_live_reload_for_the_sboms_of_images() {
    let workbench = Workbench::new();
    let package = workbench.packaged("package", AMD64, &[]);
    let program = package.join("bin/live-reload");
    let crates = crates::listed_beside(&program).unwrap().unwrap();
    let roots: Vec<&str> = (crates.iter().filter(|of| of.root))
        .map(|of| of.name.as_str())
        .collect();
    assert_eq!(roots, ["live-reload"]);
    assert!(crates.iter().any(|of| of.name == "rustix"));
    assert!(crates.iter().all(|of| of.name != "libcnb"));
}

#[test]
fn makes_the_same_package_from_the_same_programs() {
    let workbench = Workbench::new();
    let first = workbench.packaged("first", AMD64, &[]);
    let second = workbench.packaged("elsewhere/second", AMD64, &[]);
    assert_eq!(contents(&first), contents(&second));
}

#[test]
fn rejects_programs_for_another_architecture() {
    let workbench = Workbench::new();
    let programs = workbench.path("programs").join(ARM64);
    let output = workbench.package(
        "package",
        &["--target", AMD64, "--binaries", programs.to_str().unwrap()],
    );
    refused(&output, "is not a program for x86_64-unknown-linux-musl");
    assert!(!workbench.path("package").exists());
}

#[test]
fn puts_the_release_inside_an_offline_package() {
    let workbench = Workbench::new();
    let (archive, descriptor, checksum) = workbench.release();
    let package = workbench.packaged(
        "package",
        AMD64,
        &[
            "--archive",
            archive.to_str().unwrap(),
            "--buildpack-toml",
            descriptor.to_str().unwrap(),
        ],
    );
    let dependencies = &buildpack_toml(&package)["metadata"]["dependencies"];
    assert_eq!(values(dependencies, "version"), [newest("version")]);
    let sbom = fs::read_to_string(package.join("sbom.cdx.json")).unwrap();
    let inside = format!("dependencies/{}/", checksum.hex());
    assert!(sbom.contains(&inside));

    let layer = workbench.path("layer");
    let bundle = Bundle::find(&package, checksum).unwrap();
    bundle.read().unwrap().install(&layer).unwrap();
    assert_eq!(
        fs::read_to_string(layer.join("bin/watchexec")).unwrap(),
        "program"
    );
}

#[test]
fn downloads_the_release_for_an_offline_package() {
    let workbench = Workbench::new();
    let (archive, descriptor, checksum) = workbench.release();
    let archive = fs::read(archive).unwrap();
    let server = Server::http(move |request| match request.target.as_str() {
        "/release.tar" => Reply::ok(&archive),
        _ => Reply::status("404 Not Found"),
    });
    let official = newest("uri");
    let text = fs::read_to_string(&descriptor).unwrap();
    let programs = workbench.path("programs").join(AMD64);
    let package = |output: &str, path: &str| {
        fs::write(&descriptor, text.replace(&official, &server.url(path))).unwrap();
        let descriptor = descriptor.to_str().unwrap();
        let target = ["--target", AMD64, "--binaries", programs.to_str().unwrap()];
        let offline = ["--offline", "--buildpack-toml", descriptor];
        workbench.package(output, &[&target[..], &offline].concat())
    };
    succeeded(&package("package", "/release.tar"));
    assert!(Bundle::find(&workbench.path("package"), checksum).is_some());

    refused(&package("missing", "/missing.tar"), "404 Not Found");
    assert!(!workbench.path("missing").exists());
}

#[test]
fn rejects_an_archive_that_buildpack_toml_does_not_list() {
    let workbench = Workbench::new();
    let (archive, descriptor, _) = workbench.release();
    let programs = workbench.path("programs").join(AMD64);
    let package = |descriptor: &str, target: &str| {
        workbench.package(
            "package",
            &[
                "--archive",
                archive.to_str().unwrap(),
                "--buildpack-toml",
                descriptor,
                "--target",
                target,
                "--binaries",
                programs.to_str().unwrap(),
            ],
        )
    };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../buildpack.toml");
    refused(&package(root, AMD64), "which buildpack.toml does not list");
    // buildpack.toml lists this archive for another architecture.
    refused(
        &package(descriptor.to_str().unwrap(), ARM64),
        "which buildpack.toml does not list",
    );
}
