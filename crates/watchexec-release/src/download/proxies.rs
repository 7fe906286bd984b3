//! Proxies, and the hosts that are reached without one.

use crate::safe_url::SafeUrl;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use std::fmt;

/// The proxies of a build.
#[derive(Debug, Default)]
pub struct Proxies {
    /// For http URLs.
    pub http: Option<Proxy>,
    /// For https URLs.
    pub https: Option<Proxy>,
    /// The value of `no_proxy`: hosts that are reached directly.
    pub except: String,
}

/// A proxy, and the variable that sets it. An invalid URL is an error only if a download needs the
/// proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The variable.
    pub variable: String,
    /// Its URL, or why that is invalid.
    pub url: Result<SafeUrl, String>,
}

impl Proxy {
    /// Parses the value of a variable. As with curl, the scheme is optional.
    pub fn parse(variable: String, text: &str) -> Self {
        let text = text.trim();
        let url = match text.split_once("://") {
            None => SafeUrl::parse(&format!("http://{text}")),
            Some((scheme, _)) if ["http", "https"].contains(&&*scheme.to_lowercase()) => {
                SafeUrl::parse(text)
            }
            Some(_) => Err("only http and https proxies are supported".to_owned()),
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
        proxy.as_ref().filter(|_| !self.excepts(url))
    }

    /// Whether `no_proxy` lists the host: as `*`, as an address or its network, or as a domain or a
    /// parent domain (`example.com`, `.example.com`, `*.example.com`), each with or without a port.
    fn excepts(&self, url: &SafeUrl) -> bool {
        let port = url.port().to_string();
        let entries = self.except.split([',', ' ', '\t']);
        let hosts = entries.filter_map(|entry| match entry.rsplit_once(':') {
            // A bare IPv6 address has colons, but no port.
            Some((host, only)) if !host.contains(':') || host.ends_with(']') => {
                (only == port).then_some(host)
            }
            _ => Some(entry),
        });
        let hosts = hosts.map(|host| host.trim_matches(['[', ']']).trim_end_matches('.'));
        let hosts: Vec<&str> = hosts.filter(|host| !host.is_empty()).collect();
        if hosts.contains(&"*") {
            return true;
        }
        let hosts = hosts.join(",").replace("*.", ".").to_lowercase();
        let matcher = Matcher::builder().all("http://proxy").no(hosts).build();
        let uri = url.origin().parse::<Uri>();
        uri.is_ok_and(|uri| matcher.intercept(&uri).is_none())
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
            ("http://u:secret@:bad", "it is not a URL"),
            (
                "file:///secret",
                "only http and https proxies are supported",
            ),
            (
                "SOCKS5H://u:secret@p:1",
                "only http and https proxies are supported",
            ),
        ] {
            let shown = proxy(text).url.unwrap_err();
            assert!(
                shown.contains(fault) && !shown.contains("secret"),
                "{shown}"
            );
        }
    }
}
