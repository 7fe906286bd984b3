//! Figures: measurements, each with a reference measured in the same run.

use anyhow::Result;
use std::time::Duration;

/// The unit of a figure.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Millions of bytes.
    Megabytes,
}

/// The limit that a figure should stay below.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// A multiple of the reference.
    Ratio(f64),
    /// The reference and so much more, in the figure's unit.
    Added(f64),
    /// A value in the figure's unit.
    Value(f64),
}

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The measured operation or property.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
    /// The measurements.
    pub measured: Samples,
    /// The reference: its name, and its measurements in the same run.
    pub reference: Option<(String, Samples)>,
    /// The limit that it should stay below.
    pub goal: Option<Goal>,
    /// Circumstances that a reader needs to know.
    pub note: Option<String>,
}

/// Repeated measurements of one thing. Never empty: every constructor measures.
#[derive(Clone, Debug)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// A single value, for properties that do not vary, such as a size.
    pub fn one(value: f64) -> Self {
        Self(vec![value])
    }

    /// The value that half of the samples are below.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The bounds of the middle half of the samples.
    pub fn quartiles(&self) -> (f64, f64) {
        (self.quantile(0.25), self.quantile(0.75))
    }

    /// The value below which this part of the samples lies, interpolated between two of them.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "there are some hundred samples, and the part is between 0 and 1"
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

/// Samples of a thing and of its reference.
pub struct Pair {
    /// Of the thing itself.
    pub measured: Samples,
    /// Of the reference.
    pub reference: Samples,
}

/// Measures a thing and its reference by turns, so that other load on the machine affects both. The
/// first turn fills caches and is not counted.
///
/// Both return how long they took, so that preparation is not part of it.
///
/// # Errors
/// A measurement failed.
pub fn interleaved(
    turns: usize,
    mut measured: impl FnMut() -> Result<Duration>,
    mut reference: impl FnMut() -> Result<Duration>,
) -> Result<Pair> {
    let mut times = (Vec::new(), Vec::new());
    for turn in 0..=turns {
        let (one, other) = (measured()?, reference()?);
        if turn > 0 {
            times.0.push(one.as_secs_f64() * 1e3);
            times.1.push(other.as_secs_f64() * 1e3);
        }
    }
    Ok(Pair {
        measured: Samples(times.0),
        reference: Samples(times.1),
    })
}

/// The figures as a table in Markdown, with their notes below.
pub fn table(figures: &[Figure]) -> String {
    let mut rows =
        vec!["| figure | median | reference | ratio | goal |\n|---|---|---|---|---|\n".to_owned()];
    let mut notes = vec!["\n".to_owned()];
    for figure in figures {
        let value = |value: f64| {
            let digits = usize::from(value < 10.0) + usize::from(value < 100.0);
            match figure.unit {
                Unit::Milliseconds => format!("{value:.digits$} ms"),
                Unit::Megabytes => format!("{value:.digits$} MB"),
            }
        };
        let median = figure.measured.median();
        let (reference, ratio) = match &figure.reference {
            Some((name, samples)) => (
                format!("{name}, {}", value(samples.median())),
                format!("{:.2}", median / samples.median()),
            ),
            None => ("–".to_owned(), "–".to_owned()),
        };
        let goal = match figure.goal {
            Some(Goal::Ratio(most)) => format!("≤ {most:.1}"),
            Some(Goal::Added(most)) => format!("≤ + {}", value(most)),
            Some(Goal::Value(most)) => format!("≤ {}", value(most)),
            None => "–".to_owned(),
        };
        let Figure { name, note, .. } = figure;
        let median = value(median);
        rows.push(format!(
            "| {name} | {median} | {reference} | {ratio} | {goal} |\n"
        ));
        notes.extend(note.as_ref().map(|note| format!("- {name}: {note}\n")));
    }
    rows.concat() + &notes.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_quantiles() {
        let samples = Samples(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!(samples.quartiles(), (1.75, 3.25));
        assert_eq!(samples.median().to_string(), "2.5");
        assert_eq!(Samples::one(7.0).quartiles(), (7.0, 7.0));
    }

    #[test]
    fn does_not_count_the_first_turn() {
        let mut turn = 0;
        let measured = || {
            turn += 1;
            Ok(Duration::from_millis(turn))
        };
        let pair = interleaved(2, measured, || Ok(Duration::from_secs(1))).unwrap();
        assert_eq!(pair.measured.0, [2.0, 3.0]);
        assert_eq!(pair.reference.0, [1000.0, 1000.0]);
    }
}
