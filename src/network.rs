//! How a build reaches servers: proxies, certificates, credentials and time limits, as the user
//! and the operator set them.
#![warn(clippy::arithmetic_side_effects)]

use crate::bindings::Entry;
use crate::configuration::InvalidValue;
use crate::environment::Environment;
use crate::fetch::Policy;
use netrc::Netrc;
use reqwest::{Certificate, NoProxy, Proxy, Url};
use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names the netrc file; without it, it is `.netrc` in the home directory.
pub const NETRC: &str = "NETRC";
/// Seconds for a connection, as libpak reads it.
pub const DIALER_TIMEOUT: &str = "BP_DIALER_TIMEOUT";
/// Seconds for the TLS handshake, as libpak reads it.
pub const TLS_HANDSHAKE_TIMEOUT: &str = "BP_TLS_HANDSHAKE_TIMEOUT";
/// Seconds for the server's answer, as libpak reads it.
pub const RESPONSE_HEADER_TIMEOUT: &str = "BP_RESPONSE_HEADER_TIMEOUT";

/// Everything that decides how a server is asked. It has no `Debug`: it holds credentials.
#[derive(Default)]
pub struct Network {
    /// Time limits, retries, sizes.
    pub policy: Policy,
    /// Proxies, each for its scheme.
    pub proxies: Vec<Proxy>,
    /// Authorities that are trusted beside the system's.
    pub authorities: Vec<Certificate>,
    /// Credentials by host.
    pub logins: Logins,
}

/// A setting that would have to be ignored to go on.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A time limit.
    #[error(transparent)]
    InvalidValue(#[from] InvalidValue),
    /// A proxy. Its value may hold credentials and is not here.
    #[error("{0} is no proxy's address")]
    Proxy(String),
    /// An entry of a `ca-certificates` binding.
    #[error("{0} has no PEM certificate")]
    Certificate(PathBuf),
    /// A netrc file.
    #[error("{path}: {reason}")]
    Netrc {
        /// The file.
        path: PathBuf,
        /// What is wrong, without any content of the file.
        reason: String,
    },
}

impl Network {
    /// Reads the settings; `authorities` are the entries of all bindings of type `ca-certificates`.
    ///
    /// # Errors
    /// All that cannot be used.
    pub fn read(
        environment: &Environment,
        authorities: &[Entry],
    ) -> Result<Self, Vec<NetworkError>> {
        let mut errors = Vec::new();
        let network = Self {
            policy: policy(environment, &mut errors),
            proxies: proxies(environment, &mut errors),
            authorities: certificates(authorities, &mut errors),
            logins: Logins::read(environment).unwrap_or_else(|error| {
                errors.push(error);
                Logins::default()
            }),
        };
        if errors.is_empty() {
            Ok(network)
        } else {
            Err(errors)
        }
    }
}

fn policy(environment: &Environment, errors: &mut Vec<NetworkError>) -> Policy {
    let policy = Policy::default();
    let mut seconds = |name: &str, default: Duration| match environment.non_empty(name) {
        None => default,
        Some(value) => match value.parse() {
            // The limit on the whole download holds without and beyond this one.
            Ok(0) => policy.total,
            Ok(seconds) => Duration::from_secs(seconds).min(policy.total),
            Err(_) => {
                let invalid = InvalidValue {
                    variable: name.to_owned(),
                    value,
                    accepted: "a whole number of seconds; 0 for no limit".to_owned(),
                };
                errors.push(invalid.into());
                default
            }
        },
    };
    // Together the default of the policy.
    let dial = seconds(DIALER_TIMEOUT, Duration::from_secs(5));
    let handshake = seconds(TLS_HANDSHAKE_TIMEOUT, Duration::from_secs(5));
    Policy {
        // The HTTP library has one limit for both.
        connect: dial.saturating_add(handshake),
        response_header: seconds(RESPONSE_HEADER_TIMEOUT, policy.response_header),
        ..policy
    }
}

/// The proxies of `http_proxy` and `https_proxy`, in either case, for all hosts that `no_proxy`
/// does not name. Lower case comes first, as curl has it.
fn proxies(environment: &Environment, errors: &mut Vec<NetworkError>) -> Vec<Proxy> {
    let value = |name: &str| {
        [name.to_owned(), name.to_uppercase()]
            .into_iter()
            .find_map(|name| environment.non_empty(&name).map(|value| (name, value)))
    };
    let except = value("no_proxy").and_then(|(_, hosts)| NoProxy::from_string(&hosts));
    let http = value("http_proxy").map(|(name, value)| (name, Proxy::http(value)));
    let https = value("https_proxy").map(|(name, value)| (name, Proxy::https(value)));
    [http, https]
        .into_iter()
        .flatten()
        .filter_map(|(name, proxy)| {
            let proxy = proxy.map(|proxy| proxy.no_proxy(except.clone()));
            proxy
                .map_err(|_| errors.push(NetworkError::Proxy(name)))
                .ok()
        })
        .collect()
}

fn certificates(entries: &[Entry], errors: &mut Vec<NetworkError>) -> Vec<Certificate> {
    let mut all = Vec::new();
    for entry in entries {
        match Certificate::from_pem_bundle(entry.content.as_bytes()) {
            Ok(certificates) if !certificates.is_empty() => all.extend(certificates),
            _ => errors.push(NetworkError::Certificate(entry.path.clone())),
        }
    }
    all
}

/// User names and passwords by host, from a netrc file. Its `default` entry is not used: it
/// would hand a password to whatever host a URL names.
#[derive(Default)]
pub struct Logins {
    /// `.netrc` in the home directory, where `NETRC` names no file. A build that downloads nothing
    /// has no use for it, so it is read when it is first needed.
    home: Option<PathBuf>,
    netrc: OnceCell<Result<Netrc, NetworkError>>,
}

/// A user name and a password.
#[derive(PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Logins {
    /// Reads the file that `NETRC` names, else finds the one in the home directory.
    ///
    /// # Errors
    /// The file that `NETRC` names cannot be read, or is not a netrc file.
    fn read(environment: &Environment) -> Result<Self, NetworkError> {
        let mut logins = Self::default();
        if let Some(path) = environment.non_empty(NETRC).map(PathBuf::from) {
            let netrc = Netrc::from_file(&path).map_err(|error| unusable(path, error))?;
            logins.netrc = Ok(netrc).into();
        } else if let Some(home) = environment.non_empty("HOME") {
            logins.home = Some(Path::new(&home).join(".netrc"));
        }
        Ok(logins)
    }

    fn netrc(&self) -> &Result<Netrc, NetworkError> {
        self.netrc.get_or_init(|| {
            let Some(path) = self.home.clone() else {
                return Ok(Netrc::default());
            };
            match Netrc::from_file(&path) {
                Err(netrc::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                    Ok(Netrc::default())
                }
                netrc => netrc.map_err(|error| unusable(path, error)),
            }
        })
    }

    /// Why the file in the home directory is ignored, if it is.
    #[must_use]
    pub fn ignored(&self) -> Option<&NetworkError> {
        self.netrc().as_ref().err()
    }

    /// The login for the host of a URL that has none of its own.
    #[must_use]
    pub fn for_address(&self, url: &Url) -> Option<Login> {
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        // The parser files the `default` entry under this name, as if it were a host.
        let host = url.host_str().filter(|host| *host != "default")?;
        let authenticator = self.netrc().as_ref().ok()?.hosts.get(host)?;
        Some(Login {
            user: authenticator.login.clone(),
            password: authenticator.password.clone(),
        })
    }
}

fn unusable(path: PathBuf, error: netrc::Error) -> NetworkError {
    let reason = match error {
        netrc::Error::Io(error) => error.to_string(),
        // The parser's message quotes the file.
        netrc::Error::Parsing { .. } => "not a netrc file".to_owned(),
    };
    NetworkError::Netrc { path, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The settings, or their only error.
    fn network(variables: &[(&str, &str)]) -> Result<Network, NetworkError> {
        Network::read(&Environment::of(variables), &[]).map_err(|errors| {
            let [error] = errors.try_into().unwrap();
            error
        })
    }

    #[test]
    fn time_limits_are_seconds() {
        let policy = network(&[
            (DIALER_TIMEOUT, "3"),
            (TLS_HANDSHAKE_TIMEOUT, "4"),
            (RESPONSE_HEADER_TIMEOUT, "0"),
        ])
        .unwrap()
        .policy;
        assert_eq!(policy.connect, Duration::from_secs(7));
        assert_eq!(policy.response_header, Policy::default().total);
        assert_eq!(
            network(&[]).unwrap().policy.connect,
            Policy::default().connect
        );
        let largest = u64::MAX.to_string();
        let policy = network(&[
            (DIALER_TIMEOUT, &largest),
            (TLS_HANDSHAKE_TIMEOUT, &largest),
            (RESPONSE_HEADER_TIMEOUT, &largest),
        ])
        .unwrap()
        .policy;
        assert_eq!(policy.connect, policy.total.saturating_mul(2));
        assert_eq!(policy.response_header, policy.total);
        for value in ["1s", "-1", "1.5"] {
            assert!(matches!(
                network(&[(DIALER_TIMEOUT, value)]),
                Err(NetworkError::InvalidValue(_))
            ));
        }
    }

    #[test]
    fn proxies_are_named_in_either_case() {
        for (variables, count) in [
            (&[("http_proxy", "http://p:1")][..], 1),
            (&[("HTTPS_PROXY", "p:1"), ("HTTP_PROXY", "")], 1),
            (&[("HTTPS_PROXY", "p:1"), ("http_proxy", "p:2")], 2),
            (&[("no_proxy", "*")], 0),
        ] {
            assert_eq!(network(variables).unwrap().proxies.len(), count);
        }
        let Err(error) = network(&[("HTTPS_PROXY", "http://u:secret@:bad")]) else {
            panic!("not a proxy");
        };
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn netrc_gives_its_hosts_their_login_and_no_other_host_any() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join(".netrc"),
            "machine example.com login user password secret\ndefault login d password d\n",
        )
        .unwrap();
        let home = folder.path().to_str().unwrap();
        let logins = network(&[("HOME", home)]).unwrap().logins;
        let user = |url: &str| {
            let login = logins.for_address(&Url::parse(url).unwrap());
            login.map(|login| format!("{}:{}", login.user, login.password))
        };
        assert_eq!(
            user("https://example.com/a").as_deref(),
            Some("user:secret")
        );
        assert_eq!(user("https://own:login@example.com/a"), None);
        assert_eq!(user("https://sub.example.com/a"), None);
    }

    #[test]
    fn a_host_named_default_gets_no_login() {
        let folder = tempfile::tempdir().unwrap();
        let netrc = folder.path().join("netrc");
        fs::write(&netrc, "default login user password secret\n").unwrap();
        let logins = network(&[(NETRC, netrc.to_str().unwrap())]).unwrap().logins;
        let url = Url::parse("https://default/a").unwrap();
        assert!(logins.for_address(&url).is_none());
    }

    #[test]
    fn reads_the_implicit_netrc_only_when_asked_for_a_login() {
        let home = tempfile::tempdir().unwrap();
        let netrc = home.path().join(".netrc");
        fs::write(&netrc, "not a netrc file").unwrap();
        let logins = network(&[("HOME", home.path().to_str().unwrap())])
            .unwrap()
            .logins;
        fs::write(&netrc, "machine example.com login user password secret").unwrap();
        let url = Url::parse("https://example.com/a").unwrap();
        assert!(logins.for_address(&url).is_some());
    }

    #[test]
    fn a_netrc_that_was_named_has_to_be_there_and_to_be_one() {
        assert!(network(&[("HOME", "/missing")]).is_ok());
        assert!(matches!(
            network(&[(NETRC, "/missing/netrc")]),
            Err(NetworkError::Netrc { .. })
        ));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netrc");
        fs::write(&path, "machine example.com login user secret secret\n").unwrap();
        let Err(error) = network(&[(NETRC, path.to_str().unwrap())]) else {
            panic!("not a netrc file");
        };
        assert!(!error.to_string().contains("secret"));
    }
}
