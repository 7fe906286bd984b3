//! One figure, what it is held against, and where all of them are kept.

use crate::samples::Samples;
use anyhow::{Context, Result};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a figure counts.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Millions of bytes.
    #[serde(rename = "MB")]
    Megabytes,
}

/// What a figure should be at most.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// So many times the reference.
    Ratio(f64),
    /// So much more than the reference, in the figure's unit.
    Added(f64),
    /// So much, in the figure's unit.
    Value(f64),
}

/// Something that was measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    /// Where it stands among the others.
    pub row: usize,
    /// What it is of.
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// What was measured.
    pub measured: Samples,
    /// What it is held against: a name, and what was measured of that in the same run.
    pub reference: Option<(String, Samples)>,
    /// What it should be at most.
    pub goal: Option<Goal>,
    /// What a reader has to know: what is part of it, or why the goal cannot be reached.
    pub note: Option<String>,
}

impl Figure {
    /// The figure as a multiple of its reference.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let (_, reference) = self.reference.as_ref()?;
        Some(self.measured.median() / reference.median())
    }

    /// Whether the goal is reached; `None` where there is none.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        let value = self.measured.median();
        let reference = self.reference.as_ref().map(|(_, samples)| samples.median());
        Some(match self.goal? {
            Goal::Ratio(most) => self.ratio()? <= most,
            Goal::Added(most) => value - reference? <= most,
            Goal::Value(most) => value <= most,
        })
    }
}

/// The figures of a run, each a JSON file of its own in one directory.
pub struct Figures {
    directory: PathBuf,
}

impl Figures {
    /// The figures in a directory.
    #[must_use]
    pub fn of(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Removes those of an earlier run.
    ///
    /// # Errors
    /// The directory cannot be changed.
    pub fn clear(&self) -> Result<()> {
        fs::create_dir_all(&self.directory)?;
        for file in self.files()? {
            fs::remove_file(file)?;
        }
        Ok(())
    }

    /// Keeps one.
    ///
    /// # Errors
    /// The directory cannot be changed.
    pub fn keep(&self, figure: &Figure) -> Result<()> {
        fs::create_dir_all(&self.directory)?;
        let name: String = figure
            .name
            .chars()
            .map(|char| if char.is_alphanumeric() { char } else { '-' })
            .collect();
        let file = self.directory.join(format!("{name}.json"));
        fs::write(file, serde_json::to_string_pretty(figure)? + "\n")?;
        Ok(())
    }

    /// All of them, in the order of their rows.
    ///
    /// # Errors
    /// A file cannot be read, or is no figure.
    pub fn all(&self) -> Result<Vec<Figure>> {
        let mut figures = Vec::new();
        for file in self.files()? {
            let text = fs::read_to_string(&file)?;
            let figure: Figure = serde_json::from_str(&text)
                .with_context(|| format!("{} is no figure", file.display()))?;
            figures.push(figure);
        }
        figures.sort_by_key(|figure| figure.row);
        Ok(figures)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(path);
            }
        }
        Ok(files)
    }
}
