//! Mirrors: servers that have the dependencies of other servers (Paketo RFC 0060).

use crate::archive_url::ArchiveUrl;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use url::Url;

/// The name of the mirror for all hosts.
pub const DEFAULT: &str = "default";
/// In a mirror's path, the host of the original URL.
const ORIGINAL_HOST: &str = "{originalHost}";

/// All mirrors of a build, by the host that they stand for, in lower case. An unusable one matters
/// only where it is used: other hosts' mirrors are for other buildpacks.
#[derive(Debug, Default)]
pub struct Mirrors(BTreeMap<String, Result<Mirror, InvalidOverride>>);

/// One mirror. Its `Debug` form hides credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The variable or the binding's file that sets it.
    pub setting: String,
    url: ArchiveUrl,
    skip_path: Option<String>,
}

/// A mirror or a mapping that cannot be used. An operator who sets one means it, so the next
/// location is not tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}")]
pub struct InvalidOverride {
    /// The variable or the binding's file. The value may hold credentials and is not here.
    pub setting: String,
    /// The fault.
    pub fault: String,
}

impl FromIterator<(String, Result<Mirror, InvalidOverride>)> for Mirrors {
    fn from_iter<I>(mirrors: I) -> Self
    where
        I: IntoIterator<Item = (String, Result<Mirror, InvalidOverride>)>,
    {
        Self(mirrors.into_iter().collect())
    }
}

impl Mirrors {
    /// The mirror for a host: its own, else the one for all.
    #[must_use]
    pub fn for_host(&self, host: &str) -> Option<&Result<Mirror, InvalidOverride>> {
        self.0
            .get(&host.to_lowercase())
            .or_else(|| self.0.get(DEFAULT))
    }
}

impl Mirror {
    /// Parses `<URL>[,skip-path=<path>]`, in which `mirror=` may stand before the URL. `setting`
    /// names the variable or the binding's file for people.
    ///
    /// A part may be percent-encoded, which is how a URL with a comma is written, and is decoded as
    /// libpak does it. A bare URL is decoded only where it is encoded as a whole: a password may
    /// have an encoded `/`.
    ///
    /// # Errors
    /// Another form, or a URL that is not https, http or file.
    pub fn parse(setting: &str, text: &str) -> Result<Self, InvalidOverride> {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let invalid = |fault: String| InvalidOverride {
            setting: setting.to_owned(),
            fault,
        };
        let no_url = || invalid("it has no URL".to_owned());
        let mut url = None;
        let mut skip_path = None;
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some(("mirror", value)) => url = Some(decoded(value)),
                Some(("skip-path", value)) => skip_path = Some(decoded(value)),
                _ if part.contains("://") => url = Some(part.to_owned()),
                None if decoded(part).contains("://") => url = Some(decoded(part)),
                _ if part.is_empty() => {}
                // Only the part's name: its value may be a secret.
                Some((name, _)) => {
                    return Err(invalid(format!(
                        "its part {name:?} is neither mirror nor skip-path"
                    )));
                }
                None => return Err(no_url()),
            }
        }
        let url = url.ok_or_else(no_url)?;
        Ok(Self {
            setting: setting.to_owned(),
            url: ArchiveUrl::parse(&url).map_err(|error| invalid(error.to_string()))?,
            skip_path: skip_path.filter(|path| !path.is_empty()),
        })
    }

    /// The URL at the mirror for `original`.
    ///
    /// Scheme, credentials, host and port are the mirror's; the path is the mirror's, in which
    /// `{originalHost}` is replaced, followed by the original one, from which `skip-path` is
    /// taken out once; the query is the original's.
    #[must_use]
    pub fn rewrite(&self, original: &Url) -> ArchiveUrl {
        let mut url = self.url.clone().into_url();
        // A parsed path has its braces encoded.
        let host = original.host_str().unwrap_or_default();
        let prefix = url
            .path()
            .replace("%7BoriginalHost%7D", host)
            .replace(ORIGINAL_HOST, host);
        let path = original.path();
        let rest = match &self.skip_path {
            Some(skipped) => path.replacen(skipped.as_str(), "", 1),
            None => path.to_owned(),
        };
        url.set_path(&format!(
            "{}/{}",
            prefix.trim_end_matches('/'),
            rest.trim_start_matches('/')
        ));
        url.set_query(original.query());
        ArchiveUrl::from_url(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WATCHEXEC: &str = "https://github.com/watchexec/watchexec/releases/download/v1.25.1/watchexec-1.25.1-x86_64-unknown-linux-musl.tar.xz";

    fn rewrite(mirror: &str, original: &str) -> Result<String, String> {
        let original = Url::parse(original).unwrap();
        Mirror::parse("MIRROR", mirror)
            .map(|mirror| mirror.rewrite(&original).into_url().to_string())
            .map_err(|error| error.fault)
    }

    #[test]
    fn follows_the_examples_of_rfc_0060() {
        let with_host =
            "https://user:pass@local-mirror.example.com/buildpacks-dependencies/{originalHost}";
        let path = "watchexec/watchexec/releases/download/v1.25.1/watchexec-1.25.1-x86_64-unknown-linux-musl.tar.xz";
        for (mirror, original, expected) in [
            (
                with_host,
                "https://download.bell-sw.com/vm/22.3.5/bellsoft-liberica-vm-core-openjdk11.0.22+12-22.3.5+1-linux-amd64.tar.gz",
                "https://user:pass@local-mirror.example.com/buildpacks-dependencies/download.bell-sw.com/vm/22.3.5/bellsoft-liberica-vm-core-openjdk11.0.22+12-22.3.5+1-linux-amd64.tar.gz",
            ),
            (
                with_host,
                WATCHEXEC,
                &format!(
                    "https://user:pass@local-mirror.example.com/buildpacks-dependencies/github.com/{path}"
                ),
            ),
            (
                "https://mirror.example.org/public-github",
                WATCHEXEC,
                &format!("https://mirror.example.org/public-github/{path}"),
            ),
            (
                "https://mirror.example.org/{originalHost}",
                "https://nodejs.org/dist/node.tar.xz",
                "https://mirror.example.org/nodejs.org/dist/node.tar.xz",
            ),
        ] {
            assert_eq!(rewrite(mirror, original).unwrap(), expected);
        }
    }

    #[test]
    fn applies_every_part() {
        for (mirror, original, expected) in [
            // Scheme and port are the mirror's; http and file are mirrors too.
            ("http://m:8080", "https://h/a", "http://m:8080/a"),
            (
                "file:///srv/mirror",
                "https://h:1/a",
                "file:///srv/mirror/a",
            ),
            (
                "file:///srv/{originalHost}",
                "https://h/a",
                "file:///srv/h/a",
            ),
            // Credentials of the original do not go to the mirror.
            ("https://m", "https://user:pass@h/a", "https://m/a"),
            // The query is kept.
            ("https://m/x", "https://h/a?b=c&d", "https://m/x/a?b=c&d"),
            // Both spellings, with the parts in both orders.
            ("https://m,skip-path=/a", "https://h/a/b", "https://m/b"),
            (
                "mirror=https://m,skip-path=/a",
                "https://h/a/b",
                "https://m/b",
            ),
            (
                "skip-path=/a,mirror=https://m/",
                "https://h/a/b",
                "https://m/b",
            ),
            (" https://m , skip-path=/a ", "https://h/a/b", "https://m/b"),
            // Removed once, at any position.
            ("https://m,skip-path=/a", "https://h/a/a/b", "https://m/a/b"),
            ("https://m,skip-path=/b", "https://h/a/b/c", "https://m/a/c"),
            ("https://m,skip-path=/x", "https://h/a/b", "https://m/a/b"),
            ("https://m,skip-path=%2Fa", "https://h/a/b", "https://m/b"),
            ("https://m,skip-path=", "https://h/a", "https://m/a"),
            // Each part may be percent-encoded, which is how it holds a comma.
            ("mirror=https%3A%2F%2Fm%2Cx", "https://h/a", "https://m,x/a"),
            ("https%3A%2F%2Fm%2Fx", "https://h/a", "https://m/x/a"),
            (
                "mirror=http%3A%2F%2Fm%2F%7BoriginalHost%7D,skip-path=%2Fa",
                "https://h/a/b",
                "http://m/h/b",
            ),
            // A URL that parses without decoding keeps the encoding of its password.
            ("https://u:p%2Fw@m", "https://h/a", "https://u:p%2Fw@m/a"),
            // One slash where the two paths meet.
            ("https://m/x/", "https://h/a", "https://m/x/a"),
            (
                "https://m/x,skip-path=/a/",
                "https://h/a/b",
                "https://m/x/b",
            ),
        ] {
            assert_eq!(
                rewrite(mirror, original),
                Ok(expected.to_owned()),
                "{mirror}"
            );
        }
    }

    #[test]
    fn rejects_unusable_mirrors() {
        for (mirror, expected) in [
            ("ftp://m", "its scheme is \"ftp\""),
            ("https://", "it is not a URL"),
            ("mirror.example.com", "it has no URL"),
            ("skip-path=/a", "it has no URL"),
            ("https://m,token=secret", "its part \"token\""),
        ] {
            let fault = rewrite(mirror, WATCHEXEC).unwrap_err();
            assert!(fault.starts_with(expected), "{fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn prefers_the_mirror_of_a_host_to_the_default() {
        let mirrors: Mirrors = [("default", "https://all"), ("github.com", "https://one")]
            .map(|(host, text)| (host.to_owned(), Mirror::parse("x", text)))
            .into_iter()
            .collect();
        for (host, expected) in [
            ("GitHub.com", "https://one/"),
            ("other.com", "https://all/"),
        ] {
            let mirror = mirrors.for_host(host).unwrap().as_ref().unwrap();
            assert_eq!(mirror.url.to_string(), expected);
        }
        assert!(Mirrors::default().for_host("github.com").is_none());
    }

    #[test]
    fn shows_no_secret() {
        let mirror = Mirror::parse("x", "https://u:secret@m?secret");
        assert!(!format!("{mirror:?}").contains("secret"));
    }

    proptest! {
        /// For any mirror and any URL, the result goes to the mirror's host by
        /// the mirror's scheme, and keeps the file name and the query.
        #[test]
        fn rewrites_to_the_mirror(
            host in "[a-z]{1,8}(\\.[a-z]{2,5})?",
            prefix in "(/[a-zA-Z0-9._~%{}-]{0,8}){0,3}",
            skipped in "(/[a-z]{1,2})?",
            folders in "(/[a-z]{1,3}){0,4}",
            name in "[0-9][a-z0-9._-]{3,11}",
            query in proptest::option::of("[a-z=&]{0,8}"),
        ) {
            let mirror = format!("http://{host}{prefix},skip-path={skipped}");
            let mut original = Url::parse("https://user:pass@original.example/").unwrap();
            original.set_path(&format!("{folders}/{name}"));
            original.set_query(query.as_deref());
            let rewritten = Url::parse(&rewrite(&mirror, original.as_str()).unwrap()).unwrap();
            prop_assert_eq!(rewritten.scheme(), "http");
            prop_assert_eq!(rewritten.host_str(), Some(host.as_str()));
            prop_assert_eq!(rewritten.username(), "");
            prop_assert_eq!(rewritten.query(), original.query());
            prop_assert!(rewritten.path().ends_with(&name), "{}", rewritten);
        }
    }
}
