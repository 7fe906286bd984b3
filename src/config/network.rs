//! The network settings of the user and the operator: proxies, CA certificates, credentials, time
//! limits.
#![warn(clippy::arithmetic_side_effects)]

use super::bindings::{Entry, unusable};
use super::environment::{ConfigError, Environment};
use std::path::Path;
use std::time::Duration;
use watchexec_release::download::{
    CertificateDer, Netrc, Network, Policy, Proxies, Proxy, certificates,
};

/// Names the netrc file; by default it is `.netrc` in the home directory.
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
        proxies: proxies(environment),
        ca_certificates: trusted(ca_certificates, &mut errors),
        netrc: netrc(environment, &mut errors),
    };
    if errors.is_empty() {
        Ok(network)
    } else {
        Err(errors)
    }
}

/// The file that `NETRC` names, else the one in the home directory. A file that was not named explicitly
/// is optional.
fn netrc(environment: &Environment, errors: &mut Vec<ConfigError>) -> Netrc {
    if let Some(file) = environment.non_empty(NETRC) {
        return Netrc::read(Path::new(&file)).unwrap_or_else(|error| {
            errors.push(ConfigError::of(NETRC, &format!("{NETRC} names {error}")));
            Netrc::default()
        });
    }
    match environment.non_empty("HOME") {
        Some(home) => Netrc::optional(&Path::new(&home).join(".netrc")),
        None => Netrc::default(),
    }
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
/// does not name. Lower case takes precedence, as in curl.
fn proxies(environment: &Environment) -> Proxies {
    let value = |name: &str| {
        [name.to_owned(), name.to_uppercase()]
            .into_iter()
            .find_map(|name| environment.non_empty(&name).map(|value| (name, value)))
    };
    let proxy = |name| value(name).map(|(name, value)| Proxy::parse(name, &value));
    Proxies {
        http: proxy("http_proxy"),
        https: proxy("https_proxy"),
        except: value("no_proxy")
            .map(|(_, hosts)| hosts)
            .unwrap_or_default(),
    }
}

fn trusted(entries: &[Entry], errors: &mut Vec<ConfigError>) -> Vec<CertificateDer<'static>> {
    let mut all = Vec::new();
    for entry in entries {
        match certificates(entry.content.as_bytes()) {
            Ok(certificates) => all.extend(certificates),
            Err(error) => errors.push(unusable(&entry.path, error)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let http_and_https = |variables| {
            let Proxies { http, https, .. } = read(variables).unwrap().proxies;
            [http, https].map(|proxy| proxy.map_or_else(String::new, |proxy| proxy.to_string()))
        };
        for (variables, shown) in [
            (
                &[("http_proxy", "http://p:1")][..],
                ["http://p:1 (http_proxy)", ""],
            ),
            (
                &[("HTTPS_PROXY", "p:1"), ("HTTP_PROXY", "")],
                ["", "http://p:1 (HTTPS_PROXY)"],
            ),
            (
                &[("HTTP_PROXY", "p:1"), ("http_proxy", "p:2")],
                ["http://p:2 (http_proxy)", ""],
            ),
            (&[("no_proxy", "*")], ["", ""]),
        ] {
            assert_eq!(http_and_https(variables), shown);
        }
    }

    #[test]
    fn rejects_an_unreadable_netrc_that_was_named() {
        assert!(read(&[("HOME", "/missing")]).is_ok());
        let error = read(&[(NETRC, "/missing/netrc")]).err().unwrap();
        assert_eq!(error.setting, NETRC);
    }
}
