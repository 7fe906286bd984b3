//! Figures: what was measured, beside what it is held against.
//!
//! The programs that measure, this crate's own and the suite on the real platform, leave each
//! figure as a file in one directory; the table shows what is there.

mod cargo;
mod figure;
mod samples;
mod table;

pub use cargo::{cargo, xtask};
pub use figure::{Figure, Figures, Goal, Unit};
pub use samples::{Pair, Samples, interleaved};
pub use table::table;
