//! Everything that stops the buildpack. What people read of it is in [`crate::messages::errors`].

use crate::bundle::BundleError;
use crate::checksum::ChecksumError;
use crate::companion::CompanionError;
use crate::configuration::{ConfigurationError, InvalidValue};
use crate::dependency::NoMatch;
use crate::entry::EntryError;
use crate::fetch::FetchError;
use crate::locate::{LocateError, Reason};
use crate::requirement::InvalidRequirement;
use crate::unpack::UnpackError;
use std::io;

/// An error of one of the modules.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// Variables and bindings.
    #[error("{0:?}")]
    Configuration(Vec<ConfigurationError>),
    /// Choosing a dependency.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// The checksum of the chosen dependency.
    #[error("watchexec {version}: {error}")]
    Checksum {
        /// Version of the dependency.
        version: String,
        /// What is wrong.
        error: ChecksumError,
    },
    /// Finding a place to take it from.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// Fetching and verifying it.
    #[error("{error}")]
    Fetch {
        /// What is wrong.
        error: FetchError,
        /// Why it was fetched from there.
        reason: Reason,
    },
    /// Unpacking it.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The companion.
    #[error(transparent)]
    Companion(#[from] CompanionError),
    /// Installing the bundled one.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Writing the log.
    #[error("the log cannot be written: {0}")]
    Log(io::Error),
}

impl From<Vec<ConfigurationError>> for Error {
    fn from(errors: Vec<ConfigurationError>) -> Self {
        Self::Configuration(errors)
    }
}

impl From<InvalidValue> for Error {
    fn from(error: InvalidValue) -> Self {
        vec![ConfigurationError::from(error)].into()
    }
}

impl From<InvalidRequirement> for Error {
    fn from(error: InvalidRequirement) -> Self {
        vec![ConfigurationError::from(error)].into()
    }
}

impl From<Error> for libcnb::Error<Error> {
    fn from(error: Error) -> Self {
        Self::BuildpackError(error)
    }
}
