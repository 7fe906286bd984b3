//! URLs that never show a secret.

use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use url::Url;

/// The URL of an archive, a mirror or a proxy: https, http or file. Its printed form has `***` for
/// a user name and a password, and for a query, which is where signed URLs have their signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// Parses what a person wrote.
    ///
    /// # Errors
    /// Why it cannot be used, without any part of it that may be a secret. A URL that could be read
    /// in two ways is refused: in `http://team/bot:PASSWORD@host`, the host is `team`, and the
    /// password would be a part of the path.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (_, rest) = text.split_once(':').unwrap_or_default();
        // A login alone parses too: the scheme of `TOKEN:x@host` is the token.
        if !rest.starts_with("//") {
            return Err(
                "it is not a URL, because it does not start with https://, http:// or file://"
                    .into(),
            );
        }
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        let after_host = [Some(url.path()), url.query(), url.fragment()];
        match url.scheme() {
            "https" | "http" if after_host.iter().flatten().any(|part| part.contains('@')) => Err(
                "it has an `@` after the host. In a user name or a password, write / ? # as %2F %3F %23; \
                 in a path, write @ as %40"
                    .to_owned(),
            ),
            "https" | "http" => Ok(Self(url)),
            "file" if url.host().is_none() && url.to_file_path().is_ok() => Ok(Self(url)),
            "file" => Err("a file URL has an absolute path and no host, as in file:///a/b".into()),
            scheme => Err(format!("its scheme is {scheme:?}; https, http and file are accepted")),
        }
    }

    /// The file of a file URL.
    pub fn file(&self) -> Option<PathBuf> {
        let file = self.0.scheme() == "file";
        file.then(|| self.0.to_file_path().ok()).flatten()
    }

    /// The URL with its secrets: for a request, not for a text.
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

    /// The URL that a redirect leads to. The login goes along on the same server only. An `@` has
    /// no second meaning in what a server sends.
    ///
    /// # Errors
    /// It must not be followed: it is no server, or http after https.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, String> {
        let url = self.0.join(location);
        let mut next = Self(url.map_err(|error| format!("to an invalid URL ({error})"))?);
        if next.0.scheme() != "https" && (next.0.scheme() != "http" || self.is_https()) {
            let (scheme, host) = (next.0.scheme(), next.host());
            return Err(format!("to {scheme}://{host}, which is not allowed"));
        }
        if next.login().is_none() && next.origin() == self.origin() {
            // Neither fails for a URL with a host.
            let _ = next.0.set_username(self.0.username());
            let _ = next.0.set_password(self.0.password());
        }
        Ok(next)
    }

    /// Its user name and password, decoded.
    pub(crate) fn login(&self) -> Option<[Vec<u8>; 2]> {
        let (user, password) = (self.0.username(), self.0.password());
        let login = [user, password.unwrap_or_default()];
        let is_there = !user.is_empty() || password.is_some();
        is_there.then(|| login.map(|text| percent_decode_str(text).collect()))
    }
}

/// The URL of a server without its secrets, for documents that go wherever the image goes. That of
/// a file would show a path of the packager's machine.
pub(crate) fn public(url: &str) -> Option<String> {
    let url = SafeUrl::parse(url).ok()?;
    url.file().is_none().then(|| url.to_string())
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if self.login().is_some() {
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
            assert!(
                error.starts_with("it has an `@` after the host."),
                "{error}"
            );
        }
        for text in [
            "SECRET:x@example.com",
            "user:SECRET=@example.com",
            "https:/user:SECRET@example.com",
            "https://user:SECRET@[bad",
            "https://user:SEC?RET@example.com/a",
        ] {
            let error = SafeUrl::parse(text).unwrap_err();
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
    fn rejects_invalid_urls() {
        for (text, words) in [
            ("/a/b", "it is not a URL, because it does not start with"),
            ("https://", "it is not a URL ("),
            ("ftp://example.com/a", "its scheme is \"ftp\""),
            (
                "file://host/a",
                "a file URL has an absolute path and no host",
            ),
        ] {
            let error = SafeUrl::parse(text).unwrap_err();
            assert!(error.starts_with(words), "{error}");
        }
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
