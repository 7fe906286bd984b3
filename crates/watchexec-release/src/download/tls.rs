//! TLS: which certificates and signatures are trusted.

use super::failure::Failure;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::sync::{Arc, LazyLock};

/// The certificates that a connection trusts.
pub(super) type Roots = Arc<RootCertStore>;

/// Reads the certificates of a PEM file.
///
/// # Errors
/// It contains no certificate, or a broken one.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| format!("not a PEM file ({error})"))?;
    if certificates.is_empty() {
        return Err(
            "no PEM certificate; `openssl x509 -inform der -in FILE` converts one".to_owned(),
        );
    }
    for (number, certificate) in (1..).zip(&certificates) {
        let trusted = RootCertStore::empty().add(certificate.clone());
        trusted.map_err(|_| format!("certificate {number} in it is broken"))?;
    }
    Ok(certificates)
}

/// Collects the certificates of the system and of bindings, and describes them.
pub(super) fn trusted(of_bindings: &[CertificateDer<'static>]) -> (Roots, String) {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (system, _) = roots.add_parsable_certificates(native.certs);
    let (bindings, _) = roots.add_parsable_certificates(of_bindings.iter().cloned());
    let described = format!("{system} system CA certificates and {bindings} from bindings");
    (Arc::new(roots), described)
}

/// The TLS configuration that trusts these certificates, or none.
pub(super) fn client(roots: Option<Roots>) -> Result<ClientConfig, Failure> {
    let roots = roots.unwrap_or_else(|| Arc::new(RootCertStore::empty()));
    ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
        .map_err(|error| Failure::Other(error.to_string()))
}

/// ECDSA (FIPS 186-5): the curve of the key, the hash of the message, and the verification.
#[derive(Debug)]
struct Ecdsa(AlgorithmIdentifier, AlgorithmIdentifier, Verify);

type Verify = fn(&[u8], &[u8], &[u8]) -> Option<()>;

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.2)(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.1
    }
}

/// ECDSA with a curve and a hash.
macro_rules! ecdsa {
    ($curve:ident, $key:ident, $hash:ident, $digest:ty) => {
        &Ecdsa(alg_id::$key, alg_id::$hash, |key, message, signature| {
            use ::$curve::ecdsa::signature::hazmat::PrehashVerifier;
            use ::$curve::ecdsa::{DerSignature, VerifyingKey};
            let key = VerifyingKey::from_sec1_bytes(key).ok()?;
            let signature = DerSignature::from_bytes(signature).ok()?;
            let digest = <$digest>::digest(message);
            key.verify_prehash(&digest, &signature).ok()
        })
    };
}

static EXTRA: [&dyn SignatureVerificationAlgorithm; 4] = [
    ecdsa!(p384, ECDSA_P384, ECDSA_SHA512, Sha512),
    ecdsa!(p521, ECDSA_P521, ECDSA_SHA256, Sha256),
    ecdsa!(p521, ECDSA_P521, ECDSA_SHA384, Sha384),
    ecdsa!(p521, ECDSA_P521, ECDSA_SHA512, Sha512),
];
static MAPPING: [(SignatureScheme, &[&dyn SignatureVerificationAlgorithm]); 1] = [(
    SignatureScheme::ECDSA_NISTP521_SHA512,
    &[ecdsa!(p521, ECDSA_P521, ECDSA_SHA512, Sha512)],
)];

/// The cryptography of ring, and the signatures of private CAs that ring does not verify.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = ring::default_provider();
    let known = provider.signature_verification_algorithms;
    // This leaks a few hundred bytes, once.
    provider.signature_verification_algorithms = WebPkiSupportedAlgorithms {
        all: Vec::leak([known.all, &EXTRA].concat()),
        mapping: Vec::leak([known.mapping, &MAPPING].concat()),
    };
    Arc::new(provider)
});
