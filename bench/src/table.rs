//! The figures as one table.

use crate::figure::{Figure, Goal, Unit};
use crate::samples::Samples;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write;

/// A table in Markdown, to show and to paste, with its notes below.
#[must_use]
pub fn table(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header([
        "figure",
        "median",
        "middle half",
        "reference",
        "median",
        "ratio",
        "goal",
        "met",
    ]);
    for column in [1, 2, 4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut notes = String::new();
    let mut count = 0;
    for figure in figures {
        let mut name = figure.name.clone();
        if let Some(note) = &figure.note {
            count += 1;
            let _ = write!(name, " ({count})");
            let _ = writeln!(notes, "({count}) {note}");
        }
        let (reference, median) = match &figure.reference {
            Some((reference, samples)) => (reference.clone(), value(figure.unit, samples.median())),
            None => ("–".to_owned(), String::new()),
        };
        table.add_row([
            name,
            value(figure.unit, figure.measured.median()),
            spread(&figure.measured),
            reference,
            median,
            figure
                .ratio()
                .map(|ratio| format!("{ratio:.2}"))
                .unwrap_or_default(),
            figure
                .goal
                .map(|goal| limit(goal, figure.unit))
                .unwrap_or_default(),
            match figure.is_met() {
                Some(true) => "yes".to_owned(),
                Some(false) => "NO".to_owned(),
                None => String::new(),
            },
        ]);
    }
    format!("{table}\n\n{notes}")
}

fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Milliseconds => format!("{value:.2} ms"),
        Unit::Megabytes => format!("{value:.2} MB"),
    }
}

fn spread(samples: &Samples) -> String {
    if samples.count() == 1 {
        return String::new();
    }
    let (first, third) = samples.quartiles();
    format!("{first:.2}–{third:.2}")
}

fn limit(goal: Goal, unit: Unit) -> String {
    match goal {
        Goal::Ratio(most) => format!("≤ {most:.1} ×"),
        Goal::Added(most) => format!("≤ + {}", value(unit, most)),
        Goal::Value(most) => format!("≤ {}", value(unit, most)),
    }
}
