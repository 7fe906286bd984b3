//! Credentials go to their host and to no other.

use crate::support::server::{Reply, Server};
use crate::{BODY, get, network};
use std::fs;
use watchexec_buildpack::environment::Environment;
use watchexec_buildpack::network::Network;

/// `user:secret` as a server receives it.
const BASIC: &str = "Basic dXNlcjpzZWNyZXQ=";

#[test]
fn those_of_the_address_are_sent() {
    let server = Server::http(|_| Reply::ok(BODY));
    let fetched = get(
        &server.url("/w").replace("//", "//user:secret@"),
        &network(),
    );
    fetched.assert_body();
    assert_eq!(server.requests()[0].headers["authorization"], BASIC);
    assert!(!fetched.log.contains("secret"));
}

#[test]
fn those_of_netrc_are_sent_to_their_host() {
    let server = Server::http(|_| Reply::ok(BODY));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("netrc");
    fs::write(&path, "machine 127.0.0.1 login user password secret").unwrap();
    let mut process = libcnb::Env::new();
    process.insert("NETRC", &path);
    let environment = Environment::new(process, libcnb::Env::new());
    let network = Network::read(&environment, &[]).unwrap();

    get(&server.url("/w"), &network).assert_body();
    assert_eq!(server.requests()[0].headers["authorization"], BASIC);

    let other_name = server.url("/w").replace("127.0.0.1", "localhost");
    get(&other_name, &network).assert_body();
    assert!(!server.requests()[1].headers.contains_key("authorization"));
}

#[test]
fn a_redirect_takes_them_to_no_other_host_or_port() {
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
fn a_redirect_on_the_same_server_keeps_them() {
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
