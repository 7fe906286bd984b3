//! Errors of `tar`, as the user of a sync tool reads them.

use crate::output::log;
use printable::printable;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// The exit status of GNU tar for every error. Tilt reports it as a missing permission.
const FAILURE: u8 = 2;

/// Prints errors as they occur. One bad entry does not keep the others from being copied.
#[derive(Debug, Default)]
pub(super) struct Problems {
    any: bool,
}

impl Problems {
    pub(super) fn log(&mut self, problem: impl Display) {
        self.any = true;
        log(format_args!("tar: {problem}"));
    }

    /// Prints the error of one member of the archive.
    pub(super) fn log_for(&mut self, member: &[u8], error: &io::Error) {
        let remedy = remedy(error);
        self.log(format_args!(
            "{}: Cannot be copied: {error}{remedy}",
            printable(OsStr::from_bytes(member))
        ));
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        if self.any {
            ExitCode::from(FAILURE)
        } else {
            ExitCode::SUCCESS
        }
    }
}

/// The remedy for the most frequent error, a missing permission.
fn remedy(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        ". The container's user has no write permission there: build the image with live reload \
         on, which makes the app group-writable, and run the container as a user in the build \
         user's group"
    } else {
        ""
    }
}
