//! The most memory that a program had at a time.

use anyhow::{Result, ensure};
use std::process::Command;
use wait4::Wait4;

/// Runs it, and returns the peak of its resident memory, in millions of bytes.
///
/// Linux counts what the starting program had at that time too, as far as it is more. This one has
/// less than any build takes, since it holds nothing but the archive.
#[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
pub(crate) fn peak(command: &mut Command) -> Result<f64> {
    let end = command.spawn()?.wait4()?;
    ensure!(end.status.success(), "the build failed ({})", end.status);
    Ok(end.rusage.maxrss as f64 / 1e6)
}
