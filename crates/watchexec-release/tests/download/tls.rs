//! Trust: every server is verified, also one on localhost, and a lack of trust is not retried.

use crate::{BODY, get, network};
use harness::certificates::{Authority, self_signed, server_of_file};
use harness::server::{Reply, Server};
use watchexec_release::download::{Failure, Network, TlsFault, certificates};

fn trusting(pem: &str) -> Network {
    Network {
        ca_certificates: certificates(pem.as_bytes()).unwrap(),
        ..network()
    }
}

/// Why the connection to a server was not trusted.
fn fault(server: &Server, network: &Network) -> TlsFault {
    let failure = get(&server.url("/w"), network).only_failure();
    let Failure::Tls {
        server: named,
        fault,
    } = failure
    else {
        panic!("{failure:?}");
    };
    assert_eq!(named, server.url(""));
    fault
}

#[test]
fn rejects_an_unknown_ca_at_once() {
    for name in ["127.0.0.1", "localhost"] {
        let server = Server::https(Authority::new().server(name), |_| Reply::ok(BODY));
        let url = server.url("/w").replace("127.0.0.1", name);
        let failure = get(&url, &network()).only_failure();
        let Failure::Tls { fault, .. } = failure else {
            panic!("{failure:?}");
        };
        assert!(matches!(fault, TlsFault::Other(_)), "{fault:?}");
        assert_eq!(server.requests().len(), 0);
    }
}

#[test]
fn trusts_a_ca_certificate_of_a_binding() {
    let authority = Authority::new();
    let server = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(BODY));
    let fetched = get(&server.url("/w"), &trusting(&authority.pem()));
    fetched.assert_body();
    let trust = fetched.progress.hops.borrow()[0].trust.clone().unwrap();
    assert_eq!(trust.bindings, 1);
}

/// curl and Go's client accept these, and the TLS library's own cryptography does not.
#[test]
fn trusts_cas_with_large_curves_and_hashes() {
    for pem in [
        include_str!("../certificates/p384-sha512.pem"),
        include_str!("../certificates/p521-sha256.pem"),
        include_str!("../certificates/p521-sha384.pem"),
        include_str!("../certificates/p521-sha512.pem"),
    ] {
        let server = Server::https(server_of_file(pem.as_bytes()), |_| Reply::ok(BODY));
        // The first certificate is the CA's.
        let mut network = trusting(pem);
        network.ca_certificates.truncate(1);
        get(&server.url("/w"), &network).assert_body();

        let other = trusting(&Authority::new().pem());
        assert!(matches!(fault(&server, &other), TlsFault::Other(_)));
    }
}

#[test]
fn rejects_a_signature_of_a_different_ca() {
    let of = |pem: &str| certificates(pem.as_bytes()).unwrap();
    let pem = include_str!("../certificates/p521-sha512.pem");
    let server = Server::https(server_of_file(pem.as_bytes()), |_| Reply::ok(BODY));
    // The name and the public key algorithm of the CA are the right ones, its key is not.
    let mut network = network();
    let mut forged = of(pem)[0].to_vec();
    let key = forged
        .windows(3)
        .position(|bytes| bytes == [0, 4, 0] || bytes == [0, 4, 1])
        .unwrap();
    forged[key + 20] ^= 1;
    network.ca_certificates = vec![forged.into()];
    assert!(matches!(fault(&server, &network), TlsFault::Other(_)));
}

#[test]
fn trusts_a_self_signed_certificate_of_a_binding() {
    for is_ca in [true, false] {
        let (config, pem) = self_signed("127.0.0.1", is_ca);
        let server = Server::https(config, |_| Reply::ok(BODY));
        get(&server.url("/w"), &trusting(&pem)).assert_body();
        assert_eq!(fault(&server, &network()), TlsFault::SelfSigned);
        let (_, other) = self_signed("127.0.0.1", is_ca);
        assert_eq!(fault(&server, &trusting(&other)), TlsFault::SelfSigned);
    }
}

#[test]
fn rejects_a_certificate_for_another_host() {
    let authority = Authority::new();
    let server = Server::https(authority.server("other.example"), |_| Reply::ok(BODY));
    let fault_of_ca = fault(&server, &trusting(&authority.pem()));
    assert!(matches!(fault_of_ca, TlsFault::Other(_)), "{fault_of_ca:?}");
    for is_ca in [true, false] {
        let (config, pem) = self_signed("other.example", is_ca);
        let server = Server::https(config, |_| Reply::ok(BODY));
        let fault = fault(&server, &trusting(&pem));
        assert!(matches!(fault, TlsFault::Other(_)), "{fault:?}");
    }
}

#[test]
fn says_when_a_certificate_is_valid() {
    let authority = Authority::new();
    for (first, last, words) in [
        (
            1990,
            2000,
            "the certificate is valid until 2000-01-01T00:00:00Z, and it is 20",
        ),
        (
            3000,
            3001,
            "the certificate is valid from 3000-01-01T00:00:00Z, and it is 20",
        ),
    ] {
        let config = authority.server_of_years("127.0.0.1", first, last);
        let server = Server::https(config, |_| Reply::ok(BODY));
        let shown = fault(&server, &trusting(&authority.pem())).to_string();
        assert!(shown.starts_with(words), "{shown}");
    }
}

#[test]
fn rejects_a_plain_answer_to_https_at_once() {
    let server = Server::plain(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(fault(&server, &network()), TlsFault::NotTls);
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

#[test]
fn reads_certificates_and_says_which_is_broken() {
    let one = Authority::new().pem();
    let two = format!("# a comment\n{one}\n{}", Authority::new().pem());
    assert_eq!(certificates(two.as_bytes()).unwrap().len(), 2);
    let broken = one.replace("MII", "MIJ");
    assert_ne!(broken, one);
    for (pem, words) in [
        ("no certificate", "no PEM certificate"),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "not a PEM file",
        ),
        (&format!("{one}{broken}"), "certificate 2 in it is broken"),
    ] {
        let error = certificates(pem.as_bytes()).unwrap_err();
        assert!(error.starts_with(words), "{error}");
    }
}
