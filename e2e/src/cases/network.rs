//! Builds that cannot reach the URL of watchexec: offline packages, mappings, mirrors.

use std::path::Path;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::build::Build;
use crate::buildpacks::START;
use crate::case::{Case, cases, python_app};
use crate::command::expect_words;
use crate::package::package_offline;
use harness::certificates::Authority;
use harness::server::{Reply, Server};

cases![
    none_with_the_offline_package,
    mirror,
    mapping,
    private_mirror
];

/// The URL in buildpack.toml, which does not exist.
const ELSEWHERE: &str = "https://watchexec.invalid/releases/watchexec.tar.xz";
/// `user:pass`, as a client sends it.
const AUTHORIZATION: &str = "Basic dXNlcjpwYXNz";

/// The offline package needs no network in the build's containers.
fn none_with_the_offline_package(case: &Case<'_>) -> Result<()> {
    let package = package_offline("package-without-network")?;
    let image = case
        .build(python_app())
        .buildpacks(&[&package.to_string_lossy(), START])
        .live_reload("true")
        .arguments(&["--network", "none"])
        .image()?;
    expect_words(&image.log, &["inside the buildpack", "Verified"])?;
    image.expect_newest_watchexec()
}

/// A variable names the mirror, whose paths contain the original host.
fn mirror(case: &Case<'_>) -> Result<()> {
    let (server, _) = case.platform.archive.serve();
    let mirror = server.url("/mirror/{originalHost}");
    let build = build(case)?.env("BP_DEPENDENCY_MIRROR", &mirror);
    let image = build.image()?;
    let asked = server.requests().into_iter().map(|request| request.target);
    let expected = ["/mirror/watchexec.invalid/releases/watchexec.tar.xz"];
    ensure!(asked.eq(expected), "the mirror was not asked");
    image.expect_newest_watchexec()
}

/// A mounted binding maps the archive's checksum to a URL.
fn mapping(case: &Case<'_>) -> Result<()> {
    let archive = &case.platform.archive;
    let (server, _) = archive.serve();
    let checksum = archive.checksum().replace(':', "_");
    let url = server.url("/any-name");
    let binding = binding("dependency-mapping", &checksum, &url)?;
    let image = bound(build(case)?, binding.path()).image()?;
    ensure!(server.requests().len() == 1, "the URL was not asked for");
    image.expect_newest_watchexec()
}

/// The mirror requires a login, and a binding contains its private CA. Without the binding the build
/// fails. The log never shows the login.
fn private_mirror(case: &Case<'_>) -> Result<()> {
    let authority = Authority::new();
    let archive = Reply::ok(&case.platform.archive.contents);
    let server = Server::https(authority.server("127.0.0.1"), move |request| match request
        .headers
        .get("authorization")
    {
        Some(login) if login == AUTHORIZATION => archive.clone(),
        _ => Reply::status("401 Unauthorized"),
    });
    let mirror = server.url("").replace("//", "//user:pass@");
    let build = || -> Result<_> {
        let build = build(case)?.env("BP_DEPENDENCY_MIRROR", &mirror);
        Ok(build.env("BP_LOG_LEVEL", "DEBUG"))
    };

    let log = build()?.failure()?;
    expect_words(&log, &["no trusted connection", "ca-certificates"])?;
    ensure!(!log.contains("user:pass"), "the login is in:\n{log}");

    let binding = binding("ca-certificates", "own.pem", &authority.pem())?;
    let image = bound(build()?, binding.path()).image()?;
    ensure!(!image.log.contains("user:pass"), "the log shows the login");
    image.expect_newest_watchexec()
}

/// A build whose only watchexec has a URL that does not exist.
fn build<'a>(case: &'a Case<'_>) -> Result<Build<'a>> {
    case.build_offering(&case.platform.archive, ELSEWHERE)
}

/// A service binding of a type with one entry.
fn binding(kind: &str, entry: &str, content: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("type"), kind)?;
    fs::write(folder.path().join(entry), content)?;
    // The build runs as another user.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open)?;
    Ok(folder)
}

fn bound<'a>(build: Build<'a>, binding: &Path) -> Build<'a> {
    let mount = format!("{}:/platform/bindings/own:ro", binding.display());
    build.arguments(&["--volume", &mount])
}
