//! A download over an unreliable network: redirects, retries with growing pauses, and limits.
#![warn(clippy::arithmetic_side_effects)]

use super::failure::{Failure, innermost, is_refused_tunnel};
use super::network::{Hop, Network};
use super::tls::{self, Roots};
use crate::checksum::Checksum;
use crate::safe_url::SafeUrl;
use backon::{BackoffBuilder, ExponentialBuilder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::ext::ReasonPhrase;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, redirect};
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::select;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tower::util::MapResponseLayer;

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// Receives the progress of a download.
pub trait Observer {
    /// Called before each request.
    fn requesting(&self, hop: &Hop);
    /// Called before the pause after a failed request; number `retry` of `retries` follows.
    fn retrying(&self, failure: &Failure, pause: Duration, retry: usize, retries: usize);
    /// Called from time to time with the number of bytes received, of `total` if the server
    /// announced it.
    fn received(&self, bytes: u64, total: Option<u64>);
}

/// Downloads one URL by https or http.
pub(super) struct Downloader<'a> {
    pub url: &'a SafeUrl,
    /// Decides whether a body is complete if the connection ends with an error.
    pub checksum: Checksum,
    pub network: &'a Network,
    pub observer: &'a dyn Observer,
    /// Read for the first connection that needs them.
    pub trusted: OnceCell<(Roots, String)>,
}

impl Downloader<'_> {
    /// Downloads the whole body. Returns the last request, and the body or why that request failed.
    pub(super) fn download(&self) -> (Hop, Result<Vec<u8>, Failure>) {
        let total = self.network.policy.total;
        let mut hop = self.hop(self.url.clone());
        let body = match Builder::new_current_thread().enable_all().build() {
            Err(error) => Err(Failure::Other(error.to_string())),
            Ok(runtime) => {
                let requests = self.with_retries(&mut hop);
                let body = runtime.block_on(async { timeout(total, requests).await });
                // A name look-up that hangs must not hold the program back after its limit.
                runtime.shutdown_background();
                body.unwrap_or(Err(Failure::Timeout("not finished", total)))
            }
        };
        (hop, body)
    }

    /// Requests the body until it comes, or a failure is final; `hop` becomes the last request.
    async fn with_retries(&self, hop: &mut Hop) -> Result<Vec<u8>, Failure> {
        let policy = &self.network.policy;
        let pauses = ExponentialBuilder::new()
            .with_min_delay(policy.first_pause)
            .with_max_delay(policy.longest_pause)
            .with_max_times(policy.retries)
            .with_jitter()
            .build();
        for (retry, pause) in (1..).zip(pauses) {
            let failure = match self.attempt(hop).await {
                Err(failure) if failure.is_transient() => failure,
                result => return result,
            };
            let pause = match failure {
                Failure::Status(.., Some(asked)) => policy.longest_pause.min(asked),
                _ => policy.longest_pause.min(pause),
            };
            self.observer
                .retrying(&failure, pause, retry, policy.retries);
            sleep(pause).await;
        }
        self.attempt(hop).await
    }

    /// Follows redirects to the body; `hop` becomes the last request.
    async fn attempt(&self, hop: &mut Hop) -> Result<Vec<u8>, Failure> {
        *hop = self.hop(self.url.clone());
        for _ in 0..=REDIRECTS {
            self.observer.requesting(hop);
            let response = self.request(hop).await?;
            let Some(location) = location(&response) else {
                return self.body(response).await;
            };
            let target = hop.url.redirected(&location);
            *hop = self.hop(target.map_err(Failure::Redirect)?);
        }
        Err(Failure::Redirect(format!("more than {REDIRECTS} times")))
    }

    /// Chooses how a URL is requested.
    fn hop(&self, url: SafeUrl) -> Hop {
        let proxy = self.network.proxies.for_url(&url).cloned();
        let proxy_url = proxy.as_ref().and_then(|proxy| proxy.url.as_ref().ok());
        let is_tls = url.is_https() || proxy_url.is_some_and(SafeUrl::is_https);
        Hop {
            proxy,
            login: self.network.login(&url).map(|(_, origin)| origin),
            trusted: is_tls.then(|| self.trusted().1.clone()),
            url,
        }
    }

    /// The trusted certificates and their description.
    fn trusted(&self) -> &(Roots, String) {
        let trusted = || tls::trusted(&self.network.ca_certificates);
        self.trusted.get_or_init(trusted)
    }

    /// Connects, sends a request, and waits for the head of the response.
    async fn request(&self, hop: &Hop) -> Result<Response, Failure> {
        let policy = &self.network.policy;
        let connected = Arc::new(Notify::new());
        let client = self.client(hop, connected.clone())?;
        let mut request = client.get(hop.url.exposed().clone());
        // The checksum is that of the file without a further encoding.
        request = request.header(ACCEPT_ENCODING, "identity");
        if let Some((login, _)) = self.network.login(&hop.url) {
            let login = STANDARD.encode(login.join(&b':'));
            request = request.header(AUTHORIZATION, format!("Basic {login}"));
        }
        let limit = async {
            if timeout(policy.connect, connected.notified()).await.is_err() {
                return Failure::Timeout("no connection", policy.connect);
            }
            sleep(policy.response_header).await;
            Failure::Timeout("no answer", policy.response_header)
        };
        let answer = async {
            match request.send().await {
                Err(error) if is_refused_tunnel(&error) => Err(refusal(hop, &client).await),
                answer => answer.map_err(|error| Failure::of_request(hop, &error)),
            }
        };
        select! {
            answer = answer => answer,
            failure = limit => Err(failure),
        }
    }

    /// A client for one request.
    fn client(&self, hop: &Hop, connected: Arc<Notify>) -> Result<Client, Failure> {
        let failed = |error| Failure::of_request(hop, &error);
        let roots = hop.trusted.as_ref().map(|_| self.trusted().0.clone());
        let mut builder = Client::builder()
            .user_agent(concat!("watchexec-buildpack/", env!("CARGO_PKG_VERSION")))
            .connector_layer(MapResponseLayer::new(move |connection| {
                connected.notify_one();
                connection
            }))
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // The limit of curl.
            .http1_max_headers(5_000)
            .tls_backend_preconfigured(tls::client(roots)?)
            .redirect(redirect::Policy::none())
            // The library would look for others in the environment.
            .no_proxy();
        if let Some(proxy) = &hop.proxy {
            let unusable =
                |fault| Failure::Other(format!("{} cannot be used: {fault}", proxy.variable));
            let url = proxy.url.as_ref().map_err(unusable)?;
            builder = builder.proxy(reqwest::Proxy::all(url.exposed().clone()).map_err(failed)?);
        }
        builder.build().map_err(failed)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        accepted(&response)?;
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

/// Why a proxy does not connect to the server. The HTTP library reports only 407. For any other
/// status the proxy is asked again, as for an http URL, which needs no tunnel.
async fn refusal(hop: &Hop, client: &Client) -> Failure {
    let server = format!("http://{}:{}", hop.url.host(), hop.url.port());
    match client.request(Method::CONNECT, server).send().await {
        Ok(response) if !response.status().is_success() => {
            Failure::Proxy(response.status(), status_line(&response))
        }
        Ok(_) => Failure::Connect(
            "the proxy refused the first CONNECT request, but accepted the second".to_owned(),
        ),
        Err(error) => Failure::of_request(hop, &error),
    }
}

/// The target of a redirect.
fn location(response: &Response) -> Option<String> {
    let is_redirect = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
    let location = response.headers().get(LOCATION).filter(|_| is_redirect)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Checks the status: any but 200 is a failure.
fn accepted(response: &Response) -> Result<(), Failure> {
    let status = response.status();
    let line = status_line(response);
    // In seconds; dates (RFC 9110, section 10.2.3) are ignored.
    let pause = response.headers().get(RETRY_AFTER);
    let pause = pause.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let pause = pause.map(Duration::from_secs);
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(Failure::Proxy(status, line)),
        _ => Err(Failure::Status(status, line, pause)),
    }
}

/// The status of a response, in the words of the server.
fn status_line(response: &Response) -> String {
    let status = response.status();
    let words = |words: &ReasonPhrase| String::from_utf8_lossy(words.as_bytes()).into_owned();
    let words = response.extensions().get().map(words);
    let words = words.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned());
    format!("{} {words}", status.as_u16())
}
