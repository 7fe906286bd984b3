//! Builds that do not reach GitHub: the commands of docs/networks.md, with servers of the suite in
//! place of those on the page.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use toml::Table;

use crate::case::{Case, cases};
use crate::command::expect_words;
use crate::directories::copy;
use crate::package::offering;
use crate::printed;
use crate::terminal::Terminal;
use harness::certificates::Authority;
use harness::server::{Reply, Server, Tunnel};

cases![mirror, proxy, private_mirror, mapping];

const PAGE: &str = "docs/networks.md";
const MIRROR: &str = "https://mirror.example.com";
/// `user:pass`, as a client sends it.
const AUTHORIZATION: &str = "Basic dXNlcjpwYXNz";
const BINDING: &str = "--volume \"$PWD/bindings/certificates:/platform/bindings/certificates\"";

/// A variable names the mirror, whose paths contain the original host.
fn mirror(case: &Case<'_>) -> Result<()> {
    let (server, _) = case.platform.archive.serve();
    let terminal = terminal(case)?;
    let page = terminal.page(PAGE)?;
    let [build] = page.blocks()?;
    page.follow(&build.with(MIRROR, &server.url("/mirror")))?;
    let asked = server.requests().into_iter().map(|request| request.target);
    ensure!(
        asked.eq([published(case)?.replace("https://", "/mirror/")]),
        "the mirror was not asked"
    );
    terminal.image("my-app").expect_newest_watchexec()
}

/// pack passes the proxy on to the build. The server behind it has a private CA.
fn proxy(case: &Case<'_>) -> Result<()> {
    let authority = Authority::new();
    let archive = Reply::ok(&case.platform.archive.contents);
    let server = Server::https(authority.server("github.com"), move |_| archive.clone());
    let tunnel = Tunnel::to(server.address());
    let terminal = terminal(case)?;
    let page = terminal.page(PAGE)?;
    let [build] = page.blocks()?;
    trust(&terminal, &authority)?;
    let build = build
        .with("http://proxy.example.com:3128", &tunnel.url())
        .with("--path", &format!("{BINDING} --path"));
    page.follow(&build)?;
    ensure!(
        tunnel.targets() == ["github.com:443"],
        "the proxy was asked for {:?}",
        tunnel.targets()
    );
    terminal.image("my-app").expect_newest_watchexec()
}

/// The mirror requires a login, and a binding contains its private CA. Without the binding the
/// build fails. The log never shows the login.
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
    let terminal = terminal(case)?;
    let page = terminal.page(PAGE)?;
    let [build] = page.blocks()?;
    let build = build
        .with(MIRROR, &server.url("").replace("//", "//user:pass@"))
        .with("--path", "--env BP_LOG_LEVEL=DEBUG --path");
    fs::write(terminal.path("private-ca.pem"), authority.pem())?;

    let log = page.run(&build.replace(BINDING, "|| true"))?;
    expect_words(&log, &["no trusted connection", "ca-certificates"])?;
    ensure!(!log.contains("user:pass"), "the login is in:\n{log}");

    let log = page.run(&build)?;
    printed::expect(&log, build.output.as_deref().unwrap_or_default())?;
    ensure!(!log.contains("user:pass"), "the log shows the login");
    terminal.image("my-app").expect_newest_watchexec()
}

/// A mounted binding maps the archive's checksum to a URL.
fn mapping(case: &Case<'_>) -> Result<()> {
    let archive = &case.platform.archive;
    let (server, _) = archive.serve();
    let terminal = terminal(case)?;
    let page = terminal.page(PAGE)?;
    let [build] = page.blocks()?;
    page.follow(&build.with("https://files.example.com", &server.url("")))?;
    ensure!(server.requests().len() == 1, "the URL was not asked for");
    terminal.image("my-app").expect_newest_watchexec()
}

/// A terminal with a buildpack that offers only the newest release, with the checksum of the
/// suite's archive.
fn terminal<'a>(case: &'a Case<'a>) -> Result<Terminal<'a>> {
    let terminal = case.terminal()?;
    let name = case.name.replace("::", "-");
    let (archive, url) = (&case.platform.archive, published(case)?);
    let buildpack = offering(&case.platform.buildpack, &name, archive, &url)?;
    copy(
        Path::new(&buildpack),
        &terminal.path("target/package/buildpack"),
    )?;
    Ok(terminal)
}

/// The URL of the newest release.
fn published(case: &Case<'_>) -> Result<String> {
    let descriptor = fs::read_to_string(case.platform.buildpack.join("buildpack.toml"))?;
    let descriptor: Table = descriptor.parse()?;
    let uri = descriptor["metadata"]["dependencies"][0]["uri"].as_str();
    Ok(uri.context("no uri")?.to_owned())
}

/// Makes the binding of the page with the certificate of a CA.
fn trust(terminal: &Terminal<'_>, authority: &Authority) -> Result<()> {
    let binding = terminal.path("bindings/certificates");
    fs::create_dir_all(&binding)?;
    fs::write(binding.join("type"), "ca-certificates")?;
    fs::write(binding.join("private-ca.pem"), authority.pem())?;
    Ok(())
}
