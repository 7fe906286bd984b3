//! How a request for an archive can fail, and which failures are transient.

use crate::archive_url::ArchiveUrl;
use crate::text::size;
use reqwest::StatusCode;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

/// A limit in time that a request ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Timeout {
    /// Connecting, TLS included.
    #[error("no connection within {}s", .0.as_secs_f64())]
    Connect(Duration),
    /// The server's answer to the request.
    #[error("no answer within {}s", .0.as_secs_f64())]
    ResponseHeader(Duration),
    /// The next bytes of the body.
    #[error("no data for {}s", .0.as_secs_f64())]
    Stall(Duration),
    /// The whole download, with all its requests.
    #[error("not done within {}s", .0.as_secs_f64())]
    Total(Duration),
}

/// A request that brought no archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The reason.
    pub failure: Failure,
    /// The URL that redirects led to.
    pub redirected_to: Option<ArchiveUrl>,
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            redirected_to: None,
        }
    }
}

/// Why one request brought no archive. No variant carries a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection: unknown host, refused, reset. Carries the system's words.
    #[error("no connection ({0})")]
    Connect(String),
    /// No trusted connection. Carries the TLS library's words.
    #[error("no trusted connection ({0})")]
    Tls(String),
    /// A time limit.
    #[error(transparent)]
    Timeout(Timeout),
    /// The server answered with a status that is no success.
    #[error("the server answered {status}")]
    Status {
        /// The status.
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The connection ended within the body.
    #[error("the connection ended after {} ({reason})", size(*received))]
    Interrupted {
        /// Bytes that came.
        received: u64,
        /// The system's words.
        reason: String,
    },
    /// The body is larger than the limit, in bytes.
    #[error("the server sends more than {}", size(*.0))]
    TooLarge(u64),
    /// A redirect that is not followed. Carries the rule.
    #[error("the server {0}")]
    Redirect(String),
    /// A proxy that is neither http nor https. Carries its scheme.
    #[error("{0} proxies are not supported")]
    Proxy(String),
    /// Anything else. Carries the HTTP library's words.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Reads a failure off an error of the HTTP library, before any byte of the body.
    pub(super) fn from_request(error: &reqwest::Error, connect: Duration) -> Self {
        if error.is_redirect() {
            return Self::Redirect(innermost(error));
        }
        // A connection that breaks off within the handshake is a broken network, not a lack of
        // trust, and comes as an I/O error that carries no TLS error.
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Tls(tls.to_string());
        }
        // The connector says so before it sends a byte; a SOCKS proxy is the usual one.
        if let Some(scheme) = innermost(error).strip_prefix("unsupported scheme ") {
            return Self::Proxy(scheme.to_owned());
        }
        if error.is_timeout() {
            return Self::Timeout(Timeout::Connect(connect));
        }
        // A failed request that is neither is a connection that the server closed before it answered.
        if error.is_connect() || error.is_request() || find::<io::Error>(error).is_some() {
            return Self::Connect(innermost(error));
        }
        Self::Other(innermost(error))
    }

    /// How long the server asks to wait.
    pub(super) fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether another request may succeed. Those that the server or its certificate decided
    /// will not; those that the network decided may.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Interrupted { .. } => true,
            Self::Timeout(timeout) => !matches!(timeout, Timeout::Total(_)),
            Self::Status { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || *status == StatusCode::TOO_MANY_REQUESTS
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
