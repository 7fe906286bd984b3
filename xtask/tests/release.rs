//! Mistakes that `cargo xtask release` rejects before it makes a file. The suite in `e2e/` makes a
//! release.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;

/// Calls the task with a buildpack.toml of this version. Returns its error.
fn refusal(version: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("buildpack.toml");
    let ours = format!("version = \"{}\"", own_version());
    let descriptor = include_str!("../../buildpack.toml");
    assert!(descriptor.contains(&ours));
    fs::write(
        &file,
        descriptor.replacen(&ours, &format!("version = {version:?}"), 1),
    )
    .unwrap();
    let dist = folder.path().join("dist");
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["release", "--buildpack-toml"])
        .arg(&file)
        .arg("--output")
        .arg(&dist)
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!dist.exists());
    String::from_utf8(output.stderr).unwrap()
}

/// The version that Cargo.toml and buildpack.toml have.
fn own_version() -> String {
    let manifest: toml_edit::DocumentMut = include_str!("../../Cargo.toml").parse().unwrap();
    let version = manifest["workspace"]["package"]["version"].as_str();
    version.unwrap().to_owned()
}

#[test]
fn rejects_the_tag_of_another_version() {
    let version = own_version();
    let complaints = refusal(&version, &["--tag", "v9.9.9"]);
    let expected = format!("the tag of the version {version} is v{version}, not v9.9.9");
    assert!(complaints.contains(&expected), "{complaints}");
}

#[test]
fn rejects_a_buildpack_toml_of_another_version() {
    let complaints = refusal("9.9.9", &["--tag", "v9.9.9"]);
    let expected = format!(
        "buildpack.toml has the version 9.9.9, Cargo.toml has {}",
        own_version()
    );
    assert!(complaints.contains(&expected), "{complaints}");
}
