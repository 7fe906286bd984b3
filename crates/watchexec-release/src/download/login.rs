//! User names and passwords.

use super::failure::Failure;
use super::netrc::Netrc;
use crate::safe_url::SafeUrl;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;

/// A user name and a password. It has no `Debug`.
pub(super) struct Login {
    pub(super) user: Vec<u8>,
    pub(super) password: Vec<u8>,
    pub(super) source: LoginSource,
}

/// Where a login was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginSource {
    /// In the URL.
    Url,
    /// In a netrc file.
    Netrc(PathBuf),
}

impl Login {
    /// The login in a URL, else that of its host in a netrc file.
    ///
    /// # Errors
    /// The file cannot be read up to there.
    pub(super) fn find(url: &SafeUrl, netrc: &Netrc) -> Result<Option<Self>, Failure> {
        match Self::of_url(url) {
            None => netrc.login(url.host()),
            login => Ok(login),
        }
    }

    /// The login in a URL.
    pub(super) fn of_url(url: &SafeUrl) -> Option<Self> {
        let decoded = |text| percent_decode_str(text).collect();
        url.has_login().then(|| Self {
            user: decoded(url.exposed().username()),
            password: decoded(url.exposed().password().unwrap_or_default()),
            source: LoginSource::Url,
        })
    }

    /// The value of `Authorization` or `Proxy-Authorization` (RFC 7617).
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let login = [self.user.as_slice(), &self.password].join(&b':');
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(login))).ok()
    }
}

impl fmt::Display for LoginSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => formatter.write_str("its URL"),
            Self::Netrc(file) => file.display().fmt(formatter),
        }
    }
}
