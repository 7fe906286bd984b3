//! Downloading an archive, from a file or a server, and verifying it against its checksum.

mod failure;
mod http;
mod logins;
mod network;

pub use failure::{Attempt, Failure, Timeout};
pub use http::{Downloader, Observer};
pub use logins::{Login, Logins, NetrcError};
pub use network::{LARGEST_ARCHIVE, Network, Policy};

use crate::archive_url::{ArchiveUrl, Location};
use crate::checksum::{Checksum, Mismatch, Verified};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// Why an archive could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// A file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A file is larger than [`LARGEST_ARCHIVE`].
    #[error("{0} is too large")]
    FileTooLarge(PathBuf),
    /// Every request to the server failed.
    #[error("{url}: {attempts:?}")]
    Requests {
        /// The URL.
        url: ArchiveUrl,
        /// How each request failed, in order.
        attempts: Vec<Attempt>,
    },
    /// The archive differs from the one in the catalog.
    #[error("{url}: {mismatch}")]
    Checksum {
        /// The URL.
        url: ArchiveUrl,
        /// The two checksums.
        mismatch: Mismatch,
    },
}

/// Downloads the archive at `url` and verifies it.
///
/// # Errors
/// It is not available, or it has another checksum.
pub fn download(
    url: &ArchiveUrl,
    checksum: Checksum,
    network: &Network,
    observer: &dyn Observer,
) -> Result<Verified, DownloadError> {
    let bytes = match url.location() {
        Location::File(path) => read_file(path)?,
        Location::Server(server) => Downloader::new(&server, network, observer)
            .and_then(|downloader| downloader.download())
            .map_err(|attempts| DownloadError::Requests {
                url: url.clone(),
                attempts,
            })?,
    };
    Verified::new(bytes, checksum).map_err(|mismatch| DownloadError::Checksum {
        url: url.clone(),
        mismatch,
    })
}

fn read_file(path: PathBuf) -> Result<Vec<u8>, DownloadError> {
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(LARGEST_ARCHIVE + 1).read_to_end(&mut bytes))
    {
        Err(error) => Err(DownloadError::File { path, error }),
        Ok(length) if length as u64 > LARGEST_ARCHIVE => Err(DownloadError::FileTooLarge(path)),
        Ok(_) => Ok(bytes),
    }
}
