use super::*;
use crate::config::{Config, Environment};
use insta::assert_snapshot;
use libcnb::Platform;
use reqwest::StatusCode;
use std::env::VarError;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use watchexec_release::archive::UnpackError;
use watchexec_release::archive_url::ArchiveUrl;
use watchexec_release::catalog::Target;
use watchexec_release::checksum::{Checksum, Mismatch};
use watchexec_release::download::{Attempt, DownloadError, Failure, Timeout};
use watchexec_release::requirement::Requirement;

fn shown(error: impl Into<Error>) -> String {
    text(&libcnb::Error::BuildpackError(error.into())).to_string()
}

fn downloading(error: DownloadError) -> String {
    shown(WatchexecError::Download {
        error,
        set_by: None,
    })
}

fn file(path: &str, error: &str) -> FileError {
    FileError::at(path)(broken(error))
}

fn url() -> ArchiveUrl {
    ArchiveUrl::parse("https://user:secret@example.com/watchexec.tar.xz?token=secret").unwrap()
}

fn broken(text: &str) -> io::Error {
    io::Error::other(text.to_owned())
}

fn mismatch() -> Mismatch {
    Mismatch {
        expected: Checksum::of(b"expected"),
        actual: Checksum::of(b"actual"),
        length: 1_234,
    }
}

#[test]
fn internal_errors() {
    assert_snapshot!(text(&libcnb::Error::CannotReadBuildpackPlan(
        broken("permission denied").into()
    )));
}

#[test]
fn usage() {
    assert_snapshot!(shown(RuntimeError::Usage(vec![
        "watchexec-buildpack".into()
    ])));
}

#[test]
fn no_buildpack_directory() {
    assert_snapshot!(shown(RuntimeError::NoBuildpackDirectory(
        VarError::NotPresent
    )));
}

#[test]
fn descriptor() {
    assert_snapshot!(shown(RuntimeError::Descriptor(file(
        "/cnb/buildpacks/watchexec/buildpack.toml",
        "api is 0.9; this buildpack works with 0.10, 0.11, 0.12"
    ))));
}

#[test]
fn restart() {
    assert_snapshot!(shown(RuntimeError::Restart(broken("no such file"))));
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
    let proxy = configured(&[("https_proxy", "http://user:secret@:bad")]);
    assert!(!proxy.contains("secret"), "{proxy}");
    assert_snapshot!("invalid_proxy", proxy);
    assert_snapshot!(
        "invalid_settings",
        configured(&[flag, signal, version, ("BP_LIVE_RELOAD_IGNORE", "[a:[b")])
    );
}

#[test]
fn bindings() {
    let unreadable = ConfigError {
        setting: "/bindings".to_owned(),
        why: "/bindings: permission denied".to_owned(),
    };
    let one = shown(Error::Config(vec![unreadable.clone()]));
    assert_eq!(
        shown(Error::Config(vec![unreadable.clone(), unreadable])),
        one
    );
    assert_snapshot!("binding", one);
}

#[test]
fn log() {
    assert_snapshot!(shown(Error::Log(broken("no space left"))));
}

#[test]
fn layers() {
    let error = file("/layers/watchexec.toml", "no space left");
    assert_snapshot!("layer", shown(WatchexecError::Layer(error)));
    let error = file("/buildpack/bin/live-reload", "no such file");
    assert_snapshot!("live_reload", shown(error));
}

#[test]
fn invalid_requirement_of_the_plan() {
    let error = Requirement::parse("latest", "the build plan").unwrap_err();
    assert_snapshot!(shown(error));
}

#[test]
fn choices() {
    let target = Target {
        os: "linux".to_owned(),
        arch: "amd64".to_owned(),
    };
    for (name, error) in [
        (
            "no_target",
            ChooseError::NoTarget {
                target: target.clone(),
                targets: vec!["linux/arm64".to_owned()],
            },
        ),
        (
            "no_version",
            ChooseError::NoVersion {
                target,
                requirements: vec![Requirement::parse("9.*", WATCHEXEC_VERSION).unwrap()],
                available: vec!["2.8.0".parse().unwrap(), "2.7.3".parse().unwrap()],
            },
        ),
        (
            "entry",
            ChooseError::Entry {
                version: "2.8.0".parse().unwrap(),
                fault: "it has neither `checksum` nor `sha256`".to_owned(),
            },
        ),
    ] {
        assert_snapshot!(name, shown(error));
    }
}

#[test]
fn files() {
    let error = file("/archives/watchexec.tar.xz", "no such file");
    assert_snapshot!("file_unreadable", downloading(error.into()));
}

#[test]
fn downloads() {
    let redirected = Attempt {
        failure: Failure::Connect("host not found".to_owned()),
        redirected_to: Some(ArchiveUrl::parse("https://cdn.example.com/w?sig=secret").unwrap()),
    };
    let status = |code: u16| Failure::Status {
        status: StatusCode::from_u16(code).unwrap(),
        retry_after: None,
    };
    let limit = Duration::from_secs(10);
    for (name, failures) in [
        (
            "download_broken_network",
            vec![
                Failure::Connect("connection refused".to_owned()),
                Failure::Timeout(Timeout::Connect(limit)),
                Failure::Timeout(Timeout::ResponseHeader(limit)),
                Failure::Timeout(Timeout::Stall(limit)),
                Failure::Interrupted {
                    received: 1_000_000,
                    reason: "connection reset".to_owned(),
                },
                status(503),
                Failure::Timeout(Timeout::Total(limit)),
            ],
        ),
        (
            "download_tls",
            vec![Failure::Tls("unknown issuer".to_owned())],
        ),
        ("download_forbidden", vec![status(403)]),
        ("download_not_found", vec![status(404)]),
        ("download_too_large", vec![Failure::TooLarge(128 << 20)]),
        (
            "download_redirect",
            vec![Failure::Redirect(
                "redirected from https to http".to_owned(),
            )],
        ),
        ("download_proxy", vec![Failure::Proxy("socks5".to_owned())]),
        (
            "download_other",
            vec![Failure::Other("no runtime".to_owned())],
        ),
    ] {
        let error = downloading(DownloadError::Requests {
            url: url(),
            attempts: failures.into_iter().map(Attempt::from).collect(),
        });
        assert!(!error.contains("secret"), "{error}");
        assert_snapshot!(name, error);
    }
    let error = downloading(DownloadError::Requests {
        url: url(),
        attempts: vec![redirected],
    });
    assert!(!error.contains("secret"), "{error}");
    assert_snapshot!("download_redirected", error);
    let error = DownloadError::Requests {
        url: url(),
        attempts: vec![Failure::Connect("connection refused".to_owned()).into()],
    };
    let set_by = Some("the mirror of BP_DEPENDENCY_MIRROR".to_owned());
    assert_snapshot!(
        "download_mirror",
        shown(WatchexecError::Download { error, set_by })
    );
}

#[test]
fn overrides() {
    assert_snapshot!(shown(InvalidOverride {
        setting: "the mirror of BP_DEPENDENCY_MIRROR".to_owned(),
        fault: "it has no URL".to_owned(),
    }));
}

#[test]
fn wrong_checksum() {
    let error = downloading(DownloadError::Checksum {
        url: url(),
        mismatch: mismatch(),
    });
    assert!(!error.contains("secret"), "{error}");
    assert_snapshot!(error);
}

#[test]
fn archives() {
    for (name, error) in [
        ("archive_format", UnpackError::UnknownFormat),
        (
            "archive_damaged",
            UnpackError::Damaged(broken("unexpected end")),
        ),
        ("archive_entries", UnpackError::TooManyEntries(10)),
        ("archive_large", UnpackError::TooLarge(1_000_000)),
        ("archive_duplicate", UnpackError::Duplicate),
        ("archive_link", UnpackError::NotAFile),
        ("archive_without_program", UnpackError::NoProgram),
    ] {
        assert_snapshot!(name, shown(WatchexecError::from(error)));
    }
}

#[test]
fn bundles() {
    let changed = FileError {
        path: PathBuf::from("/cnb/dependencies/0123/4567.tar"),
        error: io::Error::other(mismatch()),
    };
    for (name, error) in [
        (
            "bundle_unreadable",
            file("/cnb/dependencies/0123", "entity not found"),
        ),
        ("bundle_changed", changed),
    ] {
        assert_snapshot!(name, shown(WatchexecError::Bundle(error)));
    }
}
