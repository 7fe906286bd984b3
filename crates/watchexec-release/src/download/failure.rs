//! How a request for an archive can fail, and which failures are transient.

use crate::safe_url::SafeUrl;
use crate::text::size;
use hyper::ext::ReasonPhrase;
use hyper::header::RETRY_AFTER;
use hyper::{Response, StatusCode};
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, InvalidMessage, OtherError};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::{Duration, SystemTime};

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

/// Why one request brought no archive. No variant carries a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection: unknown host, refused, reset. Has the system's words.
    #[error("no connection ({0})")]
    Connect(String),
    /// No trusted connection.
    #[error("no trusted connection to {server} ({fault})")]
    Tls {
        /// The server or the proxy.
        server: String,
        /// The reason.
        fault: TlsFault,
    },
    /// A time limit.
    #[error(transparent)]
    Timeout(Timeout),
    /// The server, or the proxy, answered with a status that is no success.
    #[error("the {} answered {line}", if *.by_proxy { "proxy" } else { "server" })]
    Status {
        /// The status.
        status: StatusCode,
        /// The status in the words of the server or the proxy.
        line: String,
        /// Whether the proxy answered in place of the server.
        by_proxy: bool,
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
    /// A redirect that is not followed. Has the rule.
    #[error("the server redirected {0}")]
    Redirect(String),
    /// A proxy that cannot be used.
    #[error("{0}")]
    Proxy(String),
    /// Anything else. Has the HTTP library's words.
    #[error("{0}")]
    Other(String),
}

/// Why a connection is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate is not valid at this time.
    Time {
        /// Whether it is no longer valid, rather than not yet.
        expired: bool,
        /// The end or the start of its validity.
        limit: UnixTime,
        /// What the clock says.
        now: UnixTime,
    },
    /// The server answers in a different protocol.
    NotTls,
    /// The certificate is self-signed, and not among the trusted ones.
    SelfSigned,
    /// Anything else. Has the TLS library's words.
    Other(String),
}

impl fmt::Display for TlsFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = |time: &UnixTime| {
            let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()));
            time.map(|time| humantime::format_rfc3339_seconds(time).to_string())
                .unwrap_or_default()
        };
        match self {
            Self::Time {
                expired,
                limit,
                now,
            } => {
                let (limit, now) = (date(limit), date(now));
                let until = if *expired { "until" } else { "from" };
                write!(
                    formatter,
                    "the certificate is valid {until} {limit}, and it is {now}"
                )
            }
            Self::NotTls => formatter.write_str("the server does not speak TLS"),
            Self::SelfSigned => formatter.write_str(
                "the server's certificate is self-signed, and not one of the trusted certificates",
            ),
            Self::Other(words) => formatter.write_str(words),
        }
    }
}

/// The verifier's word for [`TlsFault::SelfSigned`].
#[derive(Debug, thiserror::Error)]
#[error("the certificate is self-signed")]
pub(super) struct SelfSigned;

impl From<&rustls::Error> for TlsFault {
    fn from(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
                time,
                not_after,
            }) => Self::Time {
                expired: true,
                limit: *not_after,
                now: *time,
            },
            rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext {
                time,
                not_before,
            }) => Self::Time {
                expired: false,
                limit: *not_before,
                now: *time,
            },
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))
                if other.is::<SelfSigned>() =>
            {
                Self::SelfSigned
            }
            other => Self::Other(other.to_string()),
        }
    }
}

impl Failure {
    /// Reads a failure off an error of the libraries, before any byte of the body. `server` is whom the
    /// connection leads to: the server, or a proxy.
    pub(super) fn of_connection(server: &SafeUrl, error: &(dyn StdError + 'static)) -> Self {
        // A connection that breaks off within the handshake is a broken network, not a lack of
        // trust, and comes as an I/O error that carries no TLS error.
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::Tls {
                server: server.origin(),
                fault: tls.into(),
            };
        }
        // A request that fails without an I/O error: the server closed the connection before it answered.
        let closed = |error: &hyper::Error| error.is_incomplete_message() || error.is_canceled();
        if find::<io::Error>(error).is_some() || find(error).is_some_and(closed) {
            return Self::Connect(innermost(error));
        }
        Self::Other(format!("the request failed ({})", innermost(error)))
    }

    /// The failure that an answer is.
    pub(super) fn of_answer<B>(response: &Response<B>, by_proxy: bool) -> Self {
        let status = response.status();
        let words = match response.extensions().get::<ReasonPhrase>() {
            Some(words) => String::from_utf8_lossy(words.as_bytes()).into_owned(),
            None => status.canonical_reason().unwrap_or_default().to_owned(),
        };
        Self::Status {
            status,
            line: format!("{} {words}", status.as_u16()).trim_end().to_owned(),
            by_proxy,
            // In seconds (RFC 9110, section 10.2.3); the dates that it may also be are not worth a parser.
            retry_after: response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                .map(Duration::from_secs),
        }
    }

    /// How long the server asks to wait.
    pub(super) fn asked_pause(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether a further request may succeed. Failures that the server, the proxy or a certificate
    /// decided are final; those of the network may pass.
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
