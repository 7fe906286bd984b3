//! Logins for servers, from a netrc file.

use crate::text::read_text;
use netrc::{Authenticator, Netrc};
use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};
use url::Url;

/// User names and passwords by host. The `default` entry of a file is not used: it would hand a
/// password to any host that a URL names.
#[derive(Default)]
pub struct Logins {
    /// A file that is read when a login is first asked for: a build that downloads nothing has no use
    /// for it.
    optional: Option<PathBuf>,
    netrc: OnceCell<Result<Netrc, NetrcError>>,
}

/// A netrc file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct NetrcError {
    /// The file.
    pub file: PathBuf,
    /// The fault, without any content of the file.
    pub reason: String,
}

impl Logins {
    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a netrc file.
    pub fn from_file(file: PathBuf) -> Result<Self, NetrcError> {
        Ok(Self {
            optional: None,
            netrc: Ok(read(file)?).into(),
        })
    }

    /// Reads a file when a login is first asked for, and ignores it where it cannot be read.
    #[must_use]
    pub fn from_optional_file(file: PathBuf) -> Self {
        Self {
            optional: Some(file),
            netrc: OnceCell::new(),
        }
    }

    fn netrc(&self) -> &Result<Netrc, NetrcError> {
        self.netrc.get_or_init(|| match &self.optional {
            Some(file) if !is_missing(file) => read(file.clone()),
            _ => Ok(Netrc::default()),
        })
    }

    /// Why the optional file is ignored, if it is.
    #[must_use]
    pub fn ignored(&self) -> Option<&NetrcError> {
        self.netrc().as_ref().err()
    }

    /// The login for the host of a URL without credentials.
    pub(super) fn for_url(&self, url: &Url) -> Option<&Authenticator> {
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        // The parser files the `default` entry under this name, as if it were a host.
        let host = url.host_str().filter(|host| *host != "default")?;
        self.netrc().as_ref().ok()?.hosts.get(host)
    }
}

fn is_missing(file: &Path) -> bool {
    let missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
    file.symlink_metadata().is_err_and(missing)
}

fn read(file: PathBuf) -> Result<Netrc, NetrcError> {
    let reason = match read_text(&file).map(|text| text.parse()) {
        Ok(Ok(netrc)) => return Ok(netrc),
        // The parser's message quotes the file.
        Ok(Err(_)) => "not lines of `machine HOST login USER password PASSWORD`".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(NetrcError { file, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn netrc(content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("netrc");
        fs::write(&file, content).unwrap();
        (folder, file)
    }

    fn login(logins: &Logins, url: &str) -> Option<String> {
        let login = logins.for_url(&Url::parse(url).unwrap())?;
        Some(format!("{}:{}", login.login, login.password))
    }

    #[test]
    fn gives_hosts_their_own_login_only() {
        let (_folder, file) =
            netrc("machine example.com login user password secret\ndefault login d password d\n");
        let logins = Logins::from_file(file).unwrap();
        assert_eq!(
            login(&logins, "https://example.com/a").as_deref(),
            Some("user:secret")
        );
        for url in [
            "https://own:login@example.com/a",
            "https://sub.example.com/a",
            "https://default/a",
        ] {
            assert_eq!(login(&logins, url), None, "{url}");
        }
    }

    #[test]
    fn reads_an_optional_file_when_a_login_is_asked_for() {
        let (_folder, file) = netrc("not a netrc file");
        let logins = Logins::from_optional_file(file.clone());
        fs::write(&file, "machine example.com login user password secret").unwrap();
        assert!(login(&logins, "https://example.com/a").is_some());
    }

    #[test]
    fn ignores_an_unusable_optional_file() {
        let (_folder, file) = netrc("machine example.com login user secret secret\n");
        let logins = Logins::from_optional_file(file.clone());
        assert_eq!(login(&logins, "https://example.com/a"), None);
        let ignored = logins.ignored().unwrap();
        assert!(!ignored.to_string().contains("secret"), "{ignored}");
        assert!(Logins::from_file(file).is_err());
        let missing = Logins::from_optional_file("/missing/netrc".into());
        assert_eq!(missing.ignored(), None);
        assert!(Logins::from_file("/missing/netrc".into()).is_err());
    }
}
