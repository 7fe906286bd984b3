//! How a build reaches servers: proxies, CA certificates, credentials and time limits, as the user
//! and the operator set them.
#![warn(clippy::arithmetic_side_effects)]

use super::bindings::{Entry, unusable};
use super::environment::{ConfigError, Environment};
use reqwest::{Certificate, NoProxy, Proxy};
use std::path::Path;
use std::time::Duration;
use watchexec_release::download::{Logins, Network, Policy};

/// Names the netrc file; without it, it is `.netrc` in the home directory.
const NETRC: &str = "NETRC";
/// Seconds for a connection, as libpak reads it.
const DIALER_TIMEOUT: &str = "BP_DIALER_TIMEOUT";
/// Seconds for the TLS handshake, as libpak reads it.
const TLS_HANDSHAKE_TIMEOUT: &str = "BP_TLS_HANDSHAKE_TIMEOUT";
/// Seconds for the server's answer, as libpak reads it.
const RESPONSE_HEADER_TIMEOUT: &str = "BP_RESPONSE_HEADER_TIMEOUT";

/// Reads the settings; `ca_certificates` are the entries of all bindings of that type.
///
/// # Errors
/// Every setting that cannot be used.
pub(super) fn network(
    environment: &Environment,
    ca_certificates: &[Entry],
) -> Result<Network, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let network = Network {
        policy: policy(environment, &mut errors),
        proxies: proxies(environment, &mut errors),
        ca_certificates: certificates(ca_certificates, &mut errors),
        logins: logins(environment).unwrap_or_else(|error| {
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

/// Logins from the file that `NETRC` names, else from the one in the home directory. A file that
/// was not named explicitly is optional.
fn logins(environment: &Environment) -> Result<Logins, ConfigError> {
    if let Some(file) = environment.non_empty(NETRC) {
        return Logins::from_file(file.into()).map_err(|error| ConfigError {
            setting: NETRC.to_owned(),
            why: format!("{NETRC} names {error}"),
        });
    }
    Ok(match environment.non_empty("HOME") {
        Some(home) => Logins::from_optional_file(Path::new(&home).join(".netrc")),
        None => Logins::default(),
    })
}

fn policy(environment: &Environment, errors: &mut Vec<ConfigError>) -> Policy {
    let policy = Policy::default();
    let mut seconds = |name: &str, default: Duration| match environment.non_empty(name) {
        None => default,
        Some(value) => match value.parse() {
            // The limit on the whole download holds without and beyond this one.
            Ok(0) => policy.total,
            Ok(seconds) => Duration::from_secs(seconds).min(policy.total),
            Err(_) => {
                let accepted = "a whole number of seconds; 0 for no limit";
                errors.push(ConfigError::value(name, &value, accepted));
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
fn proxies(environment: &Environment, errors: &mut Vec<ConfigError>) -> Vec<Proxy> {
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
            proxy.map_err(|_| errors.push(not_a_proxy(name))).ok()
        })
        .collect()
}

/// The value is not shown, since it may hold a password.
fn not_a_proxy(variable: String) -> ConfigError {
    ConfigError {
        why: format!(
            "{variable} is not the URL of a proxy; accepted: an http or https URL, such as \
             http://user:password@host:8080"
        ),
        setting: variable,
    }
}

fn certificates(entries: &[Entry], errors: &mut Vec<ConfigError>) -> Vec<Certificate> {
    let mut all = Vec::new();
    for entry in entries {
        match Certificate::from_pem_bundle(entry.content.as_bytes()) {
            Ok(certificates) if !certificates.is_empty() => all.extend(certificates),
            _ => errors.push(unusable(
                &entry.path,
                "no PEM certificate; `openssl x509 -inform der -in FILE` converts one",
            )),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The settings, or their only error.
    fn read(variables: &[(&str, &str)]) -> Result<Network, ConfigError> {
        network(&Environment::of(variables), &[]).map_err(|errors| {
            let [error] = errors.try_into().unwrap();
            error
        })
    }

    #[test]
    fn reads_time_limits_as_seconds() {
        let policy = read(&[
            (DIALER_TIMEOUT, "3"),
            (TLS_HANDSHAKE_TIMEOUT, "4"),
            (RESPONSE_HEADER_TIMEOUT, "0"),
        ])
        .unwrap()
        .policy;
        assert_eq!(policy.connect, Duration::from_secs(7));
        assert_eq!(policy.response_header, Policy::default().total);
        assert_eq!(read(&[]).unwrap().policy.connect, Policy::default().connect);
        let largest = u64::MAX.to_string();
        let policy = read(&[
            (DIALER_TIMEOUT, &largest),
            (TLS_HANDSHAKE_TIMEOUT, &largest),
            (RESPONSE_HEADER_TIMEOUT, &largest),
        ])
        .unwrap()
        .policy;
        assert_eq!(policy.connect, policy.total.saturating_mul(2));
        assert_eq!(policy.response_header, policy.total);
        for value in ["1s", "-1", "1.5"] {
            let error = read(&[(DIALER_TIMEOUT, value)]).err().unwrap();
            assert_eq!(error.setting, DIALER_TIMEOUT);
        }
    }

    #[test]
    fn reads_proxies_in_either_case() {
        for (variables, count) in [
            (&[("http_proxy", "http://p:1")][..], 1),
            (&[("HTTPS_PROXY", "p:1"), ("HTTP_PROXY", "")], 1),
            (&[("HTTPS_PROXY", "p:1"), ("http_proxy", "p:2")], 2),
            (&[("no_proxy", "*")], 0),
        ] {
            assert_eq!(read(variables).unwrap().proxies.len(), count);
        }
        let Err(error) = read(&[("HTTPS_PROXY", "http://u:secret@:bad")]) else {
            panic!("not a proxy");
        };
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn rejects_an_unusable_netrc_that_was_named() {
        assert!(read(&[("HOME", "/missing")]).is_ok());
        let error = read(&[(NETRC, "/missing/netrc")]).err().unwrap();
        assert_eq!(error.setting, NETRC);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netrc");
        fs::write(&path, "machine example.com login user secret secret\n").unwrap();
        let Err(error) = read(&[(NETRC, path.to_str().unwrap())]) else {
            panic!("not a netrc file");
        };
        assert!(!error.to_string().contains("secret"));
    }
}
