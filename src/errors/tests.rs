use super::*;
use crate::config::{BindingError, NetworkError};
use insta::assert_snapshot;
use libcnb::data::buildpack::BuildpackApi;
use reload_options::Settings;
use reqwest::StatusCode;
use std::env::VarError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use watchexec_release::archive::UnpackError;
use watchexec_release::archive_url::{ArchiveUrl, InvalidUrl};
use watchexec_release::bundle::BundleError;
use watchexec_release::catalog::Target;
use watchexec_release::checksum::{Checksum, ChecksumError, Mismatch};
use watchexec_release::download::{Attempt, DownloadError, Failure, NetrcError, Timeout};
use watchexec_release::mirror::{InvalidMirror, MirrorProblem};
use watchexec_release::origin::Origin;
use watchexec_release::requirement::{RequiredBy, Requirement};

fn shown(error: impl Into<Error>) -> String {
    text(&libcnb::Error::BuildpackError(error.into())).to_string()
}

fn downloading(error: DownloadError) -> String {
    let origin = Origin::Catalog;
    shown(WatchexecError::Download { error, origin })
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

fn broken_toml() -> toml::de::Error {
    toml::from_str::<toml::Table>("a =").unwrap_err()
}

#[test]
fn internal_errors() {
    assert_snapshot!(text(&libcnb::Error::CannotReadBuildpackPlan(
        broken("permission denied").into()
    )));
}

#[test]
fn unsupported_api() {
    let api = BuildpackApi { major: 0, minor: 9 };
    assert_snapshot!(shown(RuntimeError::UnsupportedApi(api)));
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
    assert_snapshot!(shown(RuntimeError::Descriptor {
        path: PathBuf::from("/cnb/buildpacks/watchexec/buildpack.toml"),
        error: broken_toml().into(),
    }));
}

#[test]
fn restart() {
    assert_snapshot!(shown(RuntimeError::Restart(broken("no such file"))));
}

#[test]
fn invalid_flag() {
    assert_snapshot!(shown(InvalidValue {
        variable: "BP_LIVE_RELOAD_ENABLED".to_owned(),
        value: "yes".to_owned(),
        accepted: "true or false".to_owned(),
    }));
}

#[test]
fn invalid_settings() {
    let invalid = |name: &str, value: &str| {
        let errors = Settings::from_variables(|other| (other == name).then(|| value.to_owned()));
        errors.unwrap_err().into_iter().map(ConfigError::from)
    };
    let signal = || invalid("BP_LIVE_RELOAD_SIGNAL", "STOP");
    assert_snapshot!("invalid_setting", shown(signal().collect::<Vec<_>>()));

    let unreadable = || {
        ConfigError::from(BindingError::Unreadable {
            path: PathBuf::from("/bindings"),
            error: broken("permission denied"),
        })
    };
    let settings = invalid("BP_LIVE_RELOAD_IGNORE", "[a:[b")
        .chain(signal())
        .chain([unreadable(), unreadable()]);
    assert_snapshot!("invalid_settings", shown(settings.collect::<Vec<_>>()));
    assert_eq!(
        shown(vec![unreadable(), unreadable()]),
        shown(vec![unreadable()])
    );
}

#[test]
fn log() {
    assert_snapshot!(shown(LogError(broken("no space left"))));
}

#[test]
fn layers() {
    let error = || LayerError {
        path: PathBuf::from("/layers/live-reload_watchexec/watchexec.toml"),
        error: broken("no space left"),
    };
    assert_snapshot!("layer", shown(WatchexecError::Layer(error())));
    assert!(shown(LiveReloadError::Layer(error())).contains("live-reload"));
    let path = PathBuf::from("/bin/live-reload");
    for (name, error) in [
        ("program_read", CopyError::Read(broken("no such file"))),
        ("program_write", CopyError::Write(broken("no space left"))),
    ] {
        let path = path.clone();
        assert_snapshot!(name, shown(LiveReloadError::Program { path, error }));
    }
}

#[test]
fn invalid_requirements() {
    let invalid = |by| shown(Requirement::parse("latest", by).unwrap_err());
    assert_snapshot!(
        "invalid_requirement_of_the_variable",
        invalid(RequiredBy::Variable)
    );
    assert_snapshot!(
        "invalid_requirement_of_the_plan",
        invalid(RequiredBy::BuildPlan)
    );
}

#[test]
fn no_match() {
    let no_match = |available: &[&str]| {
        shown(ChooseError::NoMatch {
            target: Target {
                os: "linux".to_owned(),
                arch: "amd64".to_owned(),
            },
            requirements: vec![Requirement::parse("9.*", RequiredBy::Variable).unwrap()],
            available: available.iter().map(|text| text.parse().unwrap()).collect(),
            targets: vec!["linux/arm64".to_owned()],
        })
    };
    assert_snapshot!("no_version", no_match(&["2.8.0", "2.7.3"]));
    assert_snapshot!("no_target", no_match(&[]));
}

#[test]
fn checksums() {
    for (name, error) in [
        ("checksum_missing", ChecksumError::Missing),
        (
            "checksum_unknown",
            ChecksumError::UnknownKind("md5:0".to_owned()),
        ),
        (
            "checksum_malformed",
            ChecksumError::Malformed("zz".to_owned()),
        ),
        (
            "checksum_contradictory",
            ChecksumError::Contradictory(Checksum::of(b"1"), Checksum::of(b"2")),
        ),
    ] {
        let version = "2.8.0".parse().unwrap();
        assert_snapshot!(name, shown(ChooseError::Checksum { version, error }));
    }
}

#[test]
fn urls() {
    for (name, error) in [
        ("url_none", InvalidUrl::NotAUrl("empty host".to_owned())),
        ("url_scheme", InvalidUrl::UnknownScheme("ftp".to_owned())),
        ("url_file", InvalidUrl::NotAFile),
    ] {
        let version = "2.8.0".parse().unwrap();
        assert_snapshot!(name, shown(ChooseError::Url { version, error }));
    }
}

#[test]
fn files() {
    let path = PathBuf::from("/archives/watchexec.tar.xz");
    assert_snapshot!(
        "file_unreadable",
        downloading(DownloadError::File {
            path: path.clone(),
            error: broken("no such file")
        })
    );
    assert_snapshot!(
        "file_too_large",
        downloading(DownloadError::FileTooLarge(path))
    );
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
    let path = PathBuf::from("/platform/bindings/map/0123");
    for (name, origin) in [
        (
            "download_mirror",
            Origin::Mirror("BP_DEPENDENCY_MIRROR".to_owned()),
        ),
        ("download_mapping", Origin::Mapping(path)),
    ] {
        let error = DownloadError::Requests {
            url: url(),
            attempts: vec![Failure::Connect("connection refused".to_owned()).into()],
        };
        assert_snapshot!(name, shown(WatchexecError::Download { error, origin }));
    }
}

#[test]
fn bindings() {
    let path = PathBuf::from("/platform/bindings/map/key");
    for (name, error) in [
        (
            "binding_unreadable",
            BindingError::Unreadable {
                path: path.clone(),
                error: broken("permission denied"),
            },
        ),
        (
            "binding_duplicate",
            BindingError::Duplicate {
                kind: "dependency-mapping",
                first: path,
                second: PathBuf::from("/platform/bindings/other/key"),
            },
        ),
    ] {
        assert_snapshot!(name, shown(vec![ConfigError::from(error)]));
    }
}

#[test]
fn networks() {
    for (name, error) in [
        (
            "network_proxy",
            NetworkError::Proxy("HTTPS_PROXY".to_owned()),
        ),
        (
            "network_certificate",
            NetworkError::Certificate(PathBuf::from("/platform/bindings/ca/own.pem")),
        ),
        (
            "network_netrc",
            NetworkError::Netrc(NetrcError {
                file: PathBuf::from("/secrets/netrc"),
                reason: "no such file".to_owned(),
            }),
        ),
    ] {
        assert_snapshot!(name, shown(vec![ConfigError::from(error)]));
    }
}

#[test]
fn overrides() {
    let mirror = |problem| InvalidMirror {
        setting: "BP_DEPENDENCY_MIRROR".to_owned(),
        problem,
    };
    let scheme = InvalidUrl::UnknownScheme("s3".to_owned());
    for (name, error) in [
        (
            "override_mapping",
            LocateError::Mapping {
                file: PathBuf::from("/platform/bindings/map/0123"),
                error: scheme.clone(),
            },
        ),
        (
            "override_mirror_url",
            mirror(MirrorProblem::Url(scheme)).into(),
        ),
        (
            "override_mirror_part",
            mirror(MirrorProblem::UnknownPart("token".to_owned())).into(),
        ),
        ("override_mirror_empty", mirror(MirrorProblem::NoUrl).into()),
    ] {
        assert_snapshot!(name, shown(error));
    }
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
        ("archive_duplicate", UnpackError::Duplicate("watchexec")),
        ("archive_link", UnpackError::NotAFile("watchexec")),
        ("archive_without_program", UnpackError::NoProgram),
        ("archive_write", UnpackError::Write(broken("no space left"))),
    ] {
        assert_snapshot!(name, shown(WatchexecError::from(error)));
    }
}

#[test]
fn bundles() {
    let path = PathBuf::from("/cnb/dependencies/0123/bin/watchexec");
    for (name, error) in [
        (
            "bundle_list",
            BundleError::List {
                path: path.clone(),
                error: broken_toml(),
            },
        ),
        (
            "bundle_unreadable",
            BundleError::Unreadable {
                path: path.clone(),
                error: broken("no such file"),
            },
        ),
        (
            "bundle_changed",
            BundleError::Changed {
                path,
                mismatch: mismatch(),
            },
        ),
        ("bundle_write", BundleError::Write(broken("no space left"))),
    ] {
        assert_snapshot!(name, shown(WatchexecError::from(error)));
    }
}
