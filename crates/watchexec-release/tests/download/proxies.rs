//! Proxies: asked by either scheme, with credentials, and passed over for the hosts that say so.

use crate::{BODY, get, network};
use harness::certificates::Authority;
use harness::server::{Reply, Server, Tunnel, nobody};
use reqwest::{Certificate, NoProxy, Proxy};
use watchexec_release::download::Failure;

#[test]
fn http_is_asked_of_the_proxy() {
    let proxy = Server::http(|_| Reply::ok(BODY));
    let mut network = network();
    network.proxies = vec![Proxy::http(proxy.url("").replace("//", "//user:pass@")).unwrap()];
    get("http://watchexec.invalid/w", &network).assert_body();
    let requests = proxy.requests();
    assert_eq!(requests[0].target, "http://watchexec.invalid/w");
    assert_eq!(
        requests[0].headers["proxy-authorization"],
        "Basic dXNlcjpwYXNz"
    );
}

#[test]
fn https_goes_through_a_tunnel_and_is_verified_at_its_end() {
    let authority = Authority::new();
    let server = Server::https(authority.server("watchexec.invalid"), |_| Reply::ok(BODY));
    let tunnel = Tunnel::to(server.address());
    let mut network = network();
    network.proxies = vec![Proxy::https(tunnel.url()).unwrap()];
    let failure = get("https://watchexec.invalid/w", &network).only_failure();
    assert!(matches!(failure, Failure::Tls(_)), "{failure:?}");

    network.ca_certificates = Certificate::from_pem_bundle(authority.pem().as_bytes()).unwrap();
    get("https://watchexec.invalid/w", &network).assert_body();
    assert_eq!(
        tunnel.targets(),
        ["watchexec.invalid:443", "watchexec.invalid:443"]
    );
}

#[test]
fn hosts_of_no_proxy_are_asked_directly() {
    let server = Server::http(|_| Reply::ok(BODY));
    let proxy = Proxy::http(format!("http://{}", nobody())).unwrap();
    let mut network = network();
    network.proxies = vec![proxy.no_proxy(NoProxy::from_string("127.0.0.0/8"))];
    get(&server.url("/w"), &network).assert_body();
}

#[test]
fn a_proxy_that_is_not_there_is_not_passed_over() {
    let server = Server::http(|_| Reply::ok(BODY));
    let mut network = network();
    network.proxies = vec![Proxy::http(format!("http://{}", nobody())).unwrap()];
    let failures = get(&server.url("/w"), &network).failures();
    assert!(matches!(failures[0], Failure::Connect(_)));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn refuses_a_socks_proxy_at_once() {
    for scheme in ["socks4", "socks5", "socks5h", "SOCKS5"] {
        let proxy = format!("{scheme}://{}", nobody());
        let mut network = network();
        network.proxies = vec![Proxy::http(&proxy).unwrap(), Proxy::https(&proxy).unwrap()];
        for url in ["http://watchexec.invalid/w", "https://watchexec.invalid/w"] {
            let failure = get(url, &network).only_failure();
            assert_eq!(failure, Failure::Proxy(scheme.to_lowercase()));
        }
    }
}
