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
    let Failure::Tls(fault, named) = failure else {
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
        let Failure::Tls(fault, _) = failure else {
            panic!("{failure:?}");
        };
        assert!(matches!(fault, TlsFault::Other(_)));
        assert_eq!(server.requests().len(), 0);
    }
}

#[test]
fn trusts_a_ca_certificate_of_a_binding() {
    let authority = Authority::new();
    let server = Server::https(authority.server("127.0.0.1"), |_| Reply::ok(BODY));
    let fetched = get(&server.url("/w"), &trusting(&authority.pem()));
    fetched.assert_body();
    let trusted = fetched.progress.hops.borrow()[0].trusted.clone().unwrap();
    assert!(trusted.ends_with(" and 1 from bindings"), "{trusted}");
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
fn trusts_a_self_signed_certificate_unless_it_is_that_of_a_ca() {
    let (config, pem) = self_signed("127.0.0.1", false);
    let server = Server::https(config, |_| Reply::ok(BODY));
    get(&server.url("/w"), &trusting(&pem)).assert_body();
    assert!(matches!(fault(&server, &network()), TlsFault::Other(_)));

    let (config, pem) = self_signed("127.0.0.1", true);
    let server = Server::https(config, |_| Reply::ok(BODY));
    for network in [trusting(&pem), network()] {
        assert_eq!(fault(&server, &network), TlsFault::Ca);
    }
}

#[test]
fn rejects_a_certificate_for_another_host() {
    let authority = Authority::new();
    let server = Server::https(authority.server("other.example"), |_| Reply::ok(BODY));
    let fault_of_ca = fault(&server, &trusting(&authority.pem()));
    assert!(matches!(fault_of_ca, TlsFault::Other(_)));
    let (config, pem) = self_signed("other.example", false);
    let server = Server::https(config, |_| Reply::ok(BODY));
    assert!(matches!(
        fault(&server, &trusting(&pem)),
        TlsFault::Other(_)
    ));
}

#[test]
fn distinguishes_invalid_dates_from_a_lack_of_trust() {
    let authority = Authority::new();
    for (first, last) in [(1990, 2000), (3000, 3001)] {
        let config = authority.server_of_years("127.0.0.1", first, last);
        let server = Server::https(config, |_| Reply::ok(BODY));
        assert!(matches!(
            fault(&server, &trusting(&authority.pem())),
            TlsFault::Time(_)
        ));
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
