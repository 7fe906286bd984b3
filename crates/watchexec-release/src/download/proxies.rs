//! Which proxy a URL is asked through.

use crate::safe_url::{InvalidUrl, SafeUrl};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// The proxies of a build.
#[derive(Debug, Default)]
pub struct Proxies {
    /// For http URLs.
    pub http: Option<Proxy>,
    /// For https URLs.
    pub https: Option<Proxy>,
    /// The hosts that are asked directly, as `no_proxy` lists them.
    pub except: String,
}

/// A proxy, and the variable that sets it. An unusable one matters only if it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The variable.
    pub variable: String,
    /// Its URL, or why it is none.
    pub url: Result<SafeUrl, String>,
}

impl Proxy {
    /// Parses the value of a variable. A scheme may be missing, as for curl.
    #[must_use]
    pub fn parse(variable: String, text: &str) -> Self {
        let url = if text.contains("://") {
            SafeUrl::parse(text)
        } else {
            SafeUrl::parse(&format!("http://{text}"))
        };
        let url = match url {
            Ok(url) if url.file().is_none() => Ok(url),
            Err(InvalidUrl::UnknownScheme(scheme)) if scheme.starts_with("socks") => {
                Err("SOCKS proxies are not supported".to_owned())
            }
            Err(error @ InvalidUrl::Ambiguous) => Err(error.to_string()),
            _ => Err("it is not an http or https URL".to_owned()),
        };
        Self { variable, url }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.url {
            Ok(url) => write!(formatter, "{} ({})", url.origin(), self.variable),
            Err(_) => formatter.write_str(&self.variable),
        }
    }
}

impl Proxies {
    /// The proxy for a URL.
    pub(super) fn for_url(&self, url: &SafeUrl) -> Option<&Proxy> {
        let proxy = if url.is_https() {
            &self.https
        } else {
            &self.http
        };
        let excepted = |entry| is_excepted(entry, url.host(), url.port());
        let mut entries = self.except.split([',', ' ', '\t']);
        proxy.as_ref().filter(|_| !entries.any(excepted))
    }
}

/// Whether an entry of `no_proxy` means this host: `*`, a domain with all below it (`example.com`,
/// `.example.com`, `*.example.com`), an address or a network, each with or without a port.
fn is_excepted(entry: &str, host: &str, port: u16) -> bool {
    let host = host.trim_matches(['[', ']', '.']);
    let (name, only_port) = match entry.rsplit_once(':') {
        // The colons of a bare IPv6 address are its own.
        Some((name, only)) if !name.contains(':') || name.ends_with(']') => (name, Some(only)),
        _ => (entry, None),
    };
    if only_port.is_some_and(|only| only != port.to_string()) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        let same = name.parse() == Ok(address);
        let network = name.parse::<IpNet>();
        return name == "*" || same || network.is_ok_and(|network| network.contains(&address));
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    let domain = name.trim_matches('.').to_lowercase();
    let rest = host.strip_suffix(domain.as_str());
    match rest {
        // Only `*` has no domain.
        Some(_) if domain.is_empty() => entry.starts_with('*'),
        Some(rest) => rest.is_empty() || rest.ends_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_direct(except: &str, url: &str) -> bool {
        let proxy = Proxy::parse("PROXY".to_owned(), "proxy.example:3128");
        let proxies = Proxies {
            http: Some(proxy.clone()),
            https: Some(proxy),
            except: except.to_owned(),
        };
        proxies.for_url(&SafeUrl::parse(url).unwrap()).is_none()
    }

    #[test]
    fn asks_excepted_hosts_directly() {
        for (except, url) in [
            ("*", "https://example.com"),
            ("*", "http://10.1.2.3"),
            ("example.com", "https://example.com"),
            ("example.com", "https://a.example.com"),
            (".example.com", "https://a.example.com"),
            ("*.corp.example", "https://mirror.corp.example"),
            ("*.corp.example", "https://a.b.corp.example:8443"),
            ("MIRROR.Corp.Example.", "https://mirror.corp.example"),
            ("mirror.example:8081", "http://mirror.example:8081"),
            ("mirror.example:80", "http://mirror.example"),
            ("*.corp.example:8081", "http://mirror.corp.example:8081"),
            ("10.1.2.3", "http://10.1.2.3:8081"),
            ("10.1.2.3:8081", "http://10.1.2.3:8081"),
            ("10.0.0.0/8", "http://10.1.2.3"),
            ("::1", "http://[::1]:8081"),
            ("[::1]", "http://[::1]"),
            ("[::1]:8081", "http://[::1]:8081"),
            ("fd00::/8", "http://[fd00::1]"),
            ("other.example, example.com", "http://example.com"),
            ("other.example example.com", "http://example.com"),
        ] {
            assert!(is_direct(except, url), "{except} {url}");
        }
    }

    #[test]
    fn asks_all_other_hosts_through_the_proxy() {
        for (except, url) in [
            ("", "https://example.com"),
            (",", "https://example.com"),
            (".", "https://example.com"),
            ("ample.com", "https://example.com"),
            ("a.example.com", "https://example.com"),
            ("*.corp.example", "https://corp.example.com"),
            ("mirror.example:8081", "http://mirror.example:8082"),
            ("mirror.example:8081", "http://mirror.example"),
            ("10.1.2.3:8081", "http://10.1.2.3"),
            ("10.0.0.0/8", "http://11.1.2.3"),
            ("2.3", "http://10.1.2.3"),
            ("::2", "http://[::1]"),
        ] {
            assert!(!is_direct(except, url), "{except} {url}");
        }
    }

    #[test]
    fn names_a_proxy_without_its_login() {
        let proxy = |text| Proxy::parse("HTTPS_PROXY".to_owned(), text);
        let shown = |text| proxy(text).to_string();
        assert_eq!(shown("http://u:secret@p:1/"), "http://p:1 (HTTPS_PROXY)");
        assert_eq!(shown("u:secret@p:1"), "http://p:1 (HTTPS_PROXY)");
        for (text, fault) in [
            ("http://team/bot:secret@p:1", "`@` after the host"),
            ("team/bot:secret@p:1", "`@` after the host"),
            ("http://u:secret@:bad", "not an http or https URL"),
            ("file:///secret", "not an http or https URL"),
            ("socks5://u:secret@p:1", "SOCKS proxies are not supported"),
            ("secret", ""),
        ] {
            match proxy(text).url {
                Err(shown) => {
                    assert!(
                        shown.contains(fault) && !shown.contains("secret"),
                        "{shown}"
                    );
                }
                Ok(url) => assert_eq!(url.origin(), "http://secret"),
            }
        }
    }
}
