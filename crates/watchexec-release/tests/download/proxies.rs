//! Proxies: asked by either scheme, with credentials, and passed over for the hosts that say so.

use crate::{BODY, get, network};
use harness::certificates::Authority;
use harness::server::{Reply, Server, Tunnel, nobody};
use reqwest::{Certificate, NoProxy, Proxy};
use watchexec_release::download::Failure;

#[test]
fn asks_the_proxy_for_http() {
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
fn verifies_https_at_the_end_of_a_tunnel() {
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
fn asks_hosts_of_no_proxy_directly() {
    let server = Server::http(|_| Reply::ok(BODY));
    let proxy = Proxy::http(format!("http://{}", nobody())).unwrap();
    let mut network = network();
    network.proxies = vec![proxy.no_proxy(NoProxy::from_string("127.0.0.0/8"))];
    get(&server.url("/w"), &network).assert_body();
}

#[test]
fn fails_without_the_proxy() {
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
