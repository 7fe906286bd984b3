//! What decides how a request is made.

use super::proxies::Proxy;
use crate::safe_url::SafeUrl;
use std::fmt;

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
