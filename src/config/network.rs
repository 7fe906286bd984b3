//! The network settings of the user and the operator: proxies, CA certificates, credentials, time
//! limits.
#![warn(clippy::arithmetic_side_effects)]

use super::bindings::{Bindings, unusable};
use super::environment::{ConfigError, Environment, Errors};
use printable::printable;
use std::io;
use std::path::Path;
use std::time::Duration;
use watchexec_release::download::{
    CertificateDer, Netrc, Network, Policy, Proxies, Proxy, certificates,
};

/// The type of bindings with CA certificates.
pub(super) const CA_CERTIFICATES: &str = "ca-certificates";
/// Names the netrc file; by default it is `.netrc` in the home directory.
const NETRC: &str = "NETRC";
/// Seconds for a connection, as libpak reads it.
const DIALER_TIMEOUT: &str = "BP_DIALER_TIMEOUT";
/// Seconds for the TLS handshake, as libpak reads it.
const TLS_HANDSHAKE_TIMEOUT: &str = "BP_TLS_HANDSHAKE_TIMEOUT";
/// Seconds for the server's answer, as libpak reads it.
const RESPONSE_HEADER_TIMEOUT: &str = "BP_RESPONSE_HEADER_TIMEOUT";

/// Reads the settings.
pub(super) fn network(
    environment: &Environment,
    bindings: &Bindings,
    errors: &mut Errors,
) -> Network {
    Network {
        policy: policy(environment, errors),
        proxies: proxies(environment),
        ca_certificates: trusted(bindings, errors),
        netrc: netrc(environment, errors),
    }
}

/// The file that `NETRC` names, else the one in the home directory. A file that was not named
/// explicitly is optional.
fn netrc(environment: &Environment, errors: &mut Errors) -> Netrc {
    if let Some(file) = environment.non_empty(NETRC) {
        let unusable = |error: io::Error| {
            let error = error.to_string();
            ConfigError::of(NETRC, &format!("{NETRC} names {}", printable(&error)))
        };
        return errors.one(Netrc::read(Path::new(&file)).map_err(unusable));
    }
    match environment.non_empty("HOME") {
        Some(home) => Netrc::optional(&Path::new(&home).join(".netrc")),
        None => Netrc::default(),
    }
}

fn policy(environment: &Environment, errors: &mut Errors) -> Policy {
    let policy = Policy::default();
    let mut seconds = |name: &str, default: Duration| {
        let Some(value) = environment.non_empty(name) else {
            return default;
        };
        let accepted = "a whole number of seconds; 0 for no limit";
        let seconds = value.parse::<u64>();
        match errors.one(seconds.map_err(|_| ConfigError::value(name, &value, accepted))) {
            // Without this limit, or if it is longer, the limit on the whole download applies.
            0 => policy.total,
            seconds => Duration::from_secs(seconds).min(policy.total),
        }
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

fn trusted(bindings: &Bindings, errors: &mut Errors) -> Vec<CertificateDer<'static>> {
    let mut trusted = Vec::new();
    for entry in errors.one(bindings.of_type(CA_CERTIFICATES)) {
        let found = certificates(entry.content.as_bytes());
        trusted.extend(errors.one(found.map_err(|error| unusable(&entry.path, error))));
    }
    trusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings, or their only error.
    fn read(variables: &[(&str, &str)]) -> Result<Network, ConfigError> {
        let mut errors = Errors::default();
        let environment = Environment::of(variables);
        let network = network(&environment, &Bindings::locate(&environment), &mut errors);
        errors.0.pop().map_or(Ok(network), Err)
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
