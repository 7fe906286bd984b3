//! Credentials go to their host and to no other.

use crate::{BODY, get, network};
use harness::server::{Reply, Server};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use watchexec_release::download::{Netrc, Network};

/// `user:secret` as a server receives it.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

/// A URL of a server, with this login.
fn with_login(server: &Server) -> String {
    server.url("/w").replace("//", "//user:secret@")
}

/// A network with a netrc file of this content, and the file.
fn with_netrc(folder: &TempDir, content: &[u8]) -> (Network, PathBuf) {
    let path = folder.path().join("netrc");
    fs::write(&path, content).unwrap();
    let netrc = Netrc::read(&path).unwrap();
    (Network { netrc, ..network() }, path)
}

#[test]
fn sends_credentials_of_the_url() {
    let server = Server::http(|_| Reply::ok(BODY));
    get(&with_login(&server), &network()).assert_body();
    assert_eq!(server.requests()[0].headers["authorization"], BASIC);
}

#[test]
fn sends_credentials_of_netrc_to_their_host() {
    let server = Server::http(|_| Reply::ok(BODY));
    let folder = tempfile::tempdir().unwrap();
    let (network, _) = with_netrc(&folder, b"machine 127.0.0.1 login user password secret");

    get(&server.url("/w"), &network).assert_body();
    assert_eq!(server.requests()[0].headers["authorization"], BASIC);

    let other_name = server.url("/w").replace("127.0.0.1", "localhost");
    get(&other_name, &network).assert_body();
    assert!(!server.requests()[1].headers.contains_key("authorization"));
}

#[test]
fn sends_no_credentials_to_another_host_or_port() {
    let target = Server::http(|_| Reply::ok(BODY));
    for to in [
        target.url("/w"),
        target.url("/w").replace("127.0.0.1", "localhost"),
    ] {
        let server = Server::http(move |_| Reply::redirect(&to));
        get(&with_login(&server), &network()).assert_body();
        assert_eq!(server.requests()[0].headers["authorization"], BASIC);
    }
    for request in target.requests() {
        assert!(
            !request.headers.contains_key("authorization"),
            "{request:?}"
        );
    }
}

#[test]
fn sends_credentials_again_on_the_same_server() {
    let server = Server::http(|request| {
        if request.target == "/w" {
            Reply::redirect("/there")
        } else {
            Reply::ok(BODY)
        }
    });
    get(&with_login(&server), &network()).assert_body();
    assert_eq!(server.requests()[1].headers["authorization"], BASIC);
}

/// curl does the same (7.88, `--netrc-file` and `--location`).
#[test]
fn sends_the_login_of_netrc_for_the_host_of_a_redirect() {
    let target = Server::http(|_| Reply::ok(BODY));
    let to = target.url("/w");
    let server = Server::http(move |_| Reply::redirect(&to));
    let folder = tempfile::tempdir().unwrap();
    let (network, _) = with_netrc(&folder, b"machine 127.0.0.1 login user password secret");
    get(
        &server.url("/w").replace("127.0.0.1", "localhost"),
        &network,
    )
    .assert_body();
    assert!(!server.requests()[0].headers.contains_key("authorization"));
    assert_eq!(target.requests()[0].headers["authorization"], BASIC);
}

#[test]
fn decodes_a_login() {
    let server = Server::http(|_| Reply::ok(BODY));
    let login = "//us%2Fer:sec%40ret@";
    get(&server.url("/w").replace("//", login), &network()).assert_body();
    let sent = &server.requests()[0].headers["authorization"];
    assert_eq!(sent, "Basic dXMvZXI6c2VjQHJldA==");
}

#[test]
fn names_the_login_that_was_refused() {
    let server = Server::http(|_| Reply::status("401 Unauthorized"));
    let folder = tempfile::tempdir().unwrap();
    let (network, path) = with_netrc(&folder, b"machine 127.0.0.1 login user password secret");
    let fetched = get(&server.url("/w"), &network);
    let login = fetched.last().0.login.clone();
    assert_eq!(login.as_deref(), path.to_str());
    let shown = fetched.result.err().unwrap().to_string();
    let login = format!("with the login in {}", path.display());
    assert!(
        shown.contains(&login) && !shown.contains("secret"),
        "{shown}"
    );
    assert_eq!(server.requests().len(), 1);
}

/// Latin-1, below the byte order mark of an editor.
#[test]
fn sends_a_password_of_netrc_byte_for_byte() {
    let server = Server::http(|_| Reply::ok(BODY));
    let folder = tempfile::tempdir().unwrap();
    let entry = b"\xEF\xBB\xBFmachine 127.0.0.1 login user password p\xE9";
    let (network, _) = with_netrc(&folder, entry);
    get(&server.url("/w"), &network).assert_body();
    let sent = &server.requests()[0].headers["authorization"];
    assert_eq!(sent, "Basic dXNlcjpw6Q==");
}
