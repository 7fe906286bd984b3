//! Fetching: brings the archive into memory, from a file or a server, and holds it against its
//! checksum.

mod failure;
mod http;

pub use failure::{Attempt, Failure, Timeout};
pub use http::{Downloader, Policy};

use crate::address::{Address, Place};
use crate::checksum::{Checksum, Mismatch, Verified};
use crate::log::Log;
use crate::network::Network;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// The largest archive that is taken, in bytes. A release has 3 MB.
pub const LARGEST_ARCHIVE: u64 = 128 << 20;

/// An archive that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// A file cannot be read.
    #[error("{path}: {error}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// A file is larger than [`LARGEST_ARCHIVE`].
    #[error("{0} is too large")]
    FileTooLarge(PathBuf),
    /// No request to the server brought the archive.
    #[error("{address}: {attempts:?}")]
    Download {
        /// What was asked for.
        address: Address,
        /// How each request failed, in order.
        attempts: Vec<Attempt>,
    },
    /// What came is not what the dependency's entry names.
    #[error("{address}: {mismatch}")]
    Checksum {
        /// Where it came from.
        address: Address,
        /// The two checksums.
        mismatch: Mismatch,
    },
}

/// Fetches the archive at `address` and verifies it.
///
/// # Errors
/// It cannot be had, or it has another checksum.
pub fn fetch(
    address: &Address,
    checksum: Checksum,
    network: &Network,
    log: &Log,
) -> Result<Verified, FetchError> {
    let bytes = match address.place() {
        Place::File(path) => read_file(path)?,
        Place::Server(url) => Downloader::new(&url, network, log)
            .and_then(|downloader| downloader.download())
            .map_err(|attempts| FetchError::Download {
                address: address.clone(),
                attempts,
            })?,
    };
    Verified::new(bytes, checksum).map_err(|mismatch| FetchError::Checksum {
        address: address.clone(),
        mismatch,
    })
}

fn read_file(path: PathBuf) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(LARGEST_ARCHIVE + 1).read_to_end(&mut bytes))
    {
        Err(error) => Err(FetchError::File { path, error }),
        Ok(length) if length as u64 > LARGEST_ARCHIVE => Err(FetchError::FileTooLarge(path)),
        Ok(_) => Ok(bytes),
    }
}
