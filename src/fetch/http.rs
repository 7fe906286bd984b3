//! Downloads that stand what networks do: retries with growing pauses, resumption, and a limit
//! on everything.

use super::failure::{Failure, Timeout};
use crate::log::Log;
use crate::messages::lines;
use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER,
};
use reqwest::redirect;
use reqwest::{Client, Response, StatusCode, Url};
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

/// Downloads by https and http.
pub struct Downloader<'a> {
    client: Client,
    policy: &'a Policy,
    log: &'a Log,
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
    pub fn new(policy: &'a Policy, log: &'a Log) -> Result<Self, Vec<Failure>> {
        // The client takes the process's provider of cryptography. A second call fails, and
        // leaves the first provider in place, which is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("watchexec-buildpack/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(policy.connect)
            .redirect(redirects(policy.redirects))
            .build()
            .map_err(|error| vec![Failure::from_request(&error, policy.connect)])?;
        Ok(Self {
            client,
            policy,
            log,
        })
    }

    /// Downloads a body whole.
    ///
    /// # Errors
    /// How each request failed, in order; the last one is why there was no further one.
    pub fn download(&self, url: &Url) -> Result<Vec<u8>, Vec<Failure>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| vec![Failure::Other(error.to_string())])?;
        let mut failures = Vec::new();
        let bytes = runtime.block_on(async {
            timeout(self.policy.total, self.with_retries(url, &mut failures)).await
        });
        // A name look-up that hangs must not hold the program back after its limit.
        runtime.shutdown_background();
        match bytes {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(failures),
            Err(_) => {
                failures.push(Failure::Timeout(Timeout::Total(self.policy.total)));
                Err(failures)
            }
        }
    }

    async fn with_retries(&self, url: &Url, failures: &mut Vec<Failure>) -> Option<Vec<u8>> {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(self.policy.first_pause)
            .with_max_delay(self.policy.longest_pause)
            .with_max_times(self.policy.retries)
            .with_jitter()
            .build();
        let mut partial = Partial::default();
        loop {
            let failure = match self.request(url, &mut partial).await {
                Ok(()) => return Some(partial.bytes),
                Err(failure) => failure,
            };
            let next = failure.may_pass().then(|| pauses.next()).flatten();
            failures.push(failure.clone());
            let pause = match (next, &failure) {
                (None, _) => return None,
                (
                    Some(_),
                    Failure::Status {
                        retry_after: Some(asked),
                        ..
                    },
                ) => (*asked).min(self.policy.longest_pause),
                (Some(pause), _) => pause.min(self.policy.longest_pause),
            };
            self.log.detail(&lines::retry(
                &failure,
                pause,
                failures.len(),
                self.policy.retries,
            ));
            tokio::time::sleep(pause).await;
        }
    }

    /// One request, which continues where the one before it broke off.
    async fn request(&self, url: &Url, partial: &mut Partial) -> Result<(), Failure> {
        let mut request = self.client.get(url.clone());
        if partial.resumable && !partial.bytes.is_empty() {
            request = request.header(RANGE, format!("bytes={}-", partial.bytes.len()));
            if let Some(validator) = &partial.validator {
                request = request.header(IF_RANGE, validator);
            }
        }
        let limit = self.policy.connect + self.policy.response_header;
        let response = timeout(limit, request.send())
            .await
            .map_err(|_| Failure::Timeout(Timeout::ResponseHeader(limit)))?
            .map_err(|error| Failure::from_request(&error, self.policy.connect))?;
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
        if total.is_some_and(|total| total > self.policy.largest) {
            return Err(Failure::TooLarge(self.policy.largest));
        }
        let mut last_line = Instant::now();
        loop {
            let piece = timeout(self.policy.stall, response.chunk())
                .await
                .map_err(|_| Failure::Timeout(Timeout::Stall(self.policy.stall)))?
                .map_err(|error| Failure::Interrupted {
                    received: partial.bytes.len() as u64,
                    reason: super::failure::innermost(&error),
                })?;
            let Some(piece) = piece else {
                return Ok(());
            };
            partial.bytes.extend_from_slice(&piece);
            let received = partial.bytes.len() as u64;
            if received > self.policy.largest {
                return Err(Failure::TooLarge(self.policy.largest));
            }
            if last_line.elapsed() >= self.policy.progress_every {
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

/// At most `most` redirects, and none that gives up encryption.
fn redirects(most: usize) -> redirect::Policy {
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
