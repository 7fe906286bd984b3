//! Downloads that stand what networks do: retries with growing pauses, resumption, and a limit
//! on everything.

use super::failure::{Attempt, Failure, Timeout};
use crate::address::Address;
use crate::log::Log;
use crate::messages::lines;
use crate::network::Network;
use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use reqwest::redirect;
use reqwest::{Client, ClientBuilder, Response, StatusCode, Url};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// The limits of a download.
#[derive(Debug, Clone)]
pub struct Policy {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the server's answer.
    pub response_header: Duration,
    /// Between two pieces of the body.
    pub stall: Duration,
    /// For the whole, with all requests and the pauses between them.
    pub total: Duration,
    /// Requests after the first one.
    pub retries: usize,
    /// The first pause; each further one is twice as long, plus a random part, so that many
    /// builds that failed together do not come back together.
    pub first_pause: Duration,
    /// The longest pause, also of those that a server asks for.
    pub longest_pause: Duration,
    /// Redirects that are followed.
    pub redirects: usize,
    /// Bytes of a body.
    pub largest: u64,
    /// Silence before the first line of progress, and between two lines.
    pub progress_every: Duration,
}

impl Default for Policy {
    /// What a build uses. The pauses sum up to some 15 seconds: long enough for a load balancer
    /// to swap a broken server, short enough that a person waits for it.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            response_header: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            total: Duration::from_mins(5),
            retries: 4,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            redirects: 10,
            largest: super::LARGEST_ARCHIVE,
            progress_every: Duration::from_secs(3),
        }
    }
}

/// Downloads one address by https or http.
pub struct Downloader<'a> {
    client: Client,
    url: &'a Url,
    network: &'a Network,
    log: &'a Log,
    redirect: LastRedirect,
}

/// Where the last redirect of a request led. The HTTP library names the start only, and a
/// redirect's target is what a firewall most often stops.
#[derive(Clone, Default)]
struct LastRedirect(Arc<Mutex<Option<Url>>>);

impl LastRedirect {
    fn set(&self, url: Option<Url>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }

    fn take(&self) -> Option<Address> {
        let mut url = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        url.take().map(Address::from_url)
    }
}

/// What has come so far, over all requests.
#[derive(Default)]
struct Partial {
    bytes: Vec<u8>,
    /// The server offers ranges.
    resumable: bool,
    /// What names this very content (a strong `ETag`, else a date), so that the server does not
    /// continue with another one (RFC 9110, section 13.1.5).
    validator: Option<String>,
}

impl<'a> Downloader<'a> {
    /// Prepares the client.
    ///
    /// # Errors
    /// The system's certificates cannot be used.
    pub fn new(url: &'a Url, network: &'a Network, log: &'a Log) -> Result<Self, Vec<Attempt>> {
        // The client takes the process's provider of cryptography. A second call fails, and
        // leaves the first provider in place, which is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let redirect = LastRedirect::default();
        let with_system = builder(network, &redirect).tls_certs_merge(network.authorities.clone());
        let client = match with_system.build() {
            // A base image may have no certificates at all, and http needs none.
            Err(_) if url.scheme() == "http" => builder(network, &redirect)
                .tls_certs_only(network.authorities.clone())
                .build(),
            built => built,
        };
        let client = client
            .map_err(|error| vec![Failure::from_request(&error, network.policy.connect).into()])?;
        Ok(Self {
            client,
            url,
            network,
            log,
            redirect,
        })
    }

    /// Downloads a body whole.
    ///
    /// # Errors
    /// How each request failed, in order; the last one is why there was no further one.
    pub fn download(&self) -> Result<Vec<u8>, Vec<Attempt>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| vec![Failure::Other(error.to_string()).into()])?;
        let mut attempts = Vec::new();
        let bytes = runtime.block_on(async {
            timeout(self.network.policy.total, self.with_retries(&mut attempts)).await
        });
        // A name look-up that hangs must not hold the program back after its limit.
        runtime.shutdown_background();
        match bytes {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(attempts),
            Err(_) => {
                attempts.push(Failure::Timeout(Timeout::Total(self.network.policy.total)).into());
                Err(attempts)
            }
        }
    }

    async fn with_retries(&self, attempts: &mut Vec<Attempt>) -> Option<Vec<u8>> {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(self.network.policy.first_pause)
            .with_max_delay(self.network.policy.longest_pause)
            .with_max_times(self.network.policy.retries)
            .with_jitter()
            .build();
        let mut partial = Partial::default();
        loop {
            let failure = match self.request(&mut partial).await {
                Ok(()) => return Some(partial.bytes),
                Err(failure) => failure,
            };
            attempts.push(Attempt {
                failure: failure.clone(),
                redirected_to: self.redirect.take(),
            });
            let pause = failure.may_pass().then(|| pauses.next()).flatten()?;
            let pause = failure
                .asked_pause()
                .unwrap_or(pause)
                .min(self.network.policy.longest_pause);
            let retries = self.network.policy.retries;
            self.log
                .detail(&lines::retry(&failure, pause, attempts.len(), retries));
            tokio::time::sleep(pause).await;
        }
    }

    /// One request, which continues where the one before it broke off.
    async fn request(&self, partial: &mut Partial) -> Result<(), Failure> {
        let policy = &self.network.policy;
        let mut request = self.client.get(self.url.clone());
        if let Some(login) = self.network.logins.for_address(self.url) {
            request = request.basic_auth(login.user, Some(login.password));
        }
        if partial.resumable && !partial.bytes.is_empty() {
            request = request.header(RANGE, format!("bytes={}-", partial.bytes.len()));
            if let Some(validator) = &partial.validator {
                request = request.header(IF_RANGE, validator);
            }
        }
        let limit = policy.connect + policy.response_header;
        self.redirect.set(None);
        let response = timeout(limit, request.send())
            .await
            .map_err(|_| Failure::Timeout(Timeout::ResponseHeader(policy.response_header)))?
            .map_err(|error| Failure::from_request(&error, policy.connect))?;
        partial.accept(&response)?;
        self.read_body(response, partial).await
    }

    async fn read_body(
        &self,
        mut response: Response,
        partial: &mut Partial,
    ) -> Result<(), Failure> {
        let start = partial.bytes.len() as u64;
        let total = response.content_length().map(|length| start + length);
        if total.is_some_and(|total| total > self.network.policy.largest) {
            return Err(Failure::TooLarge(self.network.policy.largest));
        }
        let mut last_line = Instant::now();
        loop {
            let piece = timeout(self.network.policy.stall, response.chunk())
                .await
                .map_err(|_| Failure::Timeout(Timeout::Stall(self.network.policy.stall)))?
                .map_err(|error| Failure::Interrupted {
                    received: partial.bytes.len() as u64,
                    reason: super::failure::innermost(&error),
                })?;
            let Some(piece) = piece else {
                return Ok(());
            };
            partial.bytes.extend_from_slice(&piece);
            let received = partial.bytes.len() as u64;
            if received > self.network.policy.largest {
                return Err(Failure::TooLarge(self.network.policy.largest));
            }
            if last_line.elapsed() >= self.network.policy.progress_every {
                self.log.detail(&lines::received(received, total));
                last_line = Instant::now();
            }
        }
    }
}

impl Partial {
    /// Looks at the head of an answer: a failure, a continuation, or a fresh start.
    fn accept(&mut self, response: &Response) -> Result<(), Failure> {
        let headers = response.headers();
        let status = response.status();
        if status == StatusCode::PARTIAL_CONTENT {
            if range_start(headers) == Some(self.bytes.len() as u64) {
                return Ok(());
            }
            // A part that was not asked for is of no use; the next request takes the whole.
            *self = Self::default();
            return Err(Failure::Interrupted {
                received: 0,
                reason: "the server sent another part than was asked for".to_owned(),
            });
        }
        if status == StatusCode::RANGE_NOT_SATISFIABLE && !self.bytes.is_empty() {
            *self = Self::default();
            return Err(Failure::Interrupted {
                received: 0,
                reason: "the server would not continue".to_owned(),
            });
        }
        if status != StatusCode::OK {
            return Err(Failure::Status {
                status,
                retry_after: retry_after(headers),
            });
        }
        *self = Self {
            bytes: Vec::new(),
            resumable: text(headers, &ACCEPT_RANGES) == Some("bytes"),
            validator: text(headers, &ETAG)
                .filter(|tag| !tag.starts_with("W/"))
                .or_else(|| text(headers, &LAST_MODIFIED))
                .map(str::to_owned),
        };
        Ok(())
    }
}

/// A client with everything but its certificates.
fn builder(network: &Network, redirect: &LastRedirect) -> ClientBuilder {
    let policy = &network.policy;
    let builder = Client::builder()
        .user_agent(concat!("watchexec-buildpack/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(policy.connect)
        .redirect(redirects(policy.redirects, redirect.clone()))
        // Those that the library finds by itself; the configuration's are all there are.
        .no_proxy();
    network
        .proxies
        .iter()
        .fold(builder, |builder, proxy| builder.proxy(proxy.clone()))
}

/// At most `most` redirects, and none that gives up encryption.
fn redirects(most: usize, last: LastRedirect) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let from_https = attempt
            .previous()
            .last()
            .is_some_and(|previous| previous.scheme() == "https");
        if from_https && attempt.url().scheme() != "https" {
            attempt.error("redirected from https to http")
        } else if attempt.previous().len() > most {
            attempt.error(format!("redirected more than {most} times"))
        } else {
            last.set(Some(attempt.url().clone()));
            attempt.follow()
        }
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The first byte of `Content-Range: bytes 10-19/20`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    text(headers, &CONTENT_RANGE)?
        .strip_prefix("bytes ")?
        .split_once('-')?
        .0
        .parse()
        .ok()
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(
        date.duration_since(std::time::SystemTime::now())
            .unwrap_or_default(),
    )
}
