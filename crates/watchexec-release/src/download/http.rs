//! Downloads that survive unreliable networks: retries with growing pauses, and a limit on
//! everything.
#![warn(clippy::arithmetic_side_effects)]

use super::connection::{Connection, Get};
use super::failure::{Failure, Timeout, innermost};
use super::login::{Login, LoginSource};
use super::network::Network;
use super::proxies::Proxy;
use super::tls::{self, Trust};
use crate::checksum::Checksum;
use crate::safe_url::SafeUrl;
use backon::{BackoffBuilder, ExponentialBuilder};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, HOST, LOCATION, PROXY_AUTHORIZATION,
    USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use rustls::ClientConfig;
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use url::Position;

/// Is told of the progress of a download.
pub trait Observer {
    /// A request is about to be made.
    fn requesting(&self, hop: &Hop);
    /// A further request follows a failed one after a pause. It is number `retry` of `retries`.
    fn retrying(&self, failure: &Failure, pause: Duration, retry: usize, retries: usize);
    /// A slow download has received this many bytes, of `total` that the server announced.
    fn received(&self, bytes: u64, total: Option<u64>);
}

/// A request, and everything that decides how it is made. It shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The URL: that of the archive, or of a redirect.
    pub url: SafeUrl,
    /// The proxy that is asked.
    pub proxy: Option<Proxy>,
    /// The origin of the login that is sent to the server.
    pub login: Option<LoginSource>,
    /// The certificates that are trusted, if the server or the proxy shows one.
    pub trust: Option<Trust>,
}

impl fmt::Display for Hop {
    /// All but the URL, as the end of a sentence: `through the proxy …, with the login in …, trusting …`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match &self.proxy {
            Some(proxy) => parts.push(format!("through the proxy {proxy}")),
            None => parts.push("without a proxy".to_owned()),
        }
        parts.extend(
            self.login
                .iter()
                .map(|login| format!("with the login in {login}")),
        );
        parts.extend(self.trust.iter().map(|trust| format!("trusting {trust}")));
        formatter.write_str(&parts.join(", "))
    }
}

/// A request that brought no archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The last request, which a redirect may have led to.
    pub hop: Hop,
    /// Why it failed.
    pub failure: Failure,
}

/// Downloads one URL by https or http.
pub(super) struct Downloader<'a> {
    url: &'a SafeUrl,
    /// Says when a body is complete, whatever the end of the connection looks like.
    checksum: Checksum,
    network: &'a Network,
    observer: &'a dyn Observer,
    /// Made when a server or a proxy needs it: http works without any certificate.
    tls: OnceCell<(Trust, Result<Arc<ClientConfig>, Failure>)>,
}

enum Answer {
    Body(Vec<u8>),
    Redirect(SafeUrl),
}

impl<'a> Downloader<'a> {
    pub(super) fn new(
        url: &'a SafeUrl,
        checksum: Checksum,
        network: &'a Network,
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            url,
            checksum,
            network,
            observer,
            tls: OnceCell::new(),
        }
    }

    /// Downloads a body whole, and returns it with the request that brought it.
    ///
    /// # Errors
    /// How each request failed, in order; the last one is why there was no further one.
    pub(super) fn download(&self) -> Result<(Vec<u8>, Hop), Vec<Attempt>> {
        let failed = |failure| Attempt {
            hop: Hop {
                url: self.url.clone(),
                proxy: None,
                login: None,
                trust: None,
            },
            failure,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| vec![failed(Failure::Other(error.to_string()))])?;
        let total = self.network.policy.total;
        let mut attempts = Vec::new();
        let result =
            runtime.block_on(async { timeout(total, self.with_retries(&mut attempts)).await });
        // A name look-up that hangs must not hold the program back after its limit.
        runtime.shutdown_background();
        if result.is_err() {
            attempts.push(failed(Failure::Timeout(Timeout::Total(total))));
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
            let pause = failure.asked_pause().unwrap_or(pause);
            let pause = pause.min(policy.longest_pause);
            self.observer
                .retrying(&failure, pause, attempts.len(), policy.retries);
            sleep(pause).await;
        }
    }

    /// Follows redirects to the body.
    async fn attempt(&self) -> Result<(Vec<u8>, Hop), Attempt> {
        let mut url = self.url.clone();
        let mut redirects = 0;
        loop {
            let (hop, login) = self.hop(url)?;
            self.observer.requesting(&hop);
            let failure = match self.request(&hop, login).await {
                Ok(Answer::Body(bytes)) => return Ok((bytes, hop)),
                Ok(Answer::Redirect(next)) if redirects < self.network.policy.redirects => {
                    redirects += 1;
                    url = next;
                    continue;
                }
                Ok(Answer::Redirect(_)) => {
                    Failure::Redirect(format!("more than {redirects} times"))
                }
                Err(failure) => failure,
            };
            return Err(Attempt { hop, failure });
        }
    }

    /// Decides how a URL is asked.
    fn hop(&self, url: SafeUrl) -> Result<(Hop, Option<Login>), Attempt> {
        let proxy = self.network.proxies.for_url(&url).cloned();
        let login = Login::find(&url, &self.network.netrc);
        let by_tls = |url: &SafeUrl| url.is_https();
        let proxied = proxy.as_ref().and_then(|proxy| proxy.url.as_ref().ok());
        let needs_tls = by_tls(&url) || proxied.is_some_and(by_tls);
        let trust = needs_tls.then(|| self.tls().0.clone());
        let mut hop = Hop {
            url,
            proxy,
            login: None,
            trust,
        };
        match login {
            Ok(login) => {
                hop.login = login.as_ref().map(|login| login.source.clone());
                Ok((hop, login))
            }
            Err(failure) => Err(Attempt { hop, failure }),
        }
    }

    fn tls(&self) -> &(Trust, Result<Arc<ClientConfig>, Failure>) {
        self.tls.get_or_init(|| {
            let (trust, config) = tls::client(&self.network.ca_certificates);
            let config = config.map(Arc::new);
            (
                trust,
                config.map_err(|error| Failure::of_connection(self.url, &error)),
            )
        })
    }

    async fn request(&self, hop: &Hop, login: Option<Login>) -> Result<Answer, Failure> {
        let policy = &self.network.policy;
        let tls = match &hop.trust {
            Some(_) => Some(self.tls().1.clone()?),
            None => None,
        };
        let mut connection = timeout(policy.connect, Connection::open(hop, tls))
            .await
            .map_err(|_| Failure::Timeout(Timeout::Connect(policy.connect)))??;
        let request =
            get(hop, login.as_ref()).map_err(|error| Failure::of_connection(&hop.url, &error))?;
        let response = timeout(policy.response_header, connection.send(request))
            .await
            .map_err(|_| Failure::Timeout(Timeout::ResponseHeader(policy.response_header)))??;
        if let Some(next) = redirect(hop, &response)? {
            return Ok(Answer::Redirect(next));
        }
        if response.status() != StatusCode::OK {
            // A proxy answers for itself with this one alone.
            let by_proxy = response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED;
            return Err(Failure::of_answer(&response, by_proxy));
        }
        self.read(response.into_body()).await.map(Answer::Body)
    }

    async fn read(&self, mut body: Incoming) -> Result<Vec<u8>, Failure> {
        let policy = &self.network.policy;
        let total = body.size_hint().exact();
        if total.is_some_and(|total| total > policy.largest) {
            return Err(Failure::TooLarge(policy.largest));
        }
        let mut bytes = Vec::new();
        let mut last_line = Instant::now();
        loop {
            let frame = timeout(policy.stall, body.frame())
                .await
                .map_err(|_| Failure::Timeout(Timeout::Stall(policy.stall)))?;
            let piece = match frame {
                None => return Ok(bytes),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                // Many servers end a connection without the goodbye of TLS.
                Some(Err(_)) if Checksum::of(&bytes) == self.checksum => return Ok(bytes),
                Some(Err(error)) => {
                    return Err(Failure::Interrupted {
                        received: bytes.len() as u64,
                        reason: innermost(&error),
                    });
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

/// The request of a hop. A plain proxy is asked for the whole URL.
fn get(hop: &Hop, login: Option<&Login>) -> Result<Get, hyper::http::Error> {
    let url = hop.url.exposed();
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let plain_proxy = hop.proxy.as_ref().filter(|_| !hop.url.is_https());
    let target = match plain_proxy {
        Some(_) => format!("http://{host}{path}"),
        None => path.to_owned(),
    };
    let mut request = Request::get(target)
        .header(HOST, host)
        .header(
            USER_AGENT,
            concat!("watchexec-buildpack/", env!("CARGO_PKG_VERSION")),
        )
        .header(ACCEPT, "*/*")
        // The checksum is that of the file as it is.
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close");
    if let Some(login) = login.and_then(Login::header) {
        request = request.header(AUTHORIZATION, login);
    }
    let proxy_login = plain_proxy
        .and_then(|proxy| proxy.url.as_ref().ok())
        .and_then(Login::of_url);
    if let Some(login) = proxy_login.and_then(|login| login.header()) {
        request = request.header(PROXY_AUTHORIZATION, login);
    }
    request.body(Empty::new())
}

/// The URL that an answer redirects to.
fn redirect(hop: &Hop, response: &Response<Incoming>) -> Result<Option<SafeUrl>, Failure> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| is_redirect) else {
        return Ok(None);
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    match hop.url.redirected(&location) {
        Ok(next) if hop.url.is_https() && !next.is_https() => Err(Failure::Redirect(format!(
            "from https to {}",
            next.origin()
        ))),
        Ok(next) => Ok(Some(next)),
        Err(error) => Err(Failure::Redirect(format!("to an invalid URL: {error}"))),
    }
}
