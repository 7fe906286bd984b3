//! Which servers are trusted.

use super::failure::SelfSigned;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, ServerName,
    SignatureVerificationAlgorithm, UnixTime, alg_id,
};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;
use std::sync::Arc;

/// The certificates that connections trust, as a text: how many, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// How many are the system's.
    pub system: usize,
    /// How many are those of bindings.
    pub bindings: usize,
    /// Why the system's cannot be read, if they cannot.
    pub faults: Vec<String>,
}

impl fmt::Display for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} CA certificates of the system", self.system)?;
        if !self.faults.is_empty() {
            write!(formatter, " ({})", self.faults.join("; "))?;
        }
        write!(formatter, " and {} of bindings", self.bindings)
    }
}

/// Reads the certificates of a PEM file.
///
/// # Errors
/// It has none, or one that no connection could trust.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("not a PEM file ({error})"))?;
    if certificates.is_empty() {
        return Err(
            "no PEM certificate; `openssl x509 -inform der -in FILE` converts one".to_owned(),
        );
    }
    for (number, certificate) in (1..).zip(&certificates) {
        webpki::anchor_from_trusted_cert(certificate)
            .map_err(|error| format!("certificate {number} in it is broken ({error})"))?;
    }
    Ok(certificates)
}

/// The TLS of all connections of a download, which trusts the system's certificates and `own`.
///
/// # Errors
/// There is no certificate at all, or the limits of the TLS library.
pub(super) fn client(own: &[CertificateDer<'static>]) -> (Trust, Result<ClientConfig, Error>) {
    let native = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (system, _) = roots.add_parsable_certificates(native.certs);
    let (bindings, _) = roots.add_parsable_certificates(own.iter().cloned());
    let trust = Trust {
        system,
        bindings,
        faults: native.errors.iter().map(ToString::to_string).collect(),
    };
    let provider = Arc::new(provider());
    let config = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .map_err(|error| Error::General(error.to_string()))
        .and_then(|webpki| {
            let own = own.to_vec();
            let verifier = Arc::new(Verifier { webpki, own });
            let builder = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?;
            let builder = builder
                .dangerous()
                .with_custom_certificate_verifier(verifier);
            Ok(builder.with_no_client_auth())
        });
    (trust, config)
}

/// Verifies as webpki does, and accepts a certificate that the operator has given for the server itself.
/// `openssl req -x509` makes such a certificate a CA's, which webpki refuses as a server's.
#[derive(Debug)]
struct Verifier {
    webpki: Arc<WebPkiServerVerifier>,
    own: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let result = self
            .webpki
            .verify_server_cert(server, intermediates, name, ocsp, now);
        let is_ca = match &result {
            // The second one: a different certificate for the same name is trusted.
            Err(Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => false,
            Err(Error::InvalidCertificate(CertificateError::Other(OtherError(other))))
                if other.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) =>
            {
                true
            }
            _ => return result,
        };
        // webpki has compared the time already, and nothing else.
        if is_ca && self.own.iter().any(|own| own == server) {
            rustls::client::verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        match webpki::EndEntityCert::try_from(server) {
            Ok(parsed) if parsed.issuer() == parsed.subject() => {
                let error = OtherError(Arc::new(SelfSigned));
                Err(CertificateError::Other(error).into())
            }
            _ => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// The cryptography of ring, and signatures that private CAs use and ring lacks.
fn provider() -> CryptoProvider {
    static ALL: [&dyn SignatureVerificationAlgorithm; 4] =
        [&P384_SHA512, &P521_SHA256, &P521_SHA384, &P521_SHA512];
    let mut provider = ring::default_provider();
    let known = provider.signature_verification_algorithms;
    let p521 = (SignatureScheme::ECDSA_NISTP521_SHA512, [ALL[3], ALL[0]]);
    // A program downloads once: what is leaked here is a few hundred bytes.
    let p521 = (p521.0, &*Vec::leak(p521.1.to_vec()));
    provider.signature_verification_algorithms = WebPkiSupportedAlgorithms {
        all: Vec::leak([known.all, &ALL].concat()),
        mapping: Vec::leak([known.mapping, &[p521]].concat()),
    };
    provider
}

/// ECDSA (FIPS 186-5), by the curve of the key and the hash of the message.
#[derive(Debug)]
struct Ecdsa {
    curve: AlgorithmIdentifier,
    hash: AlgorithmIdentifier,
    verify: fn(&[u8], &[u8], &[u8]) -> Option<()>,
}

static P384_SHA512: Ecdsa = Ecdsa {
    curve: alg_id::ECDSA_P384,
    hash: alg_id::ECDSA_SHA512,
    verify: p384::<Sha512>,
};
static P521_SHA256: Ecdsa = Ecdsa {
    curve: alg_id::ECDSA_P521,
    hash: alg_id::ECDSA_SHA256,
    verify: p521::<Sha256>,
};
static P521_SHA384: Ecdsa = Ecdsa {
    hash: alg_id::ECDSA_SHA384,
    verify: p521::<Sha384>,
    ..P521_SHA256
};
static P521_SHA512: Ecdsa = Ecdsa {
    hash: alg_id::ECDSA_SHA512,
    verify: p521::<Sha512>,
    ..P521_SHA256
};

fn p384<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    use ::p384::ecdsa::signature::hazmat::PrehashVerifier;
    use ::p384::ecdsa::{DerSignature, VerifyingKey};
    let key = VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = DerSignature::from_bytes(signature).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

fn p521<D: Digest>(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    use ::p521::ecdsa::signature::hazmat::PrehashVerifier;
    use ::p521::ecdsa::{DerSignature, VerifyingKey};
    let key = VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = DerSignature::from_bytes(signature).ok()?;
    key.verify_prehash(&D::digest(message), &signature).ok()
}

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.verify)(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.curve
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.hash
    }
}
