//! URLs of archives: https, http and file.

use std::fmt;
use std::path::PathBuf;
use url::Url;

/// The location of an archive. Printing it never shows a credential: a user name or password becomes
/// `***`, and so does a query, which is where signed URLs carry theirs.
#[derive(Clone, PartialEq, Eq)]
pub struct ArchiveUrl(Url);

/// The location of an archive.
#[derive(Debug)]
pub enum Location {
    /// A server, asked by https or http.
    Server(Url),
    /// A file of the build container.
    File(PathBuf),
}

/// A text that is not the URL of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URL.
    #[error("it is not a URL ({0})")]
    NotAUrl(String),
    /// A scheme other than https, http and file.
    #[error("its scheme is {0:?}; https, http and file are accepted")]
    UnknownScheme(String),
    /// A file URL whose path is not absolute, or that names another host.
    #[error("a file URL has an absolute path and no host, as in file:///folder/name")]
    NotAFile,
}

impl ArchiveUrl {
    /// Parses a URL with the scheme https, http or file.
    ///
    /// # Errors
    /// Any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let url =
            Url::parse(text.trim()).map_err(|error| InvalidUrl::NotAUrl(error.to_string()))?;
        match url.scheme() {
            "https" | "http" => Ok(Self(url)),
            "file" if url.host().is_none() && url.to_file_path().is_ok() => Ok(Self(url)),
            "file" => Err(InvalidUrl::NotAFile),
            scheme => Err(InvalidUrl::UnknownScheme(scheme.to_owned())),
        }
    }

    /// A URL that was made from one of the known schemes.
    pub(crate) fn from_url(url: Url) -> Self {
        Self(url)
    }

    /// The URL with its credentials: not for printing.
    pub(crate) fn into_url(self) -> Url {
        self.0
    }

    /// Its location.
    #[must_use]
    pub fn location(&self) -> Location {
        match self.0.to_file_path() {
            Ok(path) if self.0.scheme() == "file" => Location::File(path),
            _ => Location::Server(self.0.clone()),
        }
    }
}

/// A URL without its credentials, for documents that go wherever the image goes; `None` where it is not
/// the URL of an archive.
pub(crate) fn public(url: &str) -> Option<String> {
    ArchiveUrl::parse(url).ok().map(|url| url.to_string())
}

impl fmt::Display for ArchiveUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        // Setting either fails only for URLs that cannot have a user, which then have none.
        if !shown.username().is_empty() || shown.password().is_some() {
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

impl fmt::Debug for ArchiveUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_no_credential() {
        for text in [
            "https://user:secret@example.com/a?sig=secret#secret",
            "https://secret@example.com/a?secret",
            "http://:secret@example.com/a?",
        ] {
            let url = ArchiveUrl::parse(text).unwrap();
            assert!(!format!("{url} {url:?}").contains("secret"));
            assert!(url.to_string().contains("example.com/a"));
        }
        let plain = "https://example.com/a.tar.xz";
        assert_eq!(ArchiveUrl::parse(plain).unwrap().to_string(), plain);
    }

    #[test]
    fn tells_servers_from_files() {
        assert!(matches!(
            ArchiveUrl::parse("HTTPS://example.com").unwrap().location(),
            Location::Server(_)
        ));
        let Location::File(path) = ArchiveUrl::parse("file:///a%20b/c").unwrap().location() else {
            panic!("not a file");
        };
        assert_eq!(path, PathBuf::from("/a b/c"));
    }

    #[test]
    fn rejects_other_texts() {
        assert!(matches!(
            ArchiveUrl::parse("/a/b"),
            Err(InvalidUrl::NotAUrl(_))
        ));
        assert_eq!(
            ArchiveUrl::parse("ftp://example.com/a"),
            Err(InvalidUrl::UnknownScheme("ftp".to_owned()))
        );
        assert_eq!(
            ArchiveUrl::parse("file://host/a"),
            Err(InvalidUrl::NotAFile)
        );
    }
}
