//! Downloads that survive unreliable networks: retries with growing pauses, and a limit on
//! everything.
#![warn(clippy::arithmetic_side_effects)]

use super::failure::{Attempt, Failure, Timeout, innermost};
use super::network::Network;
use crate::archive_url::ArchiveUrl;
use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tower::util::MapResponseLayer;

/// Is told of the progress of a download.
pub trait Observer {
    /// Another request follows a failed one after a pause. It is number `retry` of `retries`.
    fn retrying(&self, failure: &Failure, pause: Duration, retry: usize, retries: usize);
    /// A slow download has received this many bytes, of `total` that the server announced.
    fn received(&self, bytes: u64, total: Option<u64>);
}

/// Downloads one URL by https or http.
pub(super) struct Downloader<'a> {
    client: Client,
    url: &'a Url,
    network: &'a Network,
    observer: &'a dyn Observer,
    request: RequestState,
}

/// Events of a request that the HTTP library reports before the response.
#[derive(Clone, Default)]
struct RequestState(Arc<Mutex<Observed>>);

#[derive(Default)]
struct Observed {
    /// The URL of the last redirect. The HTTP library's errors name the first URL only, and a
    /// redirect's target is what firewalls block most often.
    redirected_to: Option<Url>,
    /// When the connection was established, TLS included.
    connected: Option<Instant>,
}

impl RequestState {
    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Downloader<'a> {
    /// Prepares the client.
    ///
    /// # Errors
    /// The system's certificates cannot be used.
    pub(super) fn new(
        url: &'a Url,
        network: &'a Network,
        observer: &'a dyn Observer,
    ) -> Result<Self, Vec<Attempt>> {
        // The client takes the process's provider of cryptography. A second call fails, and
        // leaves the first provider in place, which is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let request = RequestState::default();
        let with_system =
            builder(network, &request).tls_certs_merge(network.ca_certificates.clone());
        let client = match with_system.build() {
            // A base image may have no certificates at all, and http needs none.
            Err(_) if url.scheme() == "http" => builder(network, &request)
                .tls_certs_only(network.ca_certificates.clone())
                .build(),
            built => built,
        };
        let client = client
            .map_err(|error| vec![Failure::from_request(&error, network.policy.connect).into()])?;
        Ok(Self {
            client,
            url,
            network,
            observer,
            request,
        })
    }

    /// Downloads a body whole.
    ///
    /// # Errors
    /// How each request failed, in order; the last one is why there was no further one.
    pub(super) fn download(&self) -> Result<Vec<u8>, Vec<Attempt>> {
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
        loop {
            let failure = match self.request().await {
                Ok(bytes) => return Some(bytes),
                Err(failure) => failure,
            };
            let redirected_to = self.request.observed().redirected_to.take();
            attempts.push(Attempt {
                failure: failure.clone(),
                redirected_to: redirected_to.map(ArchiveUrl::from_url),
            });
            let pause = failure.is_transient().then(|| pauses.next()).flatten()?;
            let pause = failure
                .asked_pause()
                .unwrap_or(pause)
                .min(self.network.policy.longest_pause);
            let retries = self.network.policy.retries;
            self.observer
                .retrying(&failure, pause, attempts.len(), retries);
            sleep(pause).await;
        }
    }

    async fn request(&self) -> Result<Vec<u8>, Failure> {
        let mut request = self.client.get(self.url.clone());
        if let Some(login) = self.network.logins.for_url(self.url) {
            request = request.basic_auth(&login.login, Some(&login.password));
        }
        let response = self.answer(request).await?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(Failure::Status {
                status,
                retry_after: retry_after(response.headers()),
            });
        }
        self.read_body(response).await
    }

    /// Waits for the head of the answer. The time for it starts with the connection: the HTTP
    /// library limits the connecting itself, again after each redirect.
    async fn answer(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let policy = &self.network.policy;
        *self.request.observed() = Observed::default();
        let mut answer = pin!(request.send());
        let mut limit = pin!(sleep(policy.response_header));
        poll_fn(|context| {
            if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                return Poll::Ready(
                    answer.map_err(|error| Failure::from_request(&error, policy.connect)),
                );
            }
            let connected = self.request.observed().connected;
            let Some(end) = connected.and_then(|at| at.checked_add(policy.response_header)) else {
                return Poll::Pending;
            };
            limit.as_mut().reset(end);
            limit.as_mut().poll(context).map(|()| {
                let timeout = Timeout::ResponseHeader(policy.response_header);
                Err(Failure::Timeout(timeout))
            })
        })
        .await
    }

    async fn read_body(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let policy = &self.network.policy;
        let total = response.content_length();
        if total.is_some_and(|total| total > policy.largest) {
            return Err(Failure::TooLarge(policy.largest));
        }
        let mut bytes = Vec::new();
        let mut last_line = Instant::now();
        loop {
            let received = bytes.len() as u64;
            let piece = timeout(policy.stall, response.chunk())
                .await
                .map_err(|_| Failure::Timeout(Timeout::Stall(policy.stall)))?
                .map_err(|error| Failure::Interrupted {
                    received,
                    reason: innermost(&error),
                })?;
            let Some(piece) = piece else {
                return Ok(bytes);
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

/// A client with everything but its certificates.
fn builder(network: &Network, request: &RequestState) -> ClientBuilder {
    let policy = &network.policy;
    let connecting = request.clone();
    let builder = Client::builder()
        .user_agent(concat!("watchexec-buildpack/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(policy.connect)
        .connector_layer(MapResponseLayer::new(move |connection| {
            connecting.observed().connected = Some(Instant::now());
            connection
        }))
        // A connection for each request, so that each has the full time for its response.
        .pool_max_idle_per_host(0)
        .redirect(redirects(policy.redirects, request.clone()))
        // Those that the library finds by itself; the configuration's are all there are.
        .no_proxy();
    network
        .proxies
        .iter()
        .fold(builder, |builder, proxy| builder.proxy(proxy.clone()))
}

/// Follows at most `most` redirects. A redirect from https to http is refused.
fn redirects(most: usize, request: RequestState) -> redirect::Policy {
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
            *request.observed() = Observed {
                redirected_to: Some(attempt.url().clone()),
                connected: None,
            };
            attempt.follow()
        }
    })
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); the dates that it may hold as well are not
/// worth a parser.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
