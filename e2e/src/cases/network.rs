//! Where builds take watchexec from when they cannot, or must not, reach its own address: inside
//! the buildpack, a mapping, a mirror.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use fs_err as fs;

use super::Case;
use crate::builder::START;
use crate::buildpack::{Buildpack, Offer};
use crate::pack::{Build, expect_words};
use crate::platform::Platform;
use crate::server::{Served, Server};

pub(super) const CASES: &[Case] = &[
    ("network::none_with_the_offline_package", none),
    ("network::mirror", mirror),
    ("network::mapping", mapping),
    ("network::private_mirror", private_mirror),
];

/// The address in buildpack.toml, which nobody has: a build that asks it fails.
const ELSEWHERE: &str = "https://watchexec.invalid/releases/watchexec.tar.xz";
/// `user:pass`, as a client shows it.
const AUTHORIZATION: &str = "Basic dXNlcjpwYXNz";

/// The offline package installs without any network in the build's containers.
fn none(platform: &Platform) -> Result<()> {
    let package = Buildpack::package_offline("package-without-network", &platform.directories)?;
    let image = build(
        platform,
        "network::none_with_the_offline_package",
        &package.directory,
    )
    .arguments(&["--network", "none"])
    .image()?;
    expect_words(&image.log, &["inside the buildpack", "Verified"])?;
    image.expect_watchexec(&platform.archive.version)
}

/// A mirror given by a variable, which has the original host in its paths.
fn mirror(platform: &Platform) -> Result<()> {
    let path = "mirror/watchexec.invalid/releases/watchexec.tar.xz";
    let contents = platform.archive.contents.clone();
    platform.server.serve(path, Served::whole(contents));
    let mirror = platform.server.address("mirror/{originalHost}");

    let watchexec = offering(platform, "mirror")?;
    let image = build(platform, "network::mirror", &watchexec)
        .env("BP_DEPENDENCY_MIRROR", &mirror)
        .image()?;
    ensure!(
        platform.server.requests(path) == 1,
        "the mirror was not asked"
    );
    image.expect_watchexec(&platform.archive.version)
}

/// A binding, mounted as an operator mounts one, that maps the archive's checksum to an address.
fn mapping(platform: &Platform) -> Result<()> {
    let path = "mapped/any-name";
    let contents = platform.archive.contents.clone();
    let address = platform.server.serve(path, Served::whole(contents));
    let checksum = platform.archive.checksum();
    let binding = binding("dependency-mapping", &checksum.replace(':', "_"), &address)?;

    let watchexec = offering(platform, "mapping")?;
    let image = build(platform, "network::mapping", &watchexec)
        .arguments(&["--volume", &mounted(binding.path(), "mapping")])
        .image()?;
    ensure!(
        platform.server.requests(path) == 1,
        "the address was not asked"
    );
    image.expect_watchexec(&platform.archive.version)
}

/// A mirror that asks for a login and whose certificate only a binding makes trusted. Without the
/// binding nothing is fetched; the login is never shown.
fn private_mirror(platform: &Platform) -> Result<()> {
    let name = "network::private_mirror";
    let (server, certificate) = Server::start_secure()?;
    let path = "releases/watchexec.tar.xz";
    let contents = platform.archive.contents.clone();
    server.serve(path, Served::whole(contents).to(AUTHORIZATION));
    let mirror = server.address("").replace("//", "//user:pass@");
    let watchexec = offering(platform, "private-mirror")?;
    let build = || {
        build(platform, name, &watchexec)
            .env("BP_DEPENDENCY_MIRROR", &mirror)
            .env("BP_LOG_LEVEL", "DEBUG")
    };

    let log = build().failure()?;
    expect_words(&log, &["no trusted connection", "ca-certificates"])?;
    ensure!(
        !log.contains("user:pass"),
        "the log shows the login:\n{log}"
    );

    let binding = binding("ca-certificates", "own.pem", &certificate)?;
    let image = build()
        .arguments(&["--volume", &mounted(binding.path(), "authority")])
        .image()?;
    ensure!(server.requests(path) == 1, "the mirror was not asked");
    ensure!(!image.log.contains("user:pass"), "the log shows the login");
    image.expect_watchexec(&platform.archive.version)
}

/// A copy of the buildpack whose only watchexec is at an address that nobody has.
fn offering(platform: &Platform, name: &str) -> Result<PathBuf> {
    platform
        .buildpack
        .offering(name, &Offer::new(&platform.archive, ELSEWHERE))
}

fn build<'a>(platform: &'a Platform, name: &str, watchexec: &Path) -> Build<'a> {
    Build::new(platform, name, &platform.directories.source("apps/python"))
        .buildpacks(&[&watchexec.to_string_lossy(), START])
        .live_reload("true")
}

/// A service binding of a type with one entry.
fn binding(kind: &str, entry: &str, content: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("type"), kind)?;
    fs::write(folder.path().join(entry), content)?;
    // The build's user is another one.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open)?;
    Ok(folder)
}

/// The flag of pack that mounts a binding.
fn mounted(binding: &Path, name: &str) -> String {
    format!("{}:/platform/bindings/{name}:ro", binding.display())
}
