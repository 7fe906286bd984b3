//! A private CA and server certificates signed by it.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

/// A private CA.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a key and a self-signed certificate.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        let subject = &mut params.distinguished_name;
        subject.push(DnType::CommonName, "Private CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    /// The certificate of the CA in its binary form.
    pub fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// The certificate of the CA, as a `ca-certificates` binding has it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these host names and addresses, or for a client of this name and
    /// organization, and its key, both as PEM.
    pub fn issue(&self, hosts: &[&str], name: &str, organization: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        let subject = &mut params.distinguished_name;
        subject.push(DnType::CommonName, name);
        subject.push(DnType::OrganizationName, organization);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// The TLS configuration of a server called `name`.
    pub fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.server_of_years(name, 1975, 4096)
    }

    /// The same, with a certificate that is valid from the start of one year to that of the other.
    pub fn server_of_years(&self, name: &str, first: i32, last: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(first, 1, 1);
        params.not_after = date_time_ymd(last, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        server(certificate.der().clone(), key.serialize_der())
    }
}

/// The TLS configuration of a server called `name` with a self-signed certificate, and the
/// certificate as PEM. As `openssl req -x509` makes it, it is a CA's.
pub fn self_signed(name: &str, is_ca: bool) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let certificate = params.self_signed(&key).unwrap();
    let config = server(certificate.der().clone(), key.serialize_der());
    (config, certificate.pem())
}

/// The TLS configuration of a server with the second certificate of a PEM file and the key in it.
pub fn server_of_file(pem: &[u8]) -> Arc<ServerConfig> {
    let certificate = CertificateDer::pem_slice_iter(pem).nth(1).unwrap().unwrap();
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap();
    server(certificate, key.secret_pkcs8_der().to_vec())
}

fn server(certificate: CertificateDer<'static>, key: Vec<u8>) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key)),
        )
        .unwrap();
    Arc::new(config)
}

/// A public key for signatures and its private key, both as PEM.
pub fn key_pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    (key.public_key_pem(), key.serialize_pem())
}
