//! How servers are reached.

use super::netrc::Netrc;
use super::proxies::{Proxies, Proxy};
use crate::safe_url::SafeUrl;
use printable::printable;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::time::Duration;

/// The largest archive that is accepted, in bytes. A release has 3 MB.
pub(super) const LARGEST_ARCHIVE: u64 = 128 << 20;

/// Everything that decides how a server is asked. It has no `Debug`: it holds passwords.
#[derive(Default)]
pub struct Network {
    /// Time limits, retries, sizes.
    pub policy: Policy,
    /// Proxies by scheme.
    pub proxies: Proxies,
    /// Certificates that are trusted in addition to the system's.
    pub ca_certificates: Vec<CertificateDer<'static>>,
    /// Logins by host.
    pub netrc: Netrc,
}

/// A user name and a password.
pub(super) type Login = [Vec<u8>; 2];

impl Network {
    /// The login for a URL, and its origin for people.
    pub(super) fn login(&self, url: &SafeUrl) -> Option<(Login, String)> {
        match url.login() {
            Some(login) => Some((login, "the URL".to_owned())),
            None => Some((
                self.netrc.login(url.host())?,
                printable(&self.netrc.file).to_string(),
            )),
        }
    }
}

/// A request, and everything that decides how it is made. It prints no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The URL: that of the archive, or of a redirect.
    pub url: SafeUrl,
    /// The proxy that it goes through.
    pub proxy: Option<Proxy>,
    /// Where its login comes from: its URL, or the path of a netrc file.
    pub login: Option<String>,
    /// How many CA certificates are trusted, if it is https.
    pub trusted: Option<String>,
}

impl Hop {
    /// Where its login comes from, if it goes over the network unencrypted.
    pub fn exposed_login(&self) -> Option<&str> {
        self.login.as_deref().filter(|_| !self.url.is_https())
    }
}

impl fmt::Display for Hop {
    /// All but the URL: `through the proxy …, with the login in …, trusting …`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proxy {
            Some(proxy) => write!(formatter, "through the proxy {proxy}")?,
            None => formatter.write_str("without a proxy")?,
        }
        if let Some(login) = &self.login {
            write!(formatter, ", with the login in {login}")?;
        }
        match &self.trusted {
            Some(trusted) => write!(formatter, ", trusting {trusted}"),
            None => Ok(()),
        }
    }
}

/// The limits of a download.
#[derive(Debug, Clone)]
pub struct Policy {
    /// For a connection, that to a proxy and TLS included.
    pub connect: Duration,
    /// For the server's answer, from the established connection.
    pub response_header: Duration,
    /// Between two pieces of the body.
    pub stall: Duration,
    /// For the whole, with all requests and the pauses between them.
    pub total: Duration,
    /// Requests after the first one.
    pub retries: usize,
    /// The shortest first pause. Each further one is twice as long, and each is extended by a
    /// random part of itself, so that many builds that failed together do not come back together.
    pub first_pause: Duration,
    /// The longest pause, also of those that a server asks for.
    pub longest_pause: Duration,
    /// Bytes of a body.
    pub largest: u64,
    /// Silence before the first line of progress, and between two lines.
    pub progress_every: Duration,
}

impl Default for Policy {
    /// What a build uses. The pauses are 15 to 30 seconds in all: long enough for a load balancer
    /// to replace a broken server, short enough that a person waits for it.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            response_header: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            total: Duration::from_mins(5),
            retries: 4,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            largest: LARGEST_ARCHIVE,
            progress_every: Duration::from_secs(3),
        }
    }
}
