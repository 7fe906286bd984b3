//! Pauses that grow.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses of 1, 2, 4, 8, 16, 30, 30 … seconds between attempts in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    last: Duration,
}

impl Backoff {
    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        self.last = (2 * self.last).clamp(SHORTEST, LONGEST);
        self.last
    }

    /// The next pause is the shortest one again.
    pub(crate) const fn reset(&mut self) {
        self.last = Duration::ZERO;
    }
}
