//! Addresses of archives: https, http and file.

use std::fmt;
use std::path::{Path, PathBuf};
use url::Url;

/// Where an archive can be fetched from. Printing it never shows a credential: a user name or
/// password becomes `***`, and so does a query, which is where signed addresses carry theirs.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

/// What kind of place an address names.
#[derive(Debug)]
pub enum Place {
    /// A server, asked by https or http.
    Server(Url),
    /// A file of the build container.
    File(PathBuf),
}

/// A text that names no place an archive can be fetched from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not a URI.
    #[error("it is not a URI ({0})")]
    NotAUri(String),
    /// A scheme other than https, http and file.
    #[error("its scheme {0:?} is not known")]
    UnknownScheme(String),
    /// A file URI whose path is not absolute, or that names another host.
    #[error("a file URI needs an absolute path and no host, as in file:///dir/name")]
    NotAFile,
}

impl Address {
    /// Parses the URI of a dependency.
    ///
    /// # Errors
    /// It is no URI, or none with the scheme https, http or file.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let url =
            Url::parse(text.trim()).map_err(|error| InvalidAddress::NotAUri(error.to_string()))?;
        match url.scheme() {
            "https" | "http" => Ok(Self(url)),
            "file" if url.host().is_none() && url.to_file_path().is_ok() => Ok(Self(url)),
            "file" => Err(InvalidAddress::NotAFile),
            scheme => Err(InvalidAddress::UnknownScheme(scheme.to_owned())),
        }
    }

    /// An address that was made out of a parsed one.
    #[must_use]
    pub fn from_url(url: Url) -> Self {
        Self(url)
    }

    /// The address with all its parts, credentials too: not for printing.
    #[must_use]
    pub fn into_url(self) -> Url {
        self.0
    }

    /// The address of a file; `None` unless its path is absolute.
    #[must_use]
    pub fn file(path: &Path) -> Option<Self> {
        Url::from_file_path(path).ok().map(Self)
    }

    /// The place that the address names.
    #[must_use]
    pub fn place(&self) -> Place {
        match self.0.to_file_path() {
            Ok(path) if self.0.scheme() == "file" => Place::File(path),
            _ => Place::Server(self.0.clone()),
        }
    }
}

impl fmt::Display for Address {
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

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_shows_no_credential() {
        for text in [
            "https://user:secret@example.com/a?sig=secret#secret",
            "https://secret@example.com/a?secret",
            "http://:secret@example.com/a?",
        ] {
            let address = Address::parse(text).unwrap();
            assert!(!format!("{address} {address:?}").contains("secret"));
            assert!(address.to_string().contains("example.com/a"));
        }
        let plain = "https://example.com/a.tar.xz";
        assert_eq!(Address::parse(plain).unwrap().to_string(), plain);
    }

    #[test]
    fn servers_and_files_are_told_apart() {
        assert!(matches!(
            Address::parse("HTTPS://example.com").unwrap().place(),
            Place::Server(_)
        ));
        let Place::File(path) = Address::parse("file:///a%20b/c").unwrap().place() else {
            panic!("not a file");
        };
        assert_eq!(path, PathBuf::from("/a b/c"));
    }

    #[test]
    fn other_places_are_refused() {
        assert!(matches!(
            Address::parse("/a/b"),
            Err(InvalidAddress::NotAUri(_))
        ));
        assert_eq!(
            Address::parse("ftp://example.com/a"),
            Err(InvalidAddress::UnknownScheme("ftp".to_owned()))
        );
        assert_eq!(
            Address::parse("file://host/a"),
            Err(InvalidAddress::NotAFile)
        );
    }
}
