//! Proxies: for both schemes, with credentials, and bypassed for the hosts in `NO_PROXY`.

use crate::{BODY, get, network};
use harness::certificates::Authority;
use harness::server::{Reply, Server, Tunnel, unused_address};
use watchexec_release::download::{Failure, Network, Proxies, Proxy, certificates};

/// A network in which both schemes go through a proxy.
fn through(proxy: &str) -> Network {
    let set_by = |variable: &str| Some(Proxy::parse(variable.to_owned(), proxy));
    Network {
        proxies: Proxies {
            http: set_by("HTTP_PROXY"),
            https: set_by("HTTPS_PROXY"),
            except: String::new(),
        },
        ..network()
    }
}

fn with_login(url: &str) -> String {
    url.replace("//", "//user:secret@")
}

#[test]
fn asks_the_proxy_for_http() {
    let proxy = Server::http(|_| Reply::ok(BODY));
    let network = through(&with_login(&proxy.url("")));
    get("http://watchexec.invalid/w?a=b", &network).assert_body();
    let requests = proxy.requests();
    assert_eq!(requests[0].target, "http://watchexec.invalid/w?a=b");
    assert_eq!(requests[0].headers["host"], "watchexec.invalid");
    let login = &requests[0].headers["proxy-authorization"];
    assert_eq!(login, "Basic dXNlcjpzZWNyZXQ=");
}

#[test]
fn verifies_https_at_the_end_of_a_tunnel() {
    let authority = Authority::new();
    let server = Server::https(authority.server("watchexec.invalid"), |_| Reply::ok(BODY));
    let tunnel = Tunnel::to(server.address());
    let mut network = through(&tunnel.url());
    let failure = get("https://watchexec.invalid/w", &network).only_failure();
    assert!(
        matches!(&failure, Failure::Tls(_, server) if server == "https://watchexec.invalid"),
        "{failure:?}"
    );

    network.ca_certificates = certificates(authority.pem().as_bytes()).unwrap();
    get("https://watchexec.invalid/w", &network).assert_body();
    assert_eq!(
        tunnel.targets(),
        ["watchexec.invalid:443", "watchexec.invalid:443"]
    );
}

#[test]
fn asks_a_proxy_by_https() {
    let authority = Authority::new();
    let proxy = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(BODY));
    let mut network = through(&proxy.url(""));
    for url in ["http://watchexec.invalid/w", "https://watchexec.invalid/w"] {
        let failure = get(url, &network).only_failure();
        let Failure::Tls(_, server) = failure else {
            panic!("{failure:?}");
        };
        assert_eq!(server, proxy.url(""), "the proxy is not trusted");
    }

    network.ca_certificates = certificates(authority.pem().as_bytes()).unwrap();
    get("http://watchexec.invalid/w", &network).assert_body();
    // It answers CONNECT with 200, and hangs up on what follows.
    let failures = get("https://watchexec.invalid/w", &network).failures();
    assert!(matches!(failures[0], Failure::Connect(_)), "{failures:?}");
    assert_eq!(proxy.requests()[1].method, "CONNECT");
}

#[test]
fn asks_hosts_of_no_proxy_directly() {
    let server = Server::http(|_| Reply::ok(BODY));
    let mut network = through(&format!("http://{}", unused_address()));
    network.proxies.except = server.address().to_string();
    get(&server.url("/w"), &network).assert_body();
}

#[test]
fn never_bypasses_an_unreachable_proxy() {
    let server = Server::http(|_| Reply::ok(BODY));
    let proxy = unused_address();
    let network = through(&with_login(&format!("http://{proxy}")));
    let fetched = get(&server.url("/w"), &network);
    assert!(matches!(fetched.failures()[0], Failure::Connect(_)));
    assert_eq!(server.requests().len(), 0);
    let shown = fetched.result.err().unwrap().to_string();
    let named = format!("requested through the proxy http://{proxy} (HTTP_PROXY)");
    assert!(
        shown.contains(&named) && !shown.contains("secret"),
        "{shown}"
    );
}

/// A further request with the same password may lock the account. Only a proxy that has accepted it
/// is asked again, to learn the status, which the HTTP library does not tell.
#[test]
fn sends_a_refused_proxy_login_only_once() {
    for (scheme, status, failure, asked) in [
        (
            "http",
            "407 Log In First",
            "the proxy answered 407 Log In First",
            1,
        ),
        (
            "https",
            "407 Log In First",
            "the proxy answered 407 (proxy authorization required)",
            1,
        ),
        (
            "https",
            "403 Blocked by Policy",
            "the proxy answered 403 Blocked by Policy",
            2,
        ),
    ] {
        let proxy = Server::http(move |_| Reply::status(status));
        let network = through(&with_login(&proxy.url("")));
        let fetched = get(&format!("{scheme}://watchexec.invalid/w"), &network);
        assert_eq!(fetched.only_failure().to_string(), failure);
        let requests = proxy.requests();
        assert_eq!(requests.len(), asked);
        for request in requests {
            let login = &request.headers["proxy-authorization"];
            assert_eq!(login, "Basic dXNlcjpzZWNyZXQ=");
            if scheme == "https" {
                assert_eq!(request.method, "CONNECT");
                assert_eq!(request.target, "watchexec.invalid:443");
            }
        }
        let shown = fetched.result.err().unwrap().to_string();
        assert!(
            shown.contains(&proxy.url("")) && !shown.contains("secret"),
            "{shown}"
        );
    }
}

#[test]
fn retries_a_proxy_that_does_not_reach_the_server() {
    let proxy = Server::http(|_| Reply::status("503 Service Unavailable"));
    let failures = get("https://watchexec.invalid/w", &through(&proxy.url(""))).failures();
    let shown: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["the proxy answered 503 Service Unavailable"; 4]);
}

#[test]
fn retries_a_tunnel_that_breaks() {
    let proxy = Server::http(|_| Reply::raw(""));
    let failures = get("https://watchexec.invalid/w", &through(&proxy.url(""))).failures();
    assert_eq!(failures.len(), 4);
    assert!(matches!(failures[0], Failure::Connect(_)), "{failures:?}");
}

#[test]
fn refuses_a_socks_proxy_at_once() {
    for scheme in ["socks4", "socks5", "socks5h", "SOCKS5"] {
        let network = through(&format!("{scheme}://{}", unused_address()));
        for url in ["http://watchexec.invalid/w", "https://watchexec.invalid/w"] {
            let failure = get(url, &network).only_failure();
            let words = "_PROXY cannot be used: only http and https proxies are supported";
            assert!(failure.to_string().ends_with(words), "{failure:?}");
        }
    }
}
