//! Every text that a user of the build reads.
//!
//! One place, so that the words stay the same for the same thing, and so that a change of a text
//! shows in the snapshot tests beside it.

pub mod errors;
pub mod lines;

/// A number of bytes as people write it: decimal units, one digit after the point.
#[must_use]
pub fn size(bytes: u64) -> String {
    // Exact up to 2^53 bytes, of which one digit is shown.
    #[expect(clippy::cast_precision_loss)]
    let count = bytes as f64;
    if bytes < 1_000 {
        format!("{bytes} bytes")
    } else if bytes < 1_000_000 {
        format!("{:.1} kB", count / 1e3)
    } else {
        format!("{:.1} MB", count / 1e6)
    }
}
