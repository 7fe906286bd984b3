//! `cargo xtask update` against a server with real listings (`tests/update/listings` has the linux
//! archives of each).

#![expect(
    clippy::unwrap_used,
    reason = "clippy takes only functions marked as tests for tests"
)]

use harness::certificates::Authority;
use harness::server::{Reply, Server, Tunnel};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const ONLY_2_5_1: &str = include_str!("update/only-2.5.1.toml");
const SHIPPED: &str = include_str!("update/shipped.toml");
const CHANGELOG: &str = "# Changelog\n\n## [Unreleased]\n\n### Changed\n\n- Something else.\n";

/// The program that 2.8.0 ships for amd64.
const AMD64: &str = "watchexec-2.8.0-x86_64-unknown-linux-musl.tar.xz";

type Listings = Arc<Mutex<BTreeMap<String, String>>>;

/// A release site on loopback.
struct Site {
    server: Server,
    listings: Listings,
}

impl Site {
    /// A site with the real releases from 2.5.0 on.
    fn real() -> Self {
        let listings = [
            ("v2.8.0", include_str!("update/listings/v2.8.0")),
            ("v2.7.3", include_str!("update/listings/v2.7.3")),
            ("v2.7.2", include_str!("update/listings/v2.7.2")),
            ("v2.6.1", include_str!("update/listings/v2.6.1")),
            ("v2.5.1", include_str!("update/listings/v2.5.1")),
            ("v2.5.0", include_str!("update/listings/v2.5.0")),
        ];
        let listings = listings.map(|(tag, listing)| (tag.to_owned(), listing.to_owned()));
        let listings: Listings = Arc::new(Mutex::new(BTreeMap::from(listings)));
        let shared = Arc::clone(&listings);
        let server = Server::http(move |request| {
            let listings = shared.lock().unwrap();
            let tag = request.target.strip_prefix("/download/");
            let tag = tag.and_then(|path| path.strip_suffix("/SHA256SUMS"));
            let listing = tag.and_then(|tag| listings.get(tag));
            match (request.target.as_str(), listing) {
                ("/releases?per_page=100", _) => Reply::ok(feed(&listings).as_bytes()),
                (_, Some(listing)) => Reply::ok(listing.as_bytes()),
                _ => Reply::status("404 Not Found"),
            }
        });
        Self { server, listings }
    }

    /// Changes the listing of a release, or adds one.
    fn edit(&self, tag: &str, edit: impl FnOnce(&str) -> String) {
        let mut listings = self.listings.lock().unwrap();
        let listing = listings.get(tag).cloned().unwrap_or_default();
        listings.insert(tag.to_owned(), edit(&listing));
    }
}

/// The releases as GitHub lists them, newest first, with the parts that are read and some others.
/// The site's own digests are the real ones.
fn feed(listings: &BTreeMap<String, String>) -> String {
    let releases: Vec<serde_json::Value> = listings
        .keys()
        .rev()
        .map(|tag| {
            let real = match tag.as_str() {
                "v2.8.0" => include_str!("update/listings/v2.8.0"),
                _ => "",
            };
            let assets: Vec<serde_json::Value> = real
                .lines()
                .filter_map(|line| line.split_once("  "))
                .map(|(digits, name)| {
                    serde_json::json!({
                        "name": name,
                        "state": "uploaded",
                        "digest": format!("sha256:{digits}"),
                    })
                })
                .collect();
            serde_json::json!({
                "tag_name": tag,
                "name": format!("CLI {tag}"),
                "draft": false,
                "prerelease": false,
                "assets": assets,
            })
        })
        .collect();
    serde_json::Value::from(releases).to_string()
}

/// A buildpack.toml and a changelog in a folder of their own.
struct Files(TempDir);

impl Files {
    fn with(buildpack_toml: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        fs::write(files.path("buildpack.toml"), buildpack_toml).unwrap();
        fs::write(files.path("CHANGELOG.md"), CHANGELOG).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn buildpack_toml(&self) -> String {
        fs::read_to_string(self.path("buildpack.toml")).unwrap()
    }

    fn changelog(&self) -> String {
        fs::read_to_string(self.path("CHANGELOG.md")).unwrap()
    }

    fn command(&self, site: &Site, feed: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .env_clear()
            .args(["update", "--feed", feed])
            .args(["--downloads", &site.server.url("/download")])
            .arg("--buildpack-toml")
            .arg(self.path("buildpack.toml"))
            .arg("--changelog")
            .arg(self.path("CHANGELOG.md"));
        command
    }

    fn update(&self, site: &Site, more: &[&str]) -> Output {
        let mut command = self.command(site, &site.server.url("/releases"));
        command.args(more).output().unwrap()
    }

    /// Updates and returns the output.
    fn updated(&self, site: &Site, more: &[&str]) -> String {
        let output = self.update(site, more);
        let said = String::from_utf8(output.stdout).unwrap();
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}{complaints}");
        said
    }

    /// Checks that the update is rejected for a reason, without a change of the files.
    fn refused(&self, site: &Site, reason: &str) {
        let before = self.buildpack_toml();
        let output = self.update(site, &[]);
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{complaints}");
        assert!(complaints.contains(reason), "{complaints}");
        assert_eq!(self.buildpack_toml(), before);
        assert_eq!(self.changelog(), CHANGELOG);
    }
}

#[test]
fn adds_all_shipped_releases_in_one_call() {
    let files = Files::with(ONLY_2_5_1);
    let said = files.updated(&Site::real(), &[]);
    assert_eq!(files.buildpack_toml(), SHIPPED);
    assert!(said.contains("2.8.0, 2.7.3 and 2.5.1"), "{said}");
    assert_eq!(
        files.changelog(),
        format!("{CHANGELOG}- Ships watchexec 2.8.0 and 2.7.3.\n")
    );
}

#[test]
fn succeeds_without_changes() {
    let files = Files::with(SHIPPED);
    let said = files.updated(&Site::real(), &[]);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(files.buildpack_toml(), SHIPPED);
    assert_eq!(files.changelog(), CHANGELOG);
}

#[test]
fn prints_the_change_in_a_dry_run_and_writes_no_file() {
    let files = Files::with(ONLY_2_5_1);
    let said = files.updated(&Site::real(), &["--dry-run"]);
    assert!(
        said.contains("- Ships watchexec 2.8.0 and 2.7.3."),
        "{said}"
    );
    assert_eq!(files.buildpack_toml(), ONLY_2_5_1);
    assert_eq!(files.changelog(), CHANGELOG);
}

#[test]
fn replaces_an_older_patch() {
    let commented = SHIPPED.replacen(
        "\n[[metadata.dependencies]]\nid = \"watchexec\"\nname = \"watchexec\"\nversion = \"2.7.3\"",
        "\n# A reason to keep this line.\n[[metadata.dependencies]]\nid = \"watchexec\"\n\
         name = \"watchexec\"\nversion = \"2.7.2\" # for now",
        1,
    );
    let files = Files::with(&commented);
    files.updated(&Site::real(), &[]);
    let updated = files.buildpack_toml();
    assert!(updated.contains("# A reason to keep this line.\n[[metadata.dependencies]]"));
    assert!(updated.contains("version = \"2.7.3\" # for now"));
    assert!(!updated.contains("2.7.2"), "{updated}");
}

#[test]
fn removes_the_oldest_line_for_a_new_one() {
    let site = Site::real();
    let new = include_str!("update/listings/v2.8.0").replace("2.8.0", "2.10.0");
    site.edit("v2.10.0", |_| new);
    let files = Files::with(SHIPPED);
    files.updated(&site, &[]);
    let updated = files.buildpack_toml();
    // The comment on all entries stays above the first one.
    let comment = "# commands such as `PORT=1 app`, and it panics where there is no shell.\n\n";
    let (_, below) = updated.split_once(comment).unwrap();
    assert!(below.starts_with(
        "[[metadata.dependencies]]\nid = \"watchexec\"\nname = \"watchexec\"\nversion = \"2.10.0\""
    ));
    assert!(!updated.contains("2.5.1"), "{updated}");
    assert!(
        files
            .changelog()
            .contains("- Ships watchexec 2.10.0, and no longer 2.5.1.")
    );
}

#[test]
fn keeps_the_entries_of_repackagers() {
    let other = "\n[[metadata.dependencies]]\nid = \"other\"\nversion = \"2.5.1\"\n\
                 uri = \"https://example.com/other-2.5.1.tar.gz\"\n";
    let files = Files::with(&format!("{ONLY_2_5_1}{other}"));
    files.updated(&Site::real(), &[]);
    assert_eq!(files.buildpack_toml(), format!("{SHIPPED}{other}"));
}

#[test]
fn rejects_checksums_of_another_length() {
    let site = Site::real();
    // As in the listing of 2.1.0, which has SHA-512 checksums.
    site.edit("v2.8.0", |listing| {
        let lines = listing.lines().filter_map(|line| line.split_once("  "));
        let wrong = lines.map(|(digits, name)| format!("{digits}{digits}  {name}"));
        wrong.collect::<Vec<_>>().join("\n")
    });
    Files::with(ONLY_2_5_1).refused(&site, "is not a SHA-256 digest");
}

#[test]
fn rejects_a_missing_architecture() {
    let site = Site::real();
    site.edit("v2.8.0", |listing| {
        let lines = listing.lines().filter(|line| !line.ends_with(AMD64));
        lines.collect::<Vec<_>>().join("\n")
    });
    Files::with(ONLY_2_5_1).refused(&site, &format!("{AMD64} is not listed"));
}

#[test]
fn rejects_two_checksums_of_one_file() {
    let site = Site::real();
    site.edit("v2.8.0", |listing| {
        format!("{listing}{}  {AMD64}\n", "0".repeat(64))
    });
    Files::with(ONLY_2_5_1).refused(&site, &format!("{AMD64} is listed with two checksums"));
}

#[test]
fn rejects_a_listing_that_the_site_contradicts() {
    let site = Site::real();
    site.edit("v2.8.0", |listing| {
        let line = listing.lines().find(|line| line.ends_with(AMD64)).unwrap();
        listing.replace(line, &format!("{}  {AMD64}", "0".repeat(64)))
    });
    Files::with(ONLY_2_5_1).refused(&site, "but the release site has");
}

#[test]
fn rejects_a_changed_archive() {
    let site = Site::real();
    let digits = "c073887583d502fa0b393a8b847bb4460a111b3b0a199d1f70dafd5d89e71a2f";
    site.edit("v2.5.1", |listing| listing.replace(digits, &"0".repeat(64)));
    Files::with(SHIPPED).refused(&site, "a published archive must never change");
}

#[test]
fn rejects_a_release_without_a_listing() {
    let site = Site::real();
    site.edit("v2.8.0", |_| String::new());
    Files::with(ONLY_2_5_1).refused(&site, "is not listed");
}

/// GitHub's API, reached through a proxy, with an answer to each request.
struct GitHub {
    server: Server,
    proxy: Tunnel,
    folder: TempDir,
}

impl GitHub {
    fn answering(answer: impl Fn() -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let server = Server::https(authority.server("api.github.com"), move |_| answer());
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let proxy = Tunnel::to(server.address());
        Self {
            server,
            proxy,
            folder,
        }
    }

    fn update(&self, site: &Site, variables: &[(&str, &str)]) -> Output {
        let files = Files::with(ONLY_2_5_1);
        let mut command = files.command(site, "https://api.github.com/releases");
        command
            .env("HTTPS_PROXY", self.proxy.url())
            .env("SSL_CERT_FILE", self.folder.path().join("ca.pem"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// The login of each request.
    fn logins(&self) -> Vec<Option<String>> {
        let requests = self.server.requests().into_iter();
        requests
            .map(|request| request.headers.get("authorization").cloned())
            .collect()
    }
}

/// A signed URL has its secret in the query.
#[test]
fn sends_no_referer_to_the_host_of_a_redirect() {
    let site = Site::real();
    let to = site.server.url("/releases?per_page=100");
    let signed = Server::http(move |_| Reply::redirect(&to));
    let files = Files::with(SHIPPED);
    let output = files.command(&site, &signed.url("/releases")).output();
    assert!(output.unwrap().status.success());
    let requests = site.server.requests();
    let redirected = requests
        .iter()
        .find(|request| request.target.starts_with("/releases"));
    let headers = &redirected.unwrap().headers;
    assert!(!headers.contains_key("referer"), "{headers:?}");
}

#[test]
fn sends_a_token_to_github_alone() {
    let site = Site::real();
    let feed = feed(&site.listings.lock().unwrap());
    let github = GitHub::answering(move || Reply::ok(feed.as_bytes()));
    for (variables, expected) in [
        (&[][..], None),
        (&[("GITHUB_TOKEN", "one\n")], Some("Bearer one")),
        (&[("GH_TOKEN", "two")], Some("Bearer two")),
        (
            &[("GITHUB_TOKEN", "one"), ("GH_TOKEN", "two")],
            Some("Bearer two"),
        ),
        (&[("GITHUB_TOKEN", "")], None),
    ] {
        let output = github.update(&site, variables);
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaints}");
        let last = github.logins().pop().unwrap();
        assert_eq!(last.as_deref(), expected, "{variables:?}");
    }
    for request in site.server.requests() {
        assert!(!request.headers.contains_key("authorization"));
    }
}

#[test]
fn shows_why_github_refuses() {
    let site = Site::real();
    let limit = "API rate limit exceeded for 192.0.2.1.";
    let github = GitHub::answering(move || {
        let body = format!("{{\"message\": {limit:?}, \"documentation_url\": \"\"}}");
        Reply::with_headers("403 Forbidden", &[], body.as_bytes())
    });
    for (variables, advice) in [(&[][..], true), (&[("GITHUB_TOKEN", "s3cr3t")], false)] {
        let output = github.update(&site, variables);
        assert_eq!(output.status.code(), Some(1));
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert!(complaints.contains(limit), "{complaints}");
        assert!(complaints.contains("403 Forbidden"), "{complaints}");
        assert_eq!(complaints.contains("GITHUB_TOKEN"), advice, "{complaints}");
        assert!(!complaints.contains("s3cr3t"), "{complaints}");
    }
}
