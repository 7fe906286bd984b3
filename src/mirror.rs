//! Mirrors: servers that have the dependencies of other servers (Paketo RFC 0060).

use crate::address::{Address, InvalidAddress};
use crate::bindings::Entries;
use crate::environment::Environment;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::fmt;
use url::Url;

/// The mirror for all hosts, and with `_<HOST>` after it the one for that host.
pub const DEPENDENCY_MIRROR: &str = "BP_DEPENDENCY_MIRROR";
/// Not a mirror, whatever its case: it names no host, and libpak ignores it with a warning.
pub const MISNAMED_DEFAULT: &str = "BP_DEPENDENCY_MIRROR_DEFAULT";
/// The name of the mirror for all hosts in a binding.
const DEFAULT: &str = "default";
/// In a mirror's path, the host of the original address.
const ORIGINAL_HOST: &str = "{originalHost}";

/// All mirrors of a build, by the host that they stand for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Mirrors {
    by_host: BTreeMap<String, Mirror>,
}

/// One mirror.
#[derive(Clone, PartialEq, Eq)]
pub struct Mirror {
    setting: String,
    text: String,
}

/// It may hold credentials, so only the name of the setting is shown.
impl fmt::Debug for Mirror {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Mirror of {}", self.setting)
    }
}

/// A mirror that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct InvalidMirror {
    /// The variable or the file of the binding. The value may hold credentials and is not here.
    pub setting: String,
    /// What is wrong with it.
    pub reason: InvalidMirrorReason,
}

/// What is wrong with a mirror.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMirrorReason {
    /// Its address.
    #[error(transparent)]
    Address(InvalidAddress),
    /// A part that is neither an address nor `skip-path`.
    #[error("{0:?} is not a part that a mirror has")]
    UnknownPart(String),
    /// It has no address.
    #[error("it has no address")]
    NoAddress,
}

impl Mirrors {
    /// Collects the mirrors of the environment and of the bindings of type `dependency-mirror`;
    /// for one host the environment wins.
    #[must_use]
    pub fn collect(environment: &Environment, bindings: &Entries) -> Self {
        let mut by_host = BTreeMap::new();
        for (host, entry) in bindings.iter() {
            by_host.insert(
                host.to_owned(),
                Mirror {
                    setting: entry.path.display().to_string(),
                    text: entry.content.clone(),
                },
            );
        }
        for name in environment.names_with_prefix(DEPENDENCY_MIRROR) {
            let suffix = name.strip_prefix(DEPENDENCY_MIRROR).unwrap_or_default();
            let host = match suffix.strip_prefix('_') {
                Some(_) if name.eq_ignore_ascii_case(MISNAMED_DEFAULT) => continue,
                Some(encoded) => decode_host(encoded),
                None if suffix.is_empty() => DEFAULT.to_owned(),
                None => continue,
            };
            if let Some(text) = environment.non_empty(&name) {
                by_host.insert(
                    host,
                    Mirror {
                        setting: name,
                        text,
                    },
                );
            }
        }
        by_host.retain(|_, mirror| !mirror.text.is_empty());
        Self { by_host }
    }

    /// The mirror for a host: its own, else the one for all.
    #[must_use]
    pub fn for_host(&self, host: &str) -> Option<&Mirror> {
        self.by_host
            .get(&host.to_lowercase())
            .or_else(|| self.by_host.get(DEFAULT))
    }
}

/// `EXAMP__LE_COM` is `examp-le.com`: variable names have neither dots nor dashes.
fn decode_host(encoded: &str) -> String {
    encoded.replace("__", "-").replace('_', ".").to_lowercase()
}

impl Mirror {
    /// The variable or the file that sets it.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Where the mirror has what is at `original`.
    ///
    /// Scheme, credentials, host and port are the mirror's; the path is the mirror's, in which
    /// `{originalHost}` is replaced, followed by the original one, from which `skip-path` is
    /// taken out once; the query is the original's.
    ///
    /// # Errors
    /// The mirror is not of the form `<address>[,skip-path=<path>]`, in which `mirror=` may
    /// stand before the address, or the address cannot be used.
    pub fn rewrite(&self, original: &Url) -> Result<Address, InvalidMirror> {
        self.rewritten(original).map_err(|reason| InvalidMirror {
            setting: self.setting.clone(),
            reason,
        })
    }

    fn rewritten(&self, original: &Url) -> Result<Address, InvalidMirrorReason> {
        let Parts { address, skip_path } = self.parts()?;
        let address = Address::parse(&address).map_err(InvalidMirrorReason::Address)?;
        let mut url = address.into_url();
        // A parsed path has its braces encoded.
        let host = original.host_str().unwrap_or_default();
        let prefix = url
            .path()
            .replace("%7BoriginalHost%7D", host)
            .replace(ORIGINAL_HOST, host);
        let path = original.path();
        let rest = match &skip_path {
            Some(skipped) => path.replacen(skipped.as_str(), "", 1),
            None => path.to_owned(),
        };
        url.set_path(&format!(
            "{}/{}",
            prefix.trim_end_matches('/'),
            rest.trim_start_matches('/')
        ));
        url.set_query(original.query());
        Ok(Address::from_url(url))
    }

    /// Takes the setting apart. Its parts stand between commas; a part may be percent-encoded,
    /// which is how an address with a comma is written, and is decoded as libpak does it. A bare
    /// address is decoded only where it is encoded as a whole: a password may have an encoded `/`.
    fn parts(&self) -> Result<Parts, InvalidMirrorReason> {
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let mut address = None;
        let mut skip_path = None;
        for part in self.text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some(("mirror", value)) => address = Some(decoded(value)),
                Some(("skip-path", value)) => skip_path = Some(decoded(value)),
                _ if part.contains("://") => address = Some(part.to_owned()),
                None if decoded(part).contains("://") => address = Some(decoded(part)),
                _ if part.is_empty() => {}
                // Only the part's name: what follows it may be a secret.
                Some((name, _)) => {
                    return Err(InvalidMirrorReason::UnknownPart(name.to_owned()));
                }
                None => return Err(InvalidMirrorReason::NoAddress),
            }
        }
        Ok(Parts {
            address: address.ok_or(InvalidMirrorReason::NoAddress)?,
            skip_path: skip_path.filter(|path| !path.is_empty()),
        })
    }
}

struct Parts {
    address: String,
    skip_path: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WATCHEXEC: &str = "https://github.com/watchexec/watchexec/releases/download/v1.25.1/watchexec-1.25.1-x86_64-unknown-linux-musl.tar.xz";

    fn rewrite(mirror: &str, original: &str) -> Result<String, InvalidMirrorReason> {
        let mirror = Mirror {
            setting: DEPENDENCY_MIRROR.to_owned(),
            text: mirror.to_owned(),
        };
        mirror
            .rewritten(&Url::parse(original).unwrap())
            .map(|address| address.into_url().to_string())
    }

    #[test]
    fn the_examples_of_rfc_0060() {
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
    fn every_part_has_its_effect() {
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
            // Taken out once, wherever it stands; an absent one changes nothing.
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
            // An address that can be read as it is keeps the encoding of its password.
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
                rewrite(mirror, original).as_deref(),
                Ok(expected),
                "{mirror}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_an_error() {
        use InvalidMirrorReason::{Address, NoAddress, UnknownPart};
        assert!(matches!(
            rewrite("ftp://m", WATCHEXEC),
            Err(Address(InvalidAddress::UnknownScheme(_)))
        ));
        assert!(matches!(rewrite("https://", WATCHEXEC), Err(Address(_))));
        assert_eq!(rewrite("mirror.example.com", WATCHEXEC), Err(NoAddress));
        assert_eq!(rewrite("skip-path=/a", WATCHEXEC), Err(NoAddress));
        assert_eq!(
            rewrite("https://m,token=secret", WATCHEXEC),
            Err(UnknownPart("token".to_owned()))
        );
    }

    fn mirrors(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Mirrors {
        let folder = tempfile::tempdir().unwrap();
        let binding = folder.path().join("bindings/mirrors");
        std::fs::create_dir_all(&binding).unwrap();
        std::fs::write(binding.join("type"), "dependency-mirror").unwrap();
        for (name, content) in files {
            std::fs::write(binding.join(name), content).unwrap();
        }
        let environment = Environment::of(variables);
        let bindings = crate::bindings::Bindings::locate(&Environment::of(&[]), folder.path());
        Mirrors::collect(
            &environment,
            &bindings.of_type("dependency-mirror").unwrap(),
        )
    }

    #[test]
    fn host_before_default_and_environment_before_binding() {
        let mirrors = mirrors(
            &[
                ("BP_DEPENDENCY_MIRROR", "https://environment-default"),
                (
                    "BP_DEPENDENCY_MIRROR_GITHUB_COM",
                    "https://environment-github",
                ),
                ("BP_DEPENDENCY_MIRROR_EXAMP__LE_COM", "https://dashed"),
                ("BP_DEPENDENCY_MIRROR_EMPTY_COM", " "),
                ("BP_DEPENDENCY_MIRRORED", "https://not-a-mirror"),
                ("BP_DEPENDENCY_MIRROR_DEFAULT", "https://not-the-default"),
            ],
            &[
                ("default", "https://binding-default"),
                ("github.com", "https://binding-github"),
                ("nodejs.org", "https://binding-node\n"),
            ],
        );
        for (host, expected) in [
            ("github.com", "https://environment-github"),
            ("GitHub.com", "https://environment-github"),
            ("examp-le.com", "https://dashed"),
            ("nodejs.org", "https://binding-node"),
            ("empty.com", "https://environment-default"),
            ("other.com", "https://environment-default"),
        ] {
            assert_eq!(mirrors.for_host(host).unwrap().text, expected, "{host}");
        }
    }

    #[test]
    fn without_a_default_other_hosts_have_no_mirror() {
        let mirrors = mirrors(&[("BP_DEPENDENCY_MIRROR_GITHUB_COM", "https://m")], &[]);
        assert!(mirrors.for_host("github.com").is_some());
        assert!(mirrors.for_host("nodejs.org").is_none());
    }

    #[test]
    fn showing_a_mirror_shows_no_secret() {
        let mirrors = mirrors(&[("BP_DEPENDENCY_MIRROR", "https://u:secret@m")], &[]);
        assert!(!format!("{mirrors:?}").contains("secret"));
    }

    proptest! {
        /// Whatever stands in a mirror and in an address, the result goes to the mirror's host by
        /// the mirror's scheme, and keeps the file name and the query.
        #[test]
        fn a_rewritten_address_is_on_the_mirror(
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
