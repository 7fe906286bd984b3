//! Downloading an archive, from a file or a server, and verifying it against its checksum.

mod connection;
mod failure;
mod http;
mod netrc;
mod network;
mod proxies;
mod tls;

pub use failure::{Failure, TlsFault};
pub use http::{Attempt, Hop, Observer};
pub use hyper::StatusCode;
pub use netrc::Netrc;
pub use network::{Network, Policy};
pub use proxies::{Proxies, Proxy};
pub use rustls::pki_types::CertificateDer;
pub use tls::certificates;

use crate::checksum::{Checksum, Mismatch, Verified};
use crate::origin::Archive;
use crate::safe_url::SafeUrl;
use http::Downloader;
use network::LARGEST_ARCHIVE;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// An archive that could not be downloaded.
#[derive(Debug, thiserror::Error)]
#[error("{archive}{}", described(.fault, &.archive.url))]
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
    /// The archive differs from the one in the catalog.
    Checksum {
        /// The two checksums.
        mismatch: Mismatch,
        /// The request that brought it, if a server sent it.
        hop: Option<Hop>,
    },
}

/// A fault as the end of a sentence about the URL, with how it was requested last.
fn described(fault: &Fault, url: &SafeUrl) -> String {
    let redirected = |hop: &Hop| match &hop.url {
        same if same == url => String::new(),
        other => format!(", redirected to {other}"),
    };
    let requested = |hop: &Hop| format!("\n  requested {hop}");
    match fault {
        Fault::File(error) => format!(": {error}"),
        Fault::Requests(attempts) => {
            let line = |(number, Attempt { hop, failure }): (usize, &Attempt)| {
                format!("\n  request {number}{}: {failure}", redirected(hop))
            };
            let lines: String = (1..).zip(attempts).map(line).collect();
            let last = attempts.last().map(|attempt| requested(&attempt.hop));
            format!(":{lines}{}", last.unwrap_or_default())
        }
        Fault::Checksum { mismatch, hop } => {
            let (to, how) = hop
                .as_ref()
                .map(|hop| (redirected(hop), requested(hop)))
                .unwrap_or_default();
            format!("{to} {mismatch}{how}")
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
    let downloaded = match archive.url.file() {
        Some(path) => read_file(&path).map(|bytes| (bytes, None)),
        None => {
            let downloader = Downloader {
                url: &archive.url,
                checksum,
                network,
                observer,
            };
            let downloaded = downloader.download().map_err(Fault::Requests);
            downloaded.map(|(bytes, hop)| (bytes, Some(hop)))
        }
    };
    downloaded
        .and_then(|(bytes, hop)| {
            Verified::new(bytes, checksum).map_err(|mismatch| Fault::Checksum { mismatch, hop })
        })
        .map_err(|fault| DownloadError {
            archive: archive.clone(),
            fault,
        })
}

fn read_file(path: &Path) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_ARCHIVE + 1).read_to_end(&mut bytes))
        .map_err(Fault::File)?;
    if bytes.len() as u64 > LARGEST_ARCHIVE {
        return Err(Fault::File(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(bytes)
}
