//! Mirrors, mappings, proxies and certificates, as an operator sets them for the program; and
//! that no credential of theirs is ever shown.

use crate::support::certificates::Authority;
use crate::support::lifecycle::Lifecycle;
use crate::support::server::{Reply, Server, Tunnel};
use crate::support::{ARCHIVE, dependency};
use std::fs;
use std::path::Path;
use watchexec_release::checksum::Checksum;

/// A URL that no test server has: a request to it means that the setting under test was ignored.
const ELSEWHERE: &str = "https://watchexec.invalid/v1/w.tar.xz";

fn lifecycle() -> Lifecycle {
    Lifecycle::new(&dependency("2.8.0", ELSEWHERE, Checksum::of(ARCHIVE)))
        .with("BP_LOG_LEVEL", "DEBUG")
}

fn archive_server() -> Server {
    Server::http(|_| Reply::ok(ARCHIVE))
}

/// Writes the entries of a binding.
fn bind(lifecycle: &Lifecycle, kind: &str, entries: &[(&str, &str)]) {
    bind_as(kind, lifecycle, kind, entries);
}

/// Writes the entries of a binding with a name of its own.
fn bind_as(name: &str, lifecycle: &Lifecycle, kind: &str, entries: &[(&str, &str)]) {
    let folder = lifecycle.path("platform/bindings").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("type"), kind).unwrap();
    for (name, content) in entries {
        fs::write(folder.join(name), content).unwrap();
    }
}

#[test]
fn asks_the_mirror_of_the_host() {
    let mirror = archive_server();
    let lifecycle = lifecycle()
        .with("BP_DEPENDENCY_MIRROR", "https://other.invalid")
        .with(
            "BP_DEPENDENCY_MIRROR_WATCHEXEC_INVALID",
            format!("{},skip-path=/v1", mirror.url("/{originalHost}")),
        );
    let outcome = lifecycle.build().assert_success();
    assert_eq!(mirror.requests()[0].target, "/watchexec.invalid/w.tar.xz");
    assert!(
        outcome
            .stdout
            .contains("URL set by the mirror of BP_DEPENDENCY_MIRROR_WATCHEXEC_INVALID")
    );
}

#[test]
fn reads_mirrors_from_the_platform_directory() {
    let mirror = archive_server();
    lifecycle()
        .with_platform("BP_DEPENDENCY_MIRROR", &mirror.url(""))
        .build()
        .assert_success();
    assert_eq!(mirror.requests()[0].target, "/v1/w.tar.xz");
}

#[test]
fn prefers_a_mapping_to_a_mirror() {
    let mapped = archive_server();
    let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", "https://mirror.invalid");
    let key = Checksum::of(ARCHIVE).hex();
    bind(
        &lifecycle,
        "dependency-mapping",
        &[(&key, &mapped.url("/x"))],
    );
    let outcome = lifecycle.build().assert_success();
    assert!(outcome.stdout.contains("URL set by the dependency-mapping"));
}

#[test]
fn accepts_a_file_as_mapping() {
    let lifecycle = lifecycle();
    let path = lifecycle.path("archive");
    fs::write(&path, ARCHIVE).unwrap();
    let key = format!("sha256_{}", Checksum::of(ARCHIVE).hex());
    bind(
        &lifecycle,
        "Dependency-Mapping",
        &[(&key, &format!("file://{}\n", path.display()))],
    );
    lifecycle.build().assert_success();
}

#[test]
fn names_an_unusable_mirror_and_asks_no_other_server() {
    for (mirror, words) in [
        ("s3://bucket", "\"s3\""),
        ("mirror.example.com", "it has no URL"),
        ("https://", "it is not a URL"),
    ] {
        let outcome = lifecycle()
            .with("BP_DEPENDENCY_MIRROR", mirror)
            .build()
            .assert_failure();
        assert!(
            outcome.stderr.contains("BP_DEPENDENCY_MIRROR:"),
            "{}",
            outcome.stderr
        );
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}

#[test]
fn trusts_the_ca_certificate_of_a_binding() {
    let authority = Authority::new();
    let mirror = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(ARCHIVE));
    let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", mirror.url(""));
    let outcome = lifecycle.build().assert_failure();
    assert!(
        outcome.stderr.contains("no trusted connection"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("ca-certificates"),
        "{}",
        outcome.stderr
    );

    bind(
        &lifecycle,
        "ca-certificates",
        &[("own.pem", &authority.pem())],
    );
    lifecycle.build().assert_success();
}

#[test]
fn trusts_the_ca_certificates_of_all_bindings() {
    let authorities = [Authority::new(), Authority::new()];
    for trusted in &authorities {
        let mirror = Server::https(trusted.server("127.0.0.1"), |_| Reply::ok(ARCHIVE));
        let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", mirror.url(""));
        for (name, authority) in ["one", "two"].into_iter().zip(&authorities) {
            let pem = authority.pem();
            bind_as(name, &lifecycle, "ca-certificates", &[("ca.crt", &pem)]);
        }
        lifecycle.build().assert_success();
    }
}

#[test]
fn duplicate_mappings_and_mirrors_name_the_binding_type() {
    for kind in ["dependency-mapping", "dependency-mirror"] {
        let lifecycle = lifecycle();
        for name in ["one", "two"] {
            bind_as(name, &lifecycle, kind, &[("default", "https://m.invalid")]);
        }
        let outcome = lifecycle.build().assert_failure();
        for part in [kind, "one/default", "two/default"] {
            assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
        }
    }
}

/// Reading a FIFO would wait for a writer.
#[test]
fn never_waits_for_a_fifo() {
    let mirror = archive_server();
    let fifo = |path: &Path| {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
    };
    let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", mirror.url(""));
    fifo(&lifecycle.path("platform/env/OTHER"));
    let netrc = lifecycle.path("netrc");
    fifo(&netrc);
    lifecycle.build().assert_success();
    let lifecycle = lifecycle.with("NETRC", netrc.to_str().unwrap());
    let outcome = lifecycle.build().assert_failure();
    let why = "netrc: not a regular file";
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);

    let lifecycle = self::lifecycle();
    let archive = lifecycle.path("archive");
    fifo(&archive);
    let key = Checksum::of(ARCHIVE).hex();
    let url = format!("file://{}", archive.display());
    bind(&lifecycle, "dependency-mapping", &[(&key, &url)]);
    let outcome = lifecycle.build().assert_failure();
    let why = "/archive (the dependency-mapping";
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("not a regular file"),
        "{}",
        outcome.stderr
    );

    for name in ["key", "type"] {
        let lifecycle = self::lifecycle();
        bind(&lifecycle, "ca-certificates", &[]);
        let path = lifecycle
            .path("platform/bindings/ca-certificates")
            .join(name);
        let _ = fs::remove_file(&path);
        fifo(&path);
        let outcome = lifecycle.build().assert_failure();
        let why = format!("ca-certificates/{name}: not a regular file");
        assert!(outcome.stderr.contains(&why), "{}", outcome.stderr);
    }
}

#[test]
fn ignores_an_implicit_netrc_that_cannot_be_read() {
    let mirror = archive_server();
    for home in ["/dev/null", "home"] {
        let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", mirror.url(""));
        fs::create_dir_all(lifecycle.path("home/.netrc")).unwrap();
        let home = lifecycle.path(home);
        let outcome = lifecycle
            .with("HOME", home.to_str().unwrap())
            .build()
            .assert_success();
        let ignored = format!("[debug] Ignoring {}/.netrc: ", home.display());
        assert!(outcome.stdout.contains(&ignored), "{}", outcome.stdout);
    }
}

#[test]
fn trusts_ssl_cert_file() {
    let authority = Authority::new();
    let mirror = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(ARCHIVE));
    let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", mirror.url(""));
    let path = lifecycle.path("own.pem");
    fs::write(&path, authority.pem()).unwrap();
    lifecycle
        .with("SSL_CERT_FILE", path.to_str().unwrap())
        .build()
        .assert_success();
}

#[test]
fn trusts_ssl_cert_dir() {
    let authority = Authority::new();
    let mirror = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(ARCHIVE));
    let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", mirror.url(""));
    let folder = lifecycle.path("certificates");
    fs::create_dir(&folder).unwrap();
    // The name by which OpenSSL finds an authority: a hash, and a number.
    fs::write(folder.join("0a1b2c3d.0"), authority.pem()).unwrap();
    lifecycle
        .with("SSL_CERT_DIR", folder.to_str().unwrap())
        .build()
        .assert_success();
}

#[test]
fn downloads_by_http_without_any_ca_certificate() {
    let mirror = archive_server();
    lifecycle()
        .with("BP_DEPENDENCY_MIRROR", mirror.url(""))
        .with("SSL_CERT_FILE", "/missing")
        .with("SSL_CERT_DIR", "/missing")
        .build()
        .assert_success();
}

#[test]
fn names_an_invalid_certificate() {
    let der = Authority::new().der();
    for content in [&b"no certificate"[..], &der] {
        let lifecycle = lifecycle();
        bind(&lifecycle, "ca-certificates", &[]);
        let file = lifecycle.path("platform/bindings/ca-certificates/own.pem");
        fs::write(file, content).unwrap();
        let outcome = lifecycle.build().assert_failure();
        let why = "own.pem: no PEM certificate; `openssl x509 -inform der";
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    }

    let lifecycle = lifecycle();
    let broken = Authority::new().pem().replace("MII", "MIJ");
    bind(&lifecycle, "ca-certificates", &[("own.pem", &broken)]);
    let outcome = lifecycle.build().assert_failure();
    let words = "own.pem: certificate 1 in it is broken";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
}

/// Windows editors start a file with a byte order mark, and OpenSSL writes the names of
/// certificates above them in any encoding.
#[test]
fn trusts_certificates_below_text_in_any_encoding() {
    let authority = Authority::new();
    let mirror = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(ARCHIVE));
    for before in [&b"\xEF\xBB\xBF"[..], b"# caf\xE9\n"] {
        let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", mirror.url(""));
        bind(&lifecycle, "ca-certificates", &[]);
        let file = lifecycle.path("platform/bindings/ca-certificates/own.pem");
        fs::write(file, [before, authority.pem().as_bytes()].concat()).unwrap();
        lifecycle.build().assert_success();
    }
}

#[test]
fn reads_bindings_beside_those_of_others_in_any_encoding() {
    let mirror = archive_server();
    let lifecycle = lifecycle();
    bind(
        &lifecycle,
        "dependency-mirror",
        &[("default", &mirror.url(""))],
    );
    let bindings = lifecycle.path("platform/bindings");
    fs::write(
        bindings.join("dependency-mirror/type"),
        "\u{feff}dependency-mirror\r\n",
    )
    .unwrap();
    fs::create_dir(bindings.join("other")).unwrap();
    fs::write(bindings.join("other/type"), b"caf\xE9").unwrap();
    bind_as("map", &lifecycle, "dependency-mapping", &[]);
    fs::write(bindings.join("map/binary"), b"\xFF\xFE").unwrap();
    lifecycle.build().assert_success();
    assert_eq!(mirror.requests().len(), 1);
}

#[test]
fn escapes_control_characters_from_outside() {
    // Sets the clipboard of a terminal, forges a line, and reverses the next one.
    let hostile = "x\u{1b}]52;c;aGk=\u{7}\nError: forged\u{202e}";
    let escaped = "x\\u{1b}]52;c;aGk=\\u{7}\\nError: forged\\u{202e}";
    let mirror = Server::http(|request| match request.target.as_str() {
        "/v1/w.tar.xz" => Reply::ok(ARCHIVE),
        _ => Reply::status("404 Not Found"),
    });
    let lifecycle = lifecycle().with_platform(&format!("BP_LIVE_RELOAD_{hostile}"), "1");
    let app = lifecycle.path("app");
    fs::write(app.join("file"), "").unwrap();
    fs::hard_link(app.join("file"), app.join(hostile)).unwrap();
    let bind = |url: &str| {
        bind_as(
            hostile,
            &lifecycle,
            "dependency-mirror",
            &[("default", url)],
        );
    };
    bind(&mirror.url(""));
    let built = lifecycle.build().assert_success();
    bind(&mirror.url("/elsewhere"));
    fs::remove_dir_all(lifecycle.path("layers")).unwrap();
    fs::create_dir(lifecycle.path("layers")).unwrap();
    let refused = lifecycle.build().assert_failure();
    bind("ftp://elsewhere");
    let unusable = lifecycle.build().assert_failure();
    fs::remove_dir_all(lifecycle.path("platform/bindings")).unwrap();
    let missing = format!("missing/{hostile}");
    let missing = lifecycle.with("NETRC", &missing).build().assert_failure();
    for outcome in [built, refused, unusable, missing] {
        let text = outcome.output();
        assert!(text.contains(escaped), "{text:?}");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        let forged = text
            .lines()
            .find(|line| line.trim_start().starts_with("Error: forged"));
        assert_eq!(forged, None, "{text:?}");
    }
}

#[test]
fn warns_of_a_login_that_is_sent_unencrypted() {
    let mirror = archive_server();
    let lifecycle = lifecycle()
        .with("BP_DEPENDENCY_MIRROR", mirror.url(""))
        .with("BP_LOG_LEVEL", "INFO");
    let netrc = lifecycle.path("netrc");
    fs::write(&netrc, "machine 127.0.0.1 login user password secret").unwrap();
    let log = lifecycle.with("NETRC", netrc.to_str().unwrap()).build();
    let warning = format!(
        "Warning: the login in {} is sent to {} unencrypted",
        netrc.display(),
        mirror.url("/v1/w.tar.xz")
    );
    let log = log.assert_success().stdout;
    assert!(log.contains(&warning), "{log}");
}

#[test]
fn names_what_decides_a_download() {
    let authority = Authority::new();
    let mirror = Server::https(authority.server("watchexec.invalid"), |_| Reply::ok(b"no"));
    let proxy = Tunnel::to(mirror.address());
    let lifecycle = lifecycle()
        .with("BP_DEPENDENCY_MIRROR", "https://watchexec.invalid/mirror")
        .with("HTTPS_PROXY", proxy.url().replace("//", "//user:secret@"));
    bind(
        &lifecycle,
        "ca-certificates",
        &[("own.pem", &authority.pem())],
    );
    let netrc = lifecycle.path("netrc");
    fs::write(
        &netrc,
        "machine watchexec.invalid login user password secret",
    )
    .unwrap();
    let outcome = lifecycle
        .with("NETRC", netrc.to_str().unwrap())
        .build()
        .assert_failure();
    let proxy = format!("through the proxy {} (HTTPS_PROXY)", proxy.url());
    let login = format!("with the login in {}", netrc.display());
    let trusted = "system CA certificates and 1 from bindings";
    for words in [&proxy, &login, trusted] {
        let shown = outcome.stdout.contains(words) && outcome.stderr.contains(words);
        assert!(shown, "{}", outcome.output());
    }
    let mirror = "/mirror/v1/w.tar.xz (the mirror of BP_DEPENDENCY_MIRROR)";
    assert!(outcome.stderr.contains(mirror), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("has the wrong checksum"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.output().contains("secret"), "{}", outcome.output());
}

#[test]
fn asks_a_refusing_proxy_only_once() {
    let proxy = Server::http(|_| Reply::status("407 Log In First"));
    let outcome = lifecycle()
        .with("HTTPS_PROXY", proxy.url("").replace("//", "//user:secret@"))
        .build()
        .assert_failure();
    assert_eq!(proxy.requests().len(), 1);
    let named = format!("{} (HTTPS_PROXY)", proxy.url(""));
    for words in [
        "the proxy answered 407 (proxy authorization required)",
        &named,
        "Set HTTPS_PROXY with a login",
    ] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    assert!(!outcome.output().contains("secret"), "{}", outcome.output());
}

#[test]
fn asks_hosts_of_no_proxy_directly() {
    for except in ["*", "127.0.0.1:PORT", "*.invalid,127.0.0.0/8"] {
        let mirror = archive_server();
        let port = mirror.address().port().to_string();
        lifecycle()
            .with("BP_DEPENDENCY_MIRROR", mirror.url(""))
            .with("HTTP_PROXY", "http://127.0.0.1:1")
            .with("NO_PROXY", except.replace("PORT", &port))
            .build()
            .assert_success();
    }
}

#[test]
fn names_the_netrc_of_a_login_that_is_refused() {
    let server = Server::http(|_| Reply::status("401 Unauthorized"));
    let lifecycle = lifecycle().with("BP_DEPENDENCY_MIRROR", server.url(""));
    let home = lifecycle.path("home");
    fs::create_dir(&home).unwrap();
    let netrc = home.join(".netrc");
    fs::write(&netrc, "machine 127.0.0.1 login user password secret").unwrap();
    let lifecycle = lifecycle.with("HOME", home.to_str().unwrap());
    let outcome = lifecycle.build().assert_failure();
    let remedy = format!(
        "Correct the login for {} in {}.",
        server.url(""),
        netrc.display()
    );
    assert!(outcome.stderr.contains(&remedy), "{}", outcome.stderr);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn reads_bindings_in_their_older_form() {
    let mirror = archive_server();
    let lifecycle = lifecycle();
    let binding = lifecycle.path("older/mirror");
    for (file, content) in [
        ("metadata/kind", "dependency-mirror"),
        ("metadata/provider", "someone"),
        ("secret/default", &mirror.url("")),
    ] {
        fs::create_dir_all(binding.join(file).parent().unwrap()).unwrap();
        fs::write(binding.join(file), content).unwrap();
    }
    let root = lifecycle.path("older");
    let lifecycle = lifecycle.with("CNB_BINDINGS", root.to_str().unwrap());
    lifecycle.build().assert_success();
    assert_eq!(mirror.requests().len(), 1);
}

#[test]
fn warns_of_bindings_in_vcap_services() {
    let mirror = archive_server();
    let services = r#"{"user-provided": [{"label": "ca-certificates", "credentials": {}}]}"#;
    let outcome = lifecycle()
        .with("BP_DEPENDENCY_MIRROR", mirror.url(""))
        .with("VCAP_SERVICES", services)
        .build()
        .assert_success();
    let words = "Warning: VCAP_SERVICES contains a binding of type ca-certificates";
    assert!(outcome.stdout.contains(words), "{}", outcome.stdout);
}

#[test]
fn uses_the_proxies_of_the_environment() {
    let (proxy, server) = (archive_server(), archive_server());
    for (name, uri) in [
        ("http_proxy", "http://watchexec.invalid/w.tar.xz".to_owned()),
        ("HTTP_PROXY", server.url("/w.tar.xz")),
    ] {
        let before = proxy.requests().len();
        let lifecycle = Lifecycle::new(&dependency("2.8.0", &uri, Checksum::of(ARCHIVE)))
            .with(name, proxy.url(""))
            .with("NO_PROXY", "other.invalid");
        lifecycle.build().assert_success();
        assert_eq!(proxy.requests().len(), before + 1);
        assert_eq!(proxy.requests()[before].target, uri);
    }

    let uri = server.url("/w.tar.xz");
    Lifecycle::new(&dependency("2.8.0", &uri, Checksum::of(ARCHIVE)))
        .with("HTTP_PROXY", proxy.url(""))
        .with("no_proxy", "other.invalid,127.0.0.1")
        .build()
        .assert_success();
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn names_invalid_time_limits() {
    let outcome = lifecycle()
        .with("BP_DIALER_TIMEOUT", "soon")
        .build()
        .assert_failure();
    assert!(outcome.stderr.contains("BP_DIALER_TIMEOUT is invalid"));
}

#[test]
fn accepts_time_limits_beyond_any_duration() {
    for name in [
        "BP_DIALER_TIMEOUT",
        "BP_TLS_HANDSHAKE_TIMEOUT",
        "BP_RESPONSE_HEADER_TIMEOUT",
    ] {
        let mirror = archive_server();
        lifecycle()
            .with("BP_DEPENDENCY_MIRROR", mirror.url(""))
            .with(name, u64::MAX.to_string())
            .build()
            .assert_success();
    }
}

#[test]
fn warns_of_a_mirror_for_the_host_default() {
    let (mirror, other) = (archive_server(), archive_server());
    let outcome = lifecycle()
        .with("BP_DEPENDENCY_MIRROR", mirror.url(""))
        .with("BP_DEPENDENCY_MIRROR_DEFAULT", other.url(""))
        .build()
        .assert_success();
    assert_eq!(mirror.requests().len(), 1);
    assert_eq!(other.requests().len(), 0);
    assert!(
        outcome.stdout.contains(
            "Warning: BP_DEPENDENCY_MIRROR_DEFAULT is not a variable of this buildpack; \
             did you mean BP_DEPENDENCY_MIRROR?"
        ),
        "{}",
        outcome.stdout
    );
}

#[test]
fn shows_no_credential() {
    let refusing = Server::http(|_| Reply::status("403 Forbidden"));
    let with_login = |path: &str| {
        refusing
            .url(path)
            .replace("//", "//user-secret:pass-secret@")
    };
    let check = |lifecycle: Lifecycle| {
        let outcome = lifecycle.build().assert_failure();
        assert!(!outcome.output().contains("secret"), "{}", outcome.output());
    };

    check(lifecycle().with("BP_DEPENDENCY_MIRROR", with_login("")));
    check(lifecycle().with(
        "BP_DEPENDENCY_MIRROR",
        "https://user-secret:pass-secret@[bad",
    ));
    check(lifecycle().with(
        "BP_DEPENDENCY_MIRROR",
        "https://m.invalid,token-is=secret,secret",
    ));
    for mirror in [
        "http://team/secret:secret@m.invalid/x",
        "http://team%2Fbot/secret:secret@m.invalid/x",
        "user:secret=@m.invalid",
        "secret:x@m.invalid",
        "https://user:12,secret@m.invalid",
    ] {
        check(lifecycle().with("BP_DEPENDENCY_MIRROR", mirror));
    }
    check(lifecycle().with("HTTPS_PROXY", "http://user-secret:pass-secret@[bad"));
    check(lifecycle().with("HTTPS_PROXY", "http://team/secret:secret@proxy.invalid"));
    for mapping in [
        "secret:x@m.invalid",
        "http://team/secret:secret@m.invalid/x",
    ] {
        let mapped = lifecycle();
        let key = Checksum::of(ARCHIVE).hex();
        bind(&mapped, "dependency-mapping", &[(&key, mapping)]);
        check(mapped);
    }
    check(Lifecycle::new(&dependency(
        "2.8.0",
        &format!("{}?signature=secret", with_login("/w")),
        Checksum::of(ARCHIVE),
    )));
    let by_proxy = dependency("2.8.0", "http://watchexec.invalid/w", Checksum::of(ARCHIVE));
    check(Lifecycle::new(&by_proxy).with("HTTP_PROXY", with_login("")));

    let mapped = lifecycle();
    let key = Checksum::of(ARCHIVE).hex();
    bind(
        &mapped,
        "dependency-mapping",
        &[(&key, &with_login("/w?sig=secret"))],
    );
    check(mapped);

    let netrc = lifecycle().with("BP_DEPENDENCY_MIRROR", refusing.url(""));
    let path = netrc.path("netrc");
    fs::write(
        &path,
        "machine 127.0.0.1 login user-secret password pass-secret",
    )
    .unwrap();
    check(netrc.with("NETRC", path.to_str().unwrap()));

    let to = with_login("/there?sig=secret");
    let redirecting = Server::http(move |_| Reply::redirect(&to));
    check(lifecycle().with("BP_DEPENDENCY_MIRROR", redirecting.url("")));
}
