use super::*;
use crate::config::{Config, Environment};
use insta::assert_snapshot;
use libcnb::Platform;
use std::fs;
use std::io;
use std::time::Duration;
use watchexec_release::archive::UnpackError;
use watchexec_release::catalog::Target;
use watchexec_release::checksum::{Checksum, ChecksumError, Verified};
use watchexec_release::download::{
    DownloadError, Failure, Fault, Hop, Proxy, StatusCode, TlsFault,
};
use watchexec_release::origin::Archive;
use watchexec_release::requirement::Requirement;
use watchexec_release::safe_url::SafeUrl;

fn shown(error: impl Into<Error>) -> String {
    text(&libcnb::Error::BuildpackError(error.into()))
}

fn downloading(url: &str, set_by: Option<&str>, hop: Option<Hop>, fault: Fault) -> String {
    let archive = Archive {
        url: SafeUrl::parse(url).unwrap(),
        set_by: set_by.map(str::to_owned),
    };
    let error = shown(Error::from(DownloadError {
        archive,
        hop: hop.map(Box::new),
        fault,
    }));
    assert!(!error.contains("secret"), "{error}");
    error
}

fn file(path: &str, error: &str) -> io::Error {
    broken(&format!("{path}: {error}"))
}

const URL: &str = "https://user:secret@example.com/watchexec.tar.xz?token=secret";

fn broken(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

fn mismatch() -> ChecksumError {
    let verified = Verified::new(b"12".repeat(617), Checksum::of(b"expected"));
    verified.err().unwrap()
}

#[test]
fn internal_errors() {
    assert_snapshot!(text(&libcnb::Error::CannotReadBuildpackPlan(
        broken("permission denied").into()
    )));
}

#[test]
fn usage() {
    assert_snapshot!(shown(Error::Usage(
        "it was called as: watchexec-buildpack".to_owned()
    )));
}

#[test]
fn descriptor() {
    assert_snapshot!(shown(Error::Descriptor(
        "/cnb/buildpacks/watchexec/buildpack.toml: api is 0.9; this buildpack works with 0.10, 0.11, 0.12"
            .to_owned()
    )));
}

/// The settings of a build with these variables in its platform directory.
fn configured(variables: &[(&str, &str)]) -> String {
    let platform = tempfile::tempdir().unwrap();
    let folder = platform.path().join("env");
    fs::create_dir(&folder).unwrap();
    for (name, value) in variables {
        fs::write(folder.join(name), value).unwrap();
    }
    let environment = Environment::from_path(platform.path()).unwrap();
    shown(Error::Config(Config::read(&environment).err().unwrap()))
}

#[test]
fn settings() {
    let flag = ("BP_LIVE_RELOAD_ENABLED", "yes");
    let signal = ("BP_LIVE_RELOAD_SIGNAL", "STOP");
    let version = ("BP_WATCHEXEC_VERSION", "latest");
    assert_snapshot!("invalid_flag", configured(&[flag]));
    assert_snapshot!("invalid_setting", configured(&[signal]));
    assert_snapshot!("invalid_version", configured(&[version]));
    assert_snapshot!("invalid_netrc", configured(&[("NETRC", "/missing/netrc")]));
    assert_snapshot!(
        "invalid_settings",
        configured(&[flag, signal, version, ("BP_LIVE_RELOAD_IGNORE", "[a:[b")])
    );
}

#[test]
fn bindings() {
    let too_long = format!("/{}", "b".repeat(256));
    let error = configured(&[("SERVICE_BINDING_ROOT", &too_long)]);
    assert_snapshot!("binding", error.replace(&too_long, "/bindings"));
}

#[test]
fn layers() {
    let at = |path: &str, kind: io::ErrorKind| {
        io::Error::new(kind, format!("failed to create file `{path}`: {kind}"))
    };
    for (name, kind) in [
        ("layer", io::ErrorKind::StorageFull),
        ("layer_not_writable", io::ErrorKind::PermissionDenied),
    ] {
        assert_snapshot!(name, shown(at("/layers/watchexec", kind)));
    }
    let read_only = shown(at("/layers/watchexec", io::ErrorKind::ReadOnlyFilesystem));
    let remedy = "- Make that path writable for the build user.";
    assert!(read_only.contains(remedy), "{read_only}");
    let foreign = "/layers/watchexec is not a layer from an earlier build";
    let foreign = io::Error::new(io::ErrorKind::AlreadyExists, foreign);
    assert_snapshot!("layer_foreign", shown(foreign));
}

#[test]
fn invalid_requirement_of_the_plan() {
    let error = Requirement::parse("latest", "the build plan").unwrap_err();
    assert_snapshot!(shown(Error::Plan(error)));
}

#[test]
fn choices() {
    let target = Target {
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
    };
    let no_version = |requirements| ChooseError::NoVersion {
        target: target.clone(),
        requirements,
        available: vec!["2.8.0-rc.1".parse().unwrap(), "2.7.3-rc.1".parse().unwrap()],
    };
    for (name, error) in [
        (
            "no_target",
            ChooseError::NoTarget(target.clone(), vec!["linux/arm64".to_owned()]),
        ),
        (
            "no_version",
            no_version(vec![Requirement::parse("9.*", WATCHEXEC_VERSION).unwrap()]),
        ),
        (
            "no_version_for_the_plan",
            no_version(vec![Requirement::parse("9.*", "the build plan").unwrap()]),
        ),
        ("only_pre_releases", no_version(vec![])),
        ("empty_catalog", ChooseError::Empty),
        (
            "entry",
            ChooseError::Entry(
                "the entry for watchexec 2.8.0".to_owned(),
                "it has neither `checksum` nor `sha256`".to_owned(),
            ),
        ),
    ] {
        assert_snapshot!(name, shown(error));
    }
}

#[test]
fn files() {
    let unreadable = |set_by, error| {
        downloading(
            "file:///archives/w.tar.xz",
            set_by,
            None,
            Fault::File(error),
        )
    };
    let missing = unreadable(None, io::ErrorKind::NotFound.into());
    assert_snapshot!("file_unreadable", missing);
    let mapping = Some("the dependency-mapping /bindings/map/0123");
    let too_large = io::Error::new(io::ErrorKind::FileTooLarge, "larger than 134.2 MB");
    assert_snapshot!("file_too_large", unreadable(mapping, too_large));
}

/// A request for `url` through this proxy, and with this login.
fn hop(url: &str, proxy: Option<&str>, login: Option<&str>) -> Hop {
    Hop {
        url: SafeUrl::parse(url).unwrap(),
        proxy: proxy.map(|url| Proxy::parse("HTTPS_PROXY".to_owned(), url)),
        login: login.map(str::to_owned),
        trusted: Some("142 system CA certificates and 1 from bindings".to_owned()),
    }
}

fn status(code: u16) -> Failure {
    let status = StatusCode::from_u16(code).unwrap();
    Failure::Status(status, format!("{code} In Its Words"), None)
}

#[test]
fn downloads() {
    let refused = || Fault::Request(Failure::Connect("connection refused".to_owned()));
    let direct = Some(hop(URL, None, None));
    let error = downloading(URL, None, direct, refused());
    assert_snapshot!("download_broken_network", error);

    let proxy = Some("http://user:secret@proxy.example:3128");
    let redirected = Some(hop("https://cdn.example.com/w?sig=secret", proxy, None));
    let set_by = Some("the mirror of BP_DEPENDENCY_MIRROR");
    let error = downloading(URL, set_by, redirected, refused());
    assert_snapshot!("download_proxied", error);
}

/// For each failure its line and its first remedy.
#[test]
fn failures() {
    let limit = Duration::from_secs(10);
    let netrc = Some("/home/cnb/.netrc");
    let proxy = Some("http://user:secret@proxy.example:3128");
    let tls = |server: &str, fault| Failure::Tls(fault, server.to_owned());
    let words = || "the words of the library".to_owned();
    let server = "https://example.com";
    let refused = |code| {
        let status = StatusCode::from_u16(code).unwrap();
        Failure::Proxy(status, format!("{code} In Its Words"))
    };
    let interrupted = Failure::Interrupted(1_000_000, "connection reset".to_owned());
    let attempts = [
        (hop(URL, None, None), Failure::Timeout("no answer", limit)),
        (hop(URL, None, None), interrupted),
        (hop(URL, None, None), status(503)),
        (hop(URL, None, None), tls(server, TlsFault::Time(words()))),
        (hop(URL, None, None), tls(server, TlsFault::NotTls)),
        (
            hop(URL, proxy, None),
            tls("https://proxy.example:3128", TlsFault::NotTls),
        ),
        (hop(URL, None, None), tls(server, TlsFault::Ca)),
        (hop(URL, None, None), tls(server, TlsFault::Other(words()))),
        (hop(URL, None, None), status(401)),
        (hop(URL, None, netrc), status(401)),
        (hop(URL, None, Some("the URL")), status(403)),
        (hop(URL, proxy, None), refused(407)),
        (hop(URL, proxy, None), refused(403)),
        (hop(URL, None, None), status(404)),
        (hop(URL, None, None), status(429)),
        (hop(URL, None, None), status(451)),
        (hop(URL, None, None), status(204)),
        (hop(URL, None, None), Failure::TooLarge(128 << 20)),
        (
            hop(URL, None, None),
            Failure::Redirect("to http://example.com, which is not allowed".to_owned()),
        ),
        (
            hop(URL, Some("socks5://user:secret@proxy"), None),
            Failure::Other(
                "HTTPS_PROXY cannot be used: only http and https proxies are supported".to_owned(),
            ),
        ),
        (
            hop(URL, None, None),
            Failure::Other("no runtime".to_owned()),
        ),
    ];
    let lines = attempts.map(|(hop, failure)| {
        let error = downloading(URL, None, Some(hop), Fault::Request(failure));
        let lines = error
            .lines()
            .filter(|line| line.starts_with("  ") || line.starts_with("- "));
        lines.take(3).collect::<Vec<_>>().join("\n")
    });
    assert_snapshot!(lines.join("\n\n"));
}

#[test]
fn overrides() {
    assert_snapshot!(shown(Error::Locate(
        "the mirror of BP_DEPENDENCY_MIRROR: it has no URL".to_owned()
    )));
}

#[test]
fn wrong_checksums() {
    let wrong = || Fault::Checksum(mismatch());
    let proxy = Some("http://user:secret@proxy.example:3128");
    let hop = Some(hop(URL, proxy, None));
    let mirror = Some("the mirror of BP_DEPENDENCY_MIRROR");
    let error = downloading(URL, mirror, hop, wrong());
    assert_snapshot!("wrong_checksum", error);
    let file = downloading("file:///archives/w.tar.xz", None, None, wrong());
    assert_snapshot!("wrong_checksum_of_a_file", file);
}

#[test]
fn archives() {
    for (name, error) in [
        (
            "archive_damaged",
            UnpackError::from(broken("unexpected end")),
        ),
        (
            "archive_duplicate",
            UnpackError::Unusable("contains two files named watchexec".to_owned()),
        ),
    ] {
        assert_snapshot!(name, shown(Error::from(error)));
    }
}

#[test]
fn bundles() {
    let changed = broken(&format!(
        "/cnb/dependencies/0123/watchexec.4567 {}",
        mismatch()
    ));
    for (name, error) in [
        (
            "bundle_unreadable",
            file("/cnb/dependencies/0123", "entity not found"),
        ),
        ("bundle_changed", changed),
    ] {
        assert_snapshot!(name, shown(Error::Package(error)));
    }
}
