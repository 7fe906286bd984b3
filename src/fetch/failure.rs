//! How a request for an archive can fail, and which failures may pass.

use crate::address::Address;
use reqwest::StatusCode;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

/// A limit in time that a request ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// Connecting, TLS included.
    Connect(Duration),
    /// The server's answer to the request.
    ResponseHeader(Duration),
    /// The next bytes of the body.
    Stall(Duration),
    /// The whole download, with all its requests.
    Total(Duration),
}

/// A request that brought no archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Why.
    pub failure: Failure,
    /// Where redirects led, if there were any.
    pub redirected_to: Option<Address>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection: unknown host, refused, reset. Carries the system's words.
    Connect(String),
    /// No trusted connection. Carries the TLS library's words.
    Tls(String),
    /// A time limit.
    Timeout(Timeout),
    /// The server answered with a status that is no success.
    Status {
        /// The status.
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The connection ended within the body.
    Interrupted {
        /// Bytes that came.
        received: u64,
        /// The system's words.
        reason: String,
    },
    /// The body is larger than the limit, in bytes.
    TooLarge(u64),
    /// A redirect that is not followed. Carries the rule.
    Redirect(String),
    /// A proxy that is neither http nor https. Carries its scheme.
    Proxy(String),
    /// Anything else. Carries the HTTP library's words.
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
        if error.is_connect() || find::<io::Error>(error).is_some() {
            return Self::Connect(innermost(error));
        }
        if error.is_request() {
            // What is left are connections that the server closed before it answered.
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
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Interrupted { .. } => true,
            Self::Timeout(timeout) => !matches!(timeout, Timeout::Total(_)),
            Self::Status { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Tls(_)
            | Self::TooLarge(_)
            | Self::Redirect(_)
            | Self::Proxy(_)
            | Self::Other(_) => false,
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

impl fmt::Display for Timeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: &Duration| duration.as_secs_f64();
        match self {
            Self::Connect(limit) => write!(formatter, "no connection within {}s", seconds(limit)),
            Self::ResponseHeader(limit) => {
                write!(formatter, "no answer within {}s", seconds(limit))
            }
            Self::Stall(limit) => write!(formatter, "no data for {}s", seconds(limit)),
            Self::Total(limit) => write!(formatter, "not done within {}s", seconds(limit)),
        }
    }
}
