//! Downloading an archive, from a file or a server, and verifying it against its checksum.

mod failure;
mod http;
mod logins;
mod network;

pub use failure::{Attempt, Failure, Timeout};
pub use http::Observer;
pub use logins::{Logins, NetrcError};
pub use network::{Network, Policy};

use crate::archive_url::{ArchiveUrl, Location};
use crate::checksum::{Checksum, Mismatch, Verified};
use crate::files::FileError;
use http::Downloader;
use network::LARGEST_ARCHIVE;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why an archive could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// A file cannot be read, or is larger than an archive may be.
    #[error(transparent)]
    File(#[from] FileError),
    /// Every request to the server failed.
    #[error("{url}:{}", numbered(attempts))]
    Requests {
        /// The URL.
        url: ArchiveUrl,
        /// How each request failed, in order.
        attempts: Vec<Attempt>,
    },
    /// The archive differs from the one in the catalog.
    #[error("{url} sent {mismatch}")]
    Checksum {
        /// The URL.
        url: ArchiveUrl,
        /// The two checksums.
        mismatch: Mismatch,
    },
}

/// A line for each request.
fn numbered(attempts: &[Attempt]) -> String {
    let line = |(number, attempt): (usize, &Attempt)| {
        let redirect = match &attempt.redirected_to {
            Some(url) => format!(", redirected to {url}"),
            None => String::new(),
        };
        format!("\n  request {number}{redirect}: {}", attempt.failure)
    };
    (1..).zip(attempts).map(line).collect()
}

/// Downloads the archive at `url` and verifies it.
///
/// # Errors
/// The archive is not available, or has another checksum.
pub fn download(
    url: &ArchiveUrl,
    checksum: Checksum,
    network: &Network,
    observer: &dyn Observer,
) -> Result<Verified, DownloadError> {
    let bytes = match url.location() {
        Location::File(path) => read_file(&path).map_err(FileError::at(path))?,
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
