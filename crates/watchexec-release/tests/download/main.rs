//! Fetching, against real servers on loopback with every fault a network has. The time limits
//! are made small, so that no test waits for one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod credentials;
mod faults;
mod proxies;
mod redirects;
mod tls;

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;
use watchexec_buildpack::address::ArchiveUrl;
use watchexec_buildpack::checksum::{Checksum, Verified};
use watchexec_buildpack::configuration::LogLevel;
use watchexec_buildpack::fetch::{Failure, DownloadError, Policy, fetch};
use watchexec_buildpack::log::Log;
use watchexec_buildpack::network::Network;

/// What the servers have.
const BODY: &[u8] = b"an archive of watchexec, or near enough";

/// Limits far above what loopback needs and far below what a person waits.
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

/// A fetch's end, and what the user saw of it.
struct Fetched {
    result: Result<Verified, DownloadError>,
    log: String,
}

impl Fetched {
    fn assert_body(&self) {
        match &self.result {
            Ok(archive) => assert_eq!(archive.bytes(), BODY),
            Err(error) => panic!("{error}\n{}", self.log),
        }
    }

    /// Why each request failed.
    fn failures(&self) -> Vec<Failure> {
        match &self.result {
            Err(DownloadError::Download { attempts, .. }) => attempts
                .iter()
                .map(|attempt| attempt.failure.clone())
                .collect(),
            Err(error) => panic!("another error: {error}"),
            Ok(_) => panic!("no error"),
        }
    }

    /// The one failure of a download that was not tried again.
    fn only_failure(&self) -> Failure {
        let failures = self.failures();
        assert_eq!(failures.len(), 1, "{failures:?}");
        failures[0].clone()
    }
}

fn get(url: &str, network: &Network) -> Fetched {
    get_checked(url, network, Checksum::of(BODY))
}

fn get_checked(url: &str, network: &Network, checksum: Checksum) -> Fetched {
    #[derive(Clone, Default)]
    struct Recording(Rc<RefCell<Vec<u8>>>);

    impl Write for Recording {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let recording = Recording::default();
    let log = Log::new(Box::new(recording.clone()), LogLevel::Debug);
    let result = fetch(&ArchiveUrl::parse(url).unwrap(), checksum, network, &log);
    let log = String::from_utf8(recording.0.borrow().clone()).unwrap();
    Fetched { result, log }
}
