//! Downloads an archive from a file or a server, and verifies its checksum.

mod connection;
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

use crate::checksum::{Checksum, Mismatch, Verified};
use crate::location::Archive;
use crate::safe_url::SafeUrl;
use http::Downloader;
use network::LARGEST_ARCHIVE;
use std::cell::OnceCell;
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
    /// The archive differs from the one in the catalog. Contains the request, if a server sent it.
    Checksum(Mismatch, Option<Box<Hop>>),
}

/// Continues a sentence about the URL with the fault, and with how the last request was made.
fn described(fault: &Fault, url: &SafeUrl) -> String {
    let redirected = |hop: &Hop| match &hop.url {
        same if same == url => String::new(),
        other => format!(" (redirected to {other})"),
    };
    match fault {
        Fault::File(error) => format!(": {error}"),
        Fault::Requests(attempts) => {
            let line = |(number, Attempt { hop, failure }): (usize, &Attempt)| {
                format!("\n  request {number}{}: {failure}", redirected(hop))
            };
            let lines: String = (1..).zip(attempts).map(line).collect();
            let last = attempts
                .last()
                .map(|attempt| format!("\n  requested {}", attempt.hop));
            format!(":{lines}{}", last.unwrap_or_default())
        }
        Fault::Checksum(mismatch, None) => format!(" {mismatch}"),
        Fault::Checksum(mismatch, Some(hop)) => {
            format!("{} {mismatch}\n  requested {hop}", redirected(hop))
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
    let downloader = Downloader {
        url: &archive.url,
        checksum,
        network,
        observer,
        trusted: OnceCell::new(),
    };
    let bytes = match archive.url.file() {
        Some(path) => read_file(&path)
            .map(|bytes| (bytes, None))
            .map_err(Fault::File),
        None => downloader
            .download()
            .map(|(bytes, hop)| (bytes, Some(Box::new(hop))))
            .map_err(Fault::Requests),
    };
    let verified = bytes.and_then(|(bytes, hop)| {
        Verified::new(bytes, checksum).map_err(|mismatch| Fault::Checksum(mismatch, hop))
    });
    verified.map_err(|fault| DownloadError {
        archive: archive.clone(),
        fault,
    })
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST_ARCHIVE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_ARCHIVE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}
