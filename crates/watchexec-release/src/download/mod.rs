//! Downloads an archive from a file or a server, and verifies its checksum.

mod failure;
mod http;
mod netrc;
mod network;
mod proxies;
mod tls;

pub use failure::{Failure, TlsFault};
pub use http::Observer;
pub use netrc::Netrc;
pub use network::{Hop, Network, Policy};
pub use proxies::{Proxies, Proxy};
pub use reqwest::StatusCode;
pub use rustls::pki_types::CertificateDer;
pub use tls::certificates;

use crate::checksum::{Checksum, ChecksumError, Verified};
use crate::origin::Archive;
use crate::regular_file;
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
    /// The last request, if a server was asked.
    pub hop: Option<Box<Hop>>,
    /// The reason.
    pub fault: Fault,
}

/// Why an archive could not be downloaded.
#[derive(Debug)]
pub enum Fault {
    /// A file cannot be read, or is larger than an archive may be.
    File(io::Error),
    /// The last request failed. The observer knows of those before.
    Request(Failure),
    /// The archive differs from the one in the catalog.
    Checksum(ChecksumError),
}

impl fmt::Display for DownloadError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hop = self.hop.as_deref();
        write!(to, "{}", self.archive)?;
        if let Some(Hop { url, .. }) = hop.filter(|hop| hop.url != self.archive.url) {
            write!(to, " (redirected to {url})")?;
        }
        match &self.fault {
            Fault::File(error) => write!(to, ": {error}")?,
            Fault::Request(failure) => write!(to, ":\n  {failure}")?,
            Fault::Checksum(mismatch) => write!(to, " {mismatch}")?,
        }
        hop.map_or(Ok(()), |hop| write!(to, "\n  requested {hop}"))
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
    let (hop, bytes) = if let Some(path) = archive.url.file() {
        let bytes = regular_file::read(&path, LARGEST_ARCHIVE);
        (None, bytes.map_err(Fault::File))
    } else {
        let downloader = Downloader {
            url: &archive.url,
            checksum,
            network,
            observer,
            trusted: OnceCell::new(),
        };
        let (hop, body) = downloader.download();
        (Some(Box::new(hop)), body.map_err(Fault::Request))
    };
    let verified = bytes.and_then(|bytes| Verified::new(bytes, checksum).map_err(Fault::Checksum));
    verified.map_err(|fault| DownloadError {
        archive: archive.clone(),
        hop,
        fault,
    })
}
