//! Repeated measurements of one thing.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was measured, in the order in which it was. Never empty: every constructor measures.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Samples(Vec<f64>);

/// Samples of a thing and of what it is held against.
pub struct Pair {
    /// Of the thing itself.
    pub measured: Samples,
    /// Of the reference.
    pub reference: Samples,
}

impl Samples {
    /// One value: of something that is the same each time, as a size is.
    #[must_use]
    pub fn one(value: f64) -> Self {
        Self(vec![value])
    }

    /// Durations, in milliseconds. `None` without any.
    #[must_use]
    pub fn milliseconds(durations: &[Duration]) -> Option<Self> {
        let values = durations.iter().map(|one| one.as_secs_f64() * 1e3);
        (!durations.is_empty()).then(|| Self(values.collect()))
    }

    /// The value that half of the samples are below.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The values between which the middle half of the samples is.
    #[must_use]
    pub fn quartiles(&self) -> (f64, f64) {
        (self.quantile(0.25), self.quantile(0.75))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value below which this part of the samples is, between two samples in proportion.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are some hundreds, and the part is between 0 and 1"
    )]
    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len().saturating_sub(1)) as f64 * part;
        let at = |index: f64| sorted.get(index as usize).copied().unwrap_or(f64::NAN);
        let (below, above) = (at(place.floor()), at(place.ceil()));
        below + (above - below) * place.fract()
    }
}

/// Measures a thing and its reference by turns, so that what else the machine does meets both.
/// The first turn, which fills caches, does not count.
///
/// Both return how long they took, so that what has to be prepared is not part of it.
///
/// # Errors
/// Theirs.
pub fn interleaved(
    turns: usize,
    mut measured: impl FnMut() -> Result<Duration>,
    mut reference: impl FnMut() -> Result<Duration>,
) -> Result<Pair> {
    let mut times = (Vec::new(), Vec::new());
    for turn in 0..=turns {
        let (one, other) = (measured()?, reference()?);
        if turn > 0 {
            times.0.push(one);
            times.1.push(other);
        }
    }
    let samples = |times: &[Duration]| Samples::milliseconds(times).context("no turns at all");
    Ok(Pair {
        measured: samples(&times.0)?,
        reference: samples(&times.1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_between_samples_in_proportion() {
        let samples = Samples(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!(samples.quartiles(), (1.75, 3.25));
        assert_eq!(samples.median().to_string(), "2.5");
        assert_eq!(Samples::one(7.0).quartiles(), (7.0, 7.0));
    }

    #[test]
    fn the_first_turn_does_not_count() {
        let mut turn = 0;
        let pair = interleaved(
            2,
            || {
                turn += 1;
                Ok(Duration::from_millis(turn))
            },
            || Ok(Duration::from_secs(1)),
        )
        .unwrap();
        assert_eq!(pair.measured.0, [2.0, 3.0]);
        assert_eq!(pair.reference.0, [1000.0, 1000.0]);
    }
}
