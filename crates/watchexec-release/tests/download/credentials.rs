//! Credentials go to their host and to no other.

use crate::{BODY, get, network};
use harness::server::{Reply, Server};
use std::fs;
use watchexec_release::download::{Logins, Network};

/// `user:secret` as a server receives it.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

#[test]
fn sends_credentials_of_the_url() {
    let server = Server::http(|_| Reply::ok(BODY));
    get(
        &server.url("/w").replace("//", "//user:secret@"),
        &network(),
    )
    .assert_body();
    assert_eq!(server.requests()[0].headers["authorization"], BASIC);
}

#[test]
fn sends_credentials_of_netrc_to_their_host() {
    let server = Server::http(|_| Reply::ok(BODY));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netrc");
    fs::write(&path, "machine 127.0.0.1 login user password secret").unwrap();
    let network = Network {
        logins: Logins::from_file(path).unwrap(),
        ..network()
    };

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
        get(
            &server.url("/w").replace("//", "//user:secret@"),
            &network(),
        )
        .assert_body();
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
    get(
        &server.url("/w").replace("//", "//user:secret@"),
        &network(),
    )
    .assert_body();
    assert_eq!(server.requests()[1].headers["authorization"], BASIC);
}
