//! Redirects: how many are followed, and which never.

use crate::{BODY, get, network};
use harness::certificates::Authority;
use harness::server::{Reply, Server, nobody};
use reqwest::Certificate;
use watchexec_release::download::{DownloadError, Failure};

#[test]
fn follows_a_redirect() {
    let target = Server::http(|_| Reply::ok(BODY));
    let to = target.url("/there");
    let server = Server::http(move |_| Reply::redirect(&to));
    get(&server.url("/w"), &network()).assert_body();
}

#[test]
fn ends_a_redirect_loop() {
    let server = Server::http(|_| Reply::redirect("/again"));
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert!(matches!(failure, Failure::Redirect(rule) if rule.contains("more than 10 times")));
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn refuses_a_redirect_from_https_to_http() {
    let plain = Server::http(|_| Reply::ok(BODY));
    let to = plain.url("/w");
    let authority = Authority::new();
    let server = Server::https(authority.server("127.0.0.1"), move |_| Reply::redirect(&to));
    let mut network = network();
    network.ca_certificates = Certificate::from_pem_bundle(authority.pem().as_bytes()).unwrap();
    let failure = get(&server.url("/w"), &network).only_failure();
    assert!(matches!(failure, Failure::Redirect(rule) if rule.contains("from https to http")));
    assert_eq!(plain.requests().len(), 0);
}

#[test]
fn follows_a_redirect_from_http_to_https() {
    let authority = Authority::new();
    let secure = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(BODY));
    let to = secure.url("/w");
    let server = Server::http(move |_| Reply::redirect(&to));
    let mut network = network();
    network.ca_certificates = Certificate::from_pem_bundle(authority.pem().as_bytes()).unwrap();
    get(&server.url("/w"), &network).assert_body();
}

#[test]
fn names_where_a_redirect_led() {
    let nobody = nobody();
    let missing = Server::http(|_| Reply::status("404 Not Found"));
    for to in [missing.url("/gone"), format!("http://{nobody}/gone")] {
        let target = to.clone();
        let server = Server::http(move |_| Reply::redirect(&target));
        let fetched = get(&server.url("/w"), &network());
        let Err(DownloadError::Requests { attempts, .. }) = fetched.result else {
            panic!("no download error");
        };
        let shown = attempts[0].redirected_to.as_ref().map(ToString::to_string);
        assert_eq!(shown, Some(to));
    }
}
