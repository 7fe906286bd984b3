//! How a request for an archive can fail, and which failures are transient.

use crate::safe_url::SafeUrl;
use crate::text::size;
use hyper::StatusCode;
use rustls::{CertificateError, InvalidMessage};
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// Why one request brought no archive. No variant has a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection: unknown host, refused, reset. Has the system's words.
    #[error("no connection ({0})")]
    Connect(String),
    /// No trusted connection to a server or a proxy, which has the second place.
    #[error("no trusted connection to {1} ({0})")]
    Tls(TlsFault, String),
    /// A step of a request that was not done in time: `no answer`.
    #[error("{0} within {limit}s", limit = .1.as_secs_f64())]
    Timeout(&'static str, Duration),
    /// The limit for all requests.
    #[error("not done within {}s", .0.as_secs_f64())]
    Total(Duration),
    /// The server answered with a status that is no success, in these words, and asks to wait this long.
    #[error("the server answered {1}")]
    Status(StatusCode, String, Option<Duration>),
    /// The proxy did.
    #[error("the proxy answered {1}")]
    ProxyStatus(StatusCode, String),
    /// The connection ended after so many bytes of the body. Has the system's words.
    #[error("the connection ended after {received} ({1})", received = size(*.0))]
    Interrupted(u64, String),
    /// The body is larger than the limit, in bytes.
    #[error("the server sends more than {}", size(*.0))]
    TooLarge(u64),
    /// A redirect that is not followed. Has the rule.
    #[error("the server redirected {0}")]
    Redirect(String),
    /// Anything else. Has the words of the library, or of a proxy's setting.
    #[error("{0}")]
    Other(String),
}

/// Why a connection is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificate is not valid at this time. Has the TLS library's words.
    #[error("{0}")]
    Time(String),
    /// The server answers in a different protocol.
    #[error("it does not speak TLS")]
    NotTls,
    /// The server's certificate is that of a CA, which has to sign one for it.
    #[error("its certificate is self-signed as that of a CA, or is a CA's")]
    Ca,
    /// Anything else. Has the TLS library's words.
    #[error("{0}")]
    Other(String),
}

impl From<&rustls::Error> for TlsFault {
    fn from(error: &rustls::Error) -> Self {
        use CertificateError::{ExpiredContext, NotValidYetContext};
        let words = error.to_string();
        match error {
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            rustls::Error::InvalidCertificate(
                ExpiredContext { .. } | NotValidYetContext { .. },
            ) => Self::Time(words),
            // The library passes on this error of another library as it is.
            _ if words.contains("CaUsedAsEndEntity") => Self::Ca,
            _ => Self::Other(words),
        }
    }
}

impl Failure {
    /// Reads a failure off an error of the libraries, before any byte of the body. `server` is the one that
    /// the connection leads to, which may be a proxy.
    pub(super) fn of_connection(server: &SafeUrl, error: &(dyn StdError + 'static)) -> Self {
        // A connection that breaks off within the handshake is a broken network, not a lack of
        // trust, and comes as an I/O error that has no TLS error.
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Tls(tls.into(), server.origin());
        }
        // Without an I/O error, too, a server may close the connection before it answers.
        let closed = |error: &hyper::Error| error.is_incomplete_message() || error.is_canceled();
        if find::<io::Error>(error).is_some() || find(error).is_some_and(closed) {
            return Self::Connect(innermost(error));
        }
        Self::Other(format!("the request failed ({})", innermost(error)))
    }

    /// Whether a further request may succeed. Failures that the server, the proxy or a certificate
    /// decided are final; those of the network may pass.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Interrupted(..) | Self::Timeout(..) => true,
            Self::Status(status, ..) | Self::ProxyStatus(status, _) => {
                let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
                status.is_server_error() || busy.contains(status)
            }
            _ => false,
        }
    }
}

/// The last error of a chain: the HTTP library wraps the system's words several times.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The first error of a type in a chain. Errors inside an [`io::Error`] are looked at too, since
/// its `source` passes them over.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        if let Some(inner) = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            && let Some(found) = find::<E>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}
