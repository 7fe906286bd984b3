//! Downloads, from real servers on loopback with every fault a network has. The time limits
//! are made small, so that no test waits for one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod credentials;
mod faults;
mod proxies;
mod redirects;
mod tls;

use std::cell::RefCell;
use std::time::Duration;
use watchexec_release::checksum::{Checksum, Verified};
use watchexec_release::download::{
    DownloadError, Failure, Fault, Hop, Network, Observer, Policy, download,
};
use watchexec_release::origin::Archive;
use watchexec_release::safe_url::SafeUrl;

/// The content that the servers send.
const BODY: &[u8] = b"an archive of watchexec, or near enough";

/// Limits far above the times on loopback and far below a person's patience.
fn network() -> Network {
    Network {
        policy: Policy {
            connect: Duration::from_secs(5),
            response_header: Duration::from_secs(5),
            stall: Duration::from_secs(5),
            total: Duration::from_secs(20),
            retries: 3,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(5),
            largest: 1_000,
            ..Policy::default()
        },
        ..Network::default()
    }
}

/// The end of a download, and the progress that was observed.
struct Fetched {
    result: Result<Verified, DownloadError>,
    progress: Progress,
}

#[derive(Debug, Default)]
struct Progress {
    /// Why each retry follows, and after which pause.
    retries: RefCell<Vec<(Failure, Duration)>>,
    /// Each request.
    hops: RefCell<Vec<Hop>>,
    /// The bytes received so far, and their total.
    received: RefCell<Vec<(u64, Option<u64>)>>,
}

impl Observer for Progress {
    fn requesting(&self, hop: &Hop) {
        self.hops.borrow_mut().push(hop.clone());
    }

    fn retrying(&self, failure: &Failure, pause: Duration, _retry: usize, _retries: usize) {
        self.retries.borrow_mut().push((failure.clone(), pause));
    }

    fn received(&self, bytes: u64, total: Option<u64>) {
        self.received.borrow_mut().push((bytes, total));
    }
}

impl Fetched {
    fn assert_body(&self) {
        match &self.result {
            Ok(archive) => assert_eq!(archive.bytes(), BODY),
            Err(error) => panic!("{error}\n{:?}", self.progress),
        }
    }

    /// The last request, and why it failed.
    fn last(&self) -> (&Hop, &Failure) {
        match &self.result {
            Err(DownloadError {
                hop: Some(hop),
                fault: Fault::Request(failure),
                ..
            }) => (&**hop, failure),
            Err(error) => panic!("a different error: {error}"),
            Ok(_) => panic!("no error"),
        }
    }

    /// Why each request failed: those that were retried, and the last one.
    fn failures(&self) -> Vec<Failure> {
        let retries = self.progress.retries.borrow();
        let earlier = retries.iter().map(|(failure, _)| failure);
        earlier.chain([self.last().1]).cloned().collect()
    }

    /// The one failure of a download that was not tried again.
    fn only_failure(&self) -> Failure {
        let failures = self.failures();
        assert_eq!(failures.len(), 1, "{failures:?}");
        failures[0].clone()
    }
}

fn get(url: &str, network: &Network) -> Fetched {
    let progress = Progress::default();
    let archive = Archive {
        url: SafeUrl::parse(url).unwrap(),
        set_by: None,
    };
    let result = download(&archive, Checksum::of(BODY), network, &progress);
    Fetched { result, progress }
}
