//! Downloads an archive from a file or a server, and verifies its checksum.

mod failure;
mod hop;
mod http;
mod netrc;
mod network;
mod proxies;
mod tls;

pub use failure::{Failure, TlsFault};
pub use hop::Hop;
pub use http::{Attempt, Observer};
pub use netrc::Netrc;
pub use network::{Network, Policy};
pub use proxies::{Proxies, Proxy};
pub use reqwest::StatusCode;
pub use rustls::pki_types::CertificateDer;
pub use tls::certificates;

use crate::checksum::{Checksum, ChecksumError, Verified};
use crate::files;
use crate::origin::Archive;
use http::Downloader;
use network::LARGEST_ARCHIVE;
use std::cell::OnceCell;
use std::fmt;
use std::io;

/// An archive that could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub struct DownloadError {
    /// Its location.
    pub archive: Archive,
    /// The reason.
    pub fault: Fault,
}

/// Why an archive could not be downloaded.
#[derive(Debug)]
pub enum Fault {
    /// A file cannot be read, or is larger than an archive may be.
    File(io::Error),
    /// Every request to the server failed.
    Requests(Vec<Attempt>),
    /// The archive differs from the one in the catalog. Contains the request, if a server sent it.
    Checksum(ChecksumError, Option<Box<Hop>>),
}

impl fmt::Display for DownloadError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redirected = |hop: &Hop| match &hop.url {
            url if *url == self.archive.url => String::new(),
            url => format!(" (redirected to {url})"),
        };
        write!(to, "{}", self.archive)?;
        match &self.fault {
            Fault::File(error) => write!(to, ": {error}"),
            Fault::Requests(attempts) => {
                to.write_str(":")?;
                for (number, Attempt { hop, failure }) in (1..).zip(attempts) {
                    write!(to, "\n  request {number}{}: {failure}", redirected(hop))?;
                }
                let last = attempts.last();
                last.map_or(Ok(()), |last| write!(to, "\n  requested {}", last.hop))
            }
            Fault::Checksum(mismatch, None) => write!(to, " {mismatch}"),
            Fault::Checksum(mismatch, Some(hop)) => {
                write!(to, "{} {mismatch}\n  requested {hop}", redirected(hop))
            }
        }
    }
}

/// Downloads an archive and verifies it.
///
/// # Errors
/// The archive is not available, or has a different checksum.
pub fn download(
    archive: &Archive,
    checksum: Checksum,
    network: &Network,
    observer: &dyn Observer,
) -> Result<Verified, DownloadError> {
    let failed = |fault| DownloadError {
        archive: archive.clone(),
        fault,
    };
    let (bytes, hop) = if let Some(path) = archive.url.file() {
        let read = files::read(&path, LARGEST_ARCHIVE);
        (read.map_err(|error| failed(Fault::File(error)))?, None)
    } else {
        let downloader = Downloader {
            url: &archive.url,
            checksum,
            network,
            observer,
            trusted: OnceCell::new(),
        };
        let sent = downloader.download();
        let (bytes, hop) = sent.map_err(|attempts| failed(Fault::Requests(attempts)))?;
        (bytes, Some(Box::new(hop)))
    };
    let verified = Verified::new(bytes, checksum);
    verified.map_err(|mismatch| failed(Fault::Checksum(mismatch, hop)))
}
