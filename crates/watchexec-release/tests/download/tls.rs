//! Trust: every server is verified, also one on localhost, and a lack of trust is not retried.

use crate::{BODY, get, network};
use harness::certificates::Authority;
use harness::server::{Reply, Server};
use reqwest::Certificate;
use watchexec_release::download::Failure;

#[test]
fn rejects_an_unknown_ca_at_once() {
    for name in ["127.0.0.1", "localhost"] {
        let server = Server::https(Authority::new().server(name), |_| Reply::ok(BODY));
        let url = server.url("/w").replace("127.0.0.1", name);
        let failure = get(&url, &network()).only_failure();
        assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
        assert_eq!(server.requests().len(), 0);
    }
}

#[test]
fn trusts_a_ca_certificate_of_a_binding() {
    let authority = Authority::new();
    let server = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(BODY));
    let mut network = network();
    network.ca_certificates = Certificate::from_pem_bundle(authority.pem().as_bytes()).unwrap();
    get(&server.url("/w"), &network).assert_body();
}

#[test]
fn rejects_a_certificate_for_another_host() {
    let authority = Authority::new();
    let server = Server::https(authority.server("other.example"), |_| Reply::ok(BODY));
    let mut network = network();
    network.ca_certificates = Certificate::from_pem_bundle(authority.pem().as_bytes()).unwrap();
    let failure = get(&server.url("/w"), &network).only_failure();
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
}

#[test]
fn rejects_a_plain_answer_to_https_at_once() {
    let server = Server::plain(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");
}

#[test]
fn retries_a_server_that_hangs_up_on_https() {
    let server = Server::plain(b"");
    let failures = get(&server.url("/w"), &network()).failures();
    assert_eq!(failures.len(), 4);
    for failure in failures {
        assert!(matches!(failure, Failure::Connect(_)), "{failure:?}");
    }
}
