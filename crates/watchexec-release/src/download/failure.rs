//! How a request for an archive can fail, and which failures are transient.

use super::network::Hop;
use crate::text::size;
use reqwest::StatusCode;
use rustls::{CertificateError, InvalidMessage};
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// Why a request failed. No variant contains a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection: unknown host, refused, reset. Contains the system's message.
    #[error("no connection ({0})")]
    Connect(String),
    /// No trusted connection. Contains the reason, and the URL of the server or the proxy.
    #[error("no trusted connection to {1} ({0})")]
    Tls(TlsFault, String),
    /// A step of a request, or all requests together, took longer than the limit. Contains what was
    /// missing: `no answer`.
    #[error("{0} within {limit}s", limit = .1.as_secs_f64())]
    Timeout(&'static str, Duration),
    /// The server answered with a status other than 200. Contains its status line, and how long it
    /// asks to wait.
    #[error("the server answered {1}")]
    Status(StatusCode, String, Option<Duration>),
    /// The proxy did not pass the request on. Contains its status line.
    #[error("the proxy answered {1}")]
    Proxy(StatusCode, String),
    /// The connection ended within the body. Contains the number of bytes received, and the
    /// system's message.
    #[error("the connection ended after {received} ({1})", received = size(*.0))]
    Interrupted(u64, String),
    /// The body is larger than this limit, in bytes.
    #[error("the server sends more than {}", size(*.0))]
    TooLarge(u64),
    /// A redirect that is not followed: where it leads, or how many there were.
    #[error("the server redirected {0}")]
    Redirect(String),
    /// Anything else. Contains the message of the library, or what is wrong with the proxy's URL.
    #[error("{0}")]
    Other(String),
}

/// How the texts of a tunnel's errors begin, which have no public type.
const TUNNEL: &str = "tunnel error: ";

/// Why a connection is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The certificate is not valid at this time. Contains the TLS library's message.
    #[error("{0}")]
    Time(String),
    /// The server answers in a different protocol.
    #[error("it does not speak TLS")]
    NotTls,
    /// The server presents the certificate of a CA as its own.
    #[error("it presents a CA certificate as its own")]
    Ca,
    /// Anything else. Contains the TLS library's message.
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
            // rustls has no variant for this error of webpki.
            _ if words.contains("CaUsedAsEndEntity") => Self::Ca,
            _ => Self::Other(words),
        }
    }
}

impl Failure {
    /// Classifies an error of the HTTP library, before any byte of the body.
    pub(super) fn of_request(hop: &Hop, error: &reqwest::Error) -> Self {
        let words = innermost(error);
        // A connection that breaks off within the handshake is a broken network, not a lack of
        // trust, and comes as an I/O error that has no TLS error.
        if let Some(tls) = find::<rustls::Error>(error) {
            // The handshake was with the proxy if the URL is http, or if opening the tunnel failed.
            let is_tunnel = chain(error).any(|error| error.to_string().starts_with(TUNNEL));
            let proxy = hop.proxy.as_ref().and_then(|proxy| proxy.url.as_ref().ok());
            let proxy = proxy.filter(|_| is_tunnel || !hop.url.is_https());
            return Self::Tls(tls.into(), proxy.unwrap_or(&hop.url).origin());
        }
        // A server that closes the connection before it answers causes no I/O error.
        let closed = |error: &hyper::Error| error.is_incomplete_message() || error.is_canceled();
        let is_broken = find::<io::Error>(error).is_some() || find(error).is_some_and(closed);
        match words.strip_prefix(TUNNEL) {
            Some(words @ "proxy authorization required") => Self::Proxy(
                StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                format!("407 ({words})"),
            ),
            _ if error.is_connect() || is_broken => Self::Connect(words),
            _ => Self::Other(format!("the request failed ({words})")),
        }
    }

    /// Whether a retry can succeed. Refusals by a server, a proxy or a certificate are final;
    /// broken networks and busy servers are not.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Interrupted(..) | Self::Timeout(..) => true,
            Self::Status(status, ..) | Self::Proxy(status, _) => {
                let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
                status.is_server_error() || busy.contains(status)
            }
            _ => false,
        }
    }
}

/// Whether a proxy answered CONNECT with a status that the HTTP library does not tell.
pub(super) fn is_refused_tunnel(error: &reqwest::Error) -> bool {
    innermost(error).strip_prefix(TUNNEL) == Some("unsuccessful")
}

/// The last error of a chain: the HTTP library wraps the system's message several times.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// The first error of a type in a chain.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error and its sources. The `source` of an [`io::Error`] skips the error inside it.
fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let inner = error.downcast_ref().and_then(io::Error::get_ref);
        inner.map_or_else(|| error.source(), |inner| Some(inner))
    })
}
