//! URLs that never show a secret.

use std::fmt;
use std::path::PathBuf;
use url::Url;

/// The URL of an archive, a mirror or a proxy: https, http or file. Its printed form has `***` for a
/// user name and a password, and for a query, which is where signed URLs have their signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SafeUrl(Url);

/// A text that is not such a URL. It quotes nothing that may be a part of a login.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URL. Has the parser's words.
    #[error("it is not a URL ({0})")]
    NotAUrl(String),
    /// Without `://`.
    #[error("it is not a URL, which starts with https://, http:// or file://")]
    NoScheme,
    /// A scheme other than https, http and file.
    #[error("its scheme is {0:?}; https, http and file are accepted")]
    UnknownScheme(String),
    /// A file URL whose path is not absolute, or that names a host.
    #[error("a file URL has an absolute path and no host, as in file:///directory/name")]
    NotAFile,
    /// With an `@` after the host: a login with a character that ends the host, or a path.
    #[error(
        "it has an `@` after the host. In a user name or a password, write / ? # as %2F %3F %23; in a \
         path, write @ as %40"
    )]
    Ambiguous,
}

impl SafeUrl {
    /// Parses what a person wrote.
    ///
    /// # Errors
    /// The URL has a different scheme, or could be read in two ways. In `http://team/bot:PASSWORD@host`
    /// the host is `team`, and the password would be a part of the path.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let text = text.trim();
        // A login without a URL around it (`TOKEN:x@host`) parses too, with the token as the scheme.
        if !text
            .split_once(':')
            .is_some_and(|(_, rest)| rest.starts_with("//"))
        {
            return Err(InvalidUrl::NoScheme);
        }
        let url = Url::parse(text).map_err(|error| InvalidUrl::NotAUrl(error.to_string()))?;
        let after_host = [Some(url.path()), url.query(), url.fragment()];
        match url.scheme() {
            "https" | "http" if after_host.iter().flatten().any(|part| part.contains('@')) => {
                Err(InvalidUrl::Ambiguous)
            }
            "https" | "http" => Ok(Self(url)),
            "file" if url.host().is_none() && url.to_file_path().is_ok() => Ok(Self(url)),
            "file" => Err(InvalidUrl::NotAFile),
            scheme => Err(InvalidUrl::UnknownScheme(scheme.to_owned())),
        }
    }

    /// The file of a file URL.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let file = self.0.scheme() == "file";
        file.then(|| self.0.to_file_path().ok()).flatten()
    }

    /// The URL with its secrets: for a request, not for a text.
    #[must_use]
    pub fn exposed(&self) -> &Url {
        &self.0
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Scheme, host and port: `http://proxy.example.com:3128`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The same server, login included, with a different path and query.
    pub(crate) fn with_path(&self, path: &str, query: Option<&str>) -> Self {
        let mut url = self.0.clone();
        url.set_path(path);
        url.set_query(query);
        Self(url)
    }

    /// The URL that a redirect leads to. The login goes along on the same server only. An `@` has no
    /// second meaning in what a server sends.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, InvalidUrl> {
        let mut url = self
            .0
            .join(location)
            .map_err(|error| InvalidUrl::NotAUrl(error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(InvalidUrl::UnknownScheme(url.scheme().to_owned()));
        }
        if !has_login(&url) && url.origin() == self.0.origin() {
            // Neither fails for a URL with a host.
            let _ = url.set_username(self.0.username());
            let _ = url.set_password(self.0.password());
        }
        Ok(Self(url))
    }

    /// Whether it has a user name or a password.
    pub(crate) fn has_login(&self) -> bool {
        has_login(&self.0)
    }
}

fn has_login(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// A URL without its secrets, for documents that go wherever the image goes; `None` for a text that is
/// not a URL of an archive.
pub(crate) fn public(url: &str) -> Option<String> {
    SafeUrl::parse(url).ok().map(|url| url.to_string())
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if self.has_login() {
            // Neither fails for a URL that has a login.
            let _ = shown.set_username("***");
            let _ = shown.set_password(None);
        }
        if shown.query().is_some() {
            shown.set_query(Some("***"));
        }
        shown.set_fragment(None);
        formatter.write_str(shown.as_str())
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_no_secret() {
        for text in [
            "https://user:secret@example.com/a?sig=secret#secret",
            "https://secret@example.com/a?secret",
            "http://:secret@example.com/a?",
        ] {
            let url = SafeUrl::parse(text).unwrap();
            let shown = format!("{url} {url:?} {}", url.origin());
            assert!(!shown.contains("secret"), "{shown}");
            assert!(url.to_string().contains("example.com/a"));
        }
        let plain = "https://example.com/a.tar.xz";
        assert_eq!(SafeUrl::parse(plain).unwrap().to_string(), plain);
    }

    #[test]
    fn refuses_an_ambiguous_login_without_quoting_it() {
        for text in [
            "http://team/bot:SECRET@example.com/a",
            "http://team\\bot:SECRET@example.com/a",
            "http://team?bot:SECRET@example.com/a",
            "http://team#bot:SECRET@example.com/a",
            "https://SEC/RET@example.com/a",
        ] {
            let error = SafeUrl::parse(text).unwrap_err();
            assert_eq!(error, InvalidUrl::Ambiguous, "{text}");
        }
        for text in [
            "SECRET:x@example.com",
            "user:SECRET=@example.com",
            "https:/user:SECRET@example.com",
            "https://user:SECRET@[bad",
            "https://user:SEC?RET@example.com/a",
        ] {
            let error = SafeUrl::parse(text).unwrap_err().to_string();
            let shown = error.to_lowercase();
            assert!(!shown.contains("sec"), "{error}");
        }
    }

    #[test]
    fn accepts_a_login_and_an_at_sign_that_are_encoded() {
        for text in [
            "https://team%2Fbot:pass%40word@example.com/a",
            "https://user:pass@word@example.com/a",
            "https://example.com/%40scope/a",
            "file:///srv/@scope/a",
        ] {
            SafeUrl::parse(text).unwrap();
        }
    }

    #[test]
    fn tells_files_from_servers() {
        let file = |text| SafeUrl::parse(text).unwrap().file();
        assert_eq!(file("HTTPS://example.com"), None);
        assert_eq!(file("file:///a%20b/c"), Some(PathBuf::from("/a b/c")));
    }

    #[test]
    fn rejects_other_texts() {
        let error = |text| SafeUrl::parse(text).unwrap_err();
        assert_eq!(error("/a/b"), InvalidUrl::NoScheme);
        assert!(matches!(error("https://"), InvalidUrl::NotAUrl(_)));
        let ftp = InvalidUrl::UnknownScheme("ftp".to_owned());
        assert_eq!(error("ftp://example.com/a"), ftp);
        assert_eq!(error("file://host/a"), InvalidUrl::NotAFile);
    }

    #[test]
    fn keeps_a_login_on_the_same_server_only() {
        let url = SafeUrl::parse("http://u:p@example.com/a/b").unwrap();
        let to = |location| url.redirected(location).unwrap().exposed().to_string();
        assert_eq!(to("c"), "http://u:p@example.com/a/c");
        assert_eq!(to("http://example.com/c"), "http://u:p@example.com/c");
        assert_eq!(to("http://v@example.com/c"), "http://v@example.com/c");
        assert_eq!(to("http://example.com:81/c"), "http://example.com:81/c");
        assert_eq!(to("https://example.com/c"), "https://example.com/c");
        assert_eq!(to("http://other.com/@c"), "http://other.com/@c");
        assert!(url.redirected("file:///etc/passwd").is_err());
    }
}
