//! Redirects: how many are followed, and which never.

use crate::{BODY, get, network};
use harness::certificates::Authority;
use harness::server::{Reply, Server, unused_address};
use watchexec_release::download::{Failure, certificates};

#[test]
fn follows_a_redirect() {
    let target = Server::http(|_| Reply::ok(BODY));
    let to = target.url("/there");
    let server = Server::http(move |_| Reply::redirect(&to));
    get(&server.url("/w?sig=secret"), &network()).assert_body();
    let request = &target.requests()[0];
    assert!(!request.headers.contains_key("referer"), "{request:?}");
}

#[test]
fn ends_a_redirect_loop() {
    let server = Server::http(|_| Reply::redirect("/again"));
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert!(matches!(failure, Failure::Redirect(rule) if rule == "more than 10 times"));
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn refuses_a_redirect_from_https_to_http() {
    let plain = Server::http(|_| Reply::ok(BODY));
    let to = plain.url("/w");
    let authority = Authority::new();
    let server = Server::https(authority.server("127.0.0.1"), move |_| Reply::redirect(&to));
    let mut network = network();
    network.ca_certificates = certificates(authority.pem().as_bytes()).unwrap();
    let failure = get(&server.url("/w"), &network).only_failure();
    assert!(matches!(failure, Failure::Redirect(rule) if rule.starts_with("to http://")));
    assert_eq!(plain.requests().len(), 0);
}

#[test]
fn follows_a_redirect_from_http_to_https() {
    let authority = Authority::new();
    let secure = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(BODY));
    let to = secure.url("/w");
    let server = Server::http(move |_| Reply::redirect(&to));
    let mut network = network();
    network.ca_certificates = certificates(authority.pem().as_bytes()).unwrap();
    get(&server.url("/w"), &network).assert_body();
}

#[test]
fn names_where_a_redirect_led() {
    let unused = unused_address();
    let missing = Server::http(|_| Reply::status("404 Not Found"));
    for to in [missing.url("/gone"), format!("http://{unused}/gone")] {
        let target = to.clone();
        let server = Server::http(move |_| Reply::redirect(&target));
        let fetched = get(&server.url("/w"), &network());
        assert_eq!(fetched.last().0.url.to_string(), to);
        let shown = fetched.result.as_ref().err().unwrap().to_string();
        assert!(
            shown.contains(&format!("(redirected to {to}):\n")),
            "{shown}"
        );
    }
}

#[test]
fn refuses_a_redirect_to_a_file() {
    let server = Server::http(|_| Reply::redirect("file:///etc/passwd"));
    let failure = get(&server.url("/w"), &network()).only_failure();
    assert!(matches!(failure, Failure::Redirect(_)), "{failure:?}");
}

#[test]
fn shows_no_secret_of_a_redirect() {
    let to = format!(
        "http://user:secret@{}/w@secret?sig=secret",
        unused_address()
    );
    let server = Server::http(move |_| Reply::redirect(&to));
    let fetched = get(&server.url("/w"), &network());
    let shown = fetched.result.err().unwrap().to_string();
    assert!(shown.contains("//***@127.0.0.1"), "{shown}");
    assert_eq!(
        shown.matches("secret").count(),
        shown.matches("/w@secret?***").count()
    );
}
