//! A download over an unreliable network: redirects, retries with growing pauses, and limits.
#![warn(clippy::arithmetic_side_effects)]

use super::connection::{self, Login};
use super::failure::{Failure, innermost};
use super::hop::Hop;
use super::network::Network;
use super::proxies::Proxy;
use super::tls::{self, Roots};
use crate::checksum::Checksum;
use crate::safe_url::SafeUrl;
use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use std::cell::OnceCell;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Receives the progress of a download.
pub trait Observer {
    /// Called before each request.
    fn requesting(&self, hop: &Hop);
    /// Called before the pause after a failed request; number `retry` of `retries` follows.
    fn retrying(&self, failure: &Failure, pause: Duration, retry: usize, retries: usize);
    /// Called from time to time with the number of bytes received, of `total` if the server announced it.
    fn received(&self, bytes: u64, total: Option<u64>);
}

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The request; if it was redirected, the last one.
    pub hop: Hop,
    /// Why it failed.
    pub failure: Failure,
}

/// Downloads one URL by https or http.
pub(super) struct Downloader<'a> {
    pub(super) url: &'a SafeUrl,
    /// Decides whether a body is complete if the connection ends with an error.
    pub(super) checksum: Checksum,
    pub(super) network: &'a Network,
    pub(super) observer: &'a dyn Observer,
    /// Read from the system's files for the first connection that needs them.
    pub(super) trusted: OnceCell<(Roots, String)>,
}

impl Downloader<'_> {
    /// Downloads the whole body, and returns it with its request.
    ///
    /// # Errors
    /// All failed requests, in order.
    pub(super) fn download(&self) -> Result<(Vec<u8>, Hop), Vec<Attempt>> {
        let failed = |failure| Attempt {
            hop: self.hop(self.url.clone()).0,
            failure,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| vec![failed(Failure::Other(error.to_string()))])?;
        let total = self.network.policy.total;
        let mut attempts = Vec::new();
        let requests = self.with_retries(&mut attempts);
        let result = runtime.block_on(async { timeout(total, requests).await });
        // A name look-up that hangs must not hold the program back after its limit.
        runtime.shutdown_background();
        if result.is_err() {
            attempts.push(failed(Failure::Total(total)));
        }
        result.ok().flatten().ok_or(attempts)
    }

    async fn with_retries(&self, attempts: &mut Vec<Attempt>) -> Option<(Vec<u8>, Hop)> {
        let policy = &self.network.policy;
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(policy.first_pause)
            .with_max_delay(policy.longest_pause)
            .with_max_times(policy.retries)
            .with_jitter()
            .build();
        loop {
            let attempt = match self.attempt().await {
                Ok(downloaded) => return Some(downloaded),
                Err(attempt) => attempt,
            };
            let failure = attempt.failure.clone();
            attempts.push(attempt);
            let pause = failure.is_transient().then(|| pauses.next()).flatten()?;
            let pause = match &failure {
                Failure::Status(.., Some(asked)) => policy.longest_pause.min(*asked),
                _ => policy.longest_pause.min(pause),
            };
            self.observer
                .retrying(&failure, pause, attempts.len(), policy.retries);
            sleep(pause).await;
        }
    }

    /// Follows redirects to the body.
    async fn attempt(&self) -> Result<(Vec<u8>, Hop), Attempt> {
        let policy = &self.network.policy;
        let mut url = self.url.clone();
        let mut redirects = 0;
        loop {
            let (hop, login, roots) = self.hop(url);
            self.observer.requesting(&hop);
            let answer = match connection::request(&hop, login, roots, policy).await {
                Ok(response) => match redirect(&hop, &response) {
                    Some(Err(target)) => Err(Failure::Redirect(format!(
                        "to {target}, which is not allowed"
                    ))),
                    Some(Ok(next)) if redirects < policy.redirects => Ok(Err(next)),
                    Some(_) => Err(Failure::Redirect(format!("more than {redirects} times"))),
                    None => self.body(response).await.map(Ok),
                },
                Err(failure) => Err(failure),
            };
            match answer {
                Ok(Ok(bytes)) => return Ok((bytes, hop)),
                Ok(Err(next)) => url = next,
                Err(failure) => return Err(Attempt { hop, failure }),
            }
            redirects = redirects.saturating_add(1);
        }
    }

    /// Chooses the proxy, the login and the trusted certificates for a URL.
    fn hop(&self, url: SafeUrl) -> (Hop, Option<Login>, Option<Roots>) {
        let Network { proxies, netrc, .. } = self.network;
        let of_url = url.login().map(|login| (login, "its URL".to_owned()));
        let of_netrc = || Some((netrc.login(url.host())?, netrc.file.display().to_string()));
        let (login, origin) = of_url.or_else(of_netrc).unzip();
        let proxy = proxies.for_url(&url).cloned();
        let is_tls = url.is_https() || proxy.as_ref().is_some_and(Proxy::is_https);
        let trusted = || tls::trusted(&self.network.ca_certificates);
        let trusted = is_tls.then(|| self.trusted.get_or_init(trusted).clone());
        let (roots, trusted) = trusted.unzip();
        let hop = Hop {
            proxy,
            login: origin,
            trusted,
            url,
        };
        (hop, login, roots)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let (status, line) = (response.status(), connection::status_line(&response));
        // In seconds; dates (RFC 9110, section 10.2.3) are ignored.
        let pause = response.headers().get(RETRY_AFTER);
        let pause = pause.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let pause = pause.map(Duration::from_secs);
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(Failure::ProxyLogin(line));
        } else if status != StatusCode::OK {
            return Err(Failure::Status(status, line, pause));
        }
        let policy = &self.network.policy;
        let total = response.content_length();
        if total.is_some_and(|total| total > policy.largest) {
            return Err(Failure::TooLarge(policy.largest));
        }
        let mut bytes = Vec::new();
        let mut last_line = Instant::now();
        loop {
            let stalled = |_| Failure::Timeout("no further data", policy.stall);
            let piece = timeout(policy.stall, response.chunk()).await;
            let piece = match piece.map_err(stalled)? {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(bytes),
                // Many servers close a connection without TLS's close_notify.
                Err(_) if Checksum::of(&bytes) == self.checksum => return Ok(bytes),
                Err(error) => {
                    return Err(Failure::Interrupted(bytes.len() as u64, innermost(&error)));
                }
            };
            bytes.extend_from_slice(&piece);
            let received = bytes.len() as u64;
            if received > policy.largest {
                return Err(Failure::TooLarge(policy.largest));
            }
            if last_line.elapsed() >= policy.progress_every {
                self.observer.received(received, total);
                last_line = Instant::now();
            }
        }
    }
}

/// The target of a redirect. An error is a target that must not be followed: anything but a server, and http
/// after https.
fn redirect(hop: &Hop, response: &Response) -> Option<Result<SafeUrl, String>> {
    let is_redirect = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?;
    let location = String::from_utf8_lossy(location.as_bytes());
    Some(match hop.url.redirected(&location) {
        Ok(next) if hop.url.is_https() && !next.is_https() => Err(next.origin()),
        next => next,
    })
}
