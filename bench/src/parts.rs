//! Parts of the program that there is a choice for, each against the other candidate: criterion
//! measures them (`benches/choices.rs`), and this reads what it left.

use crate::packages::Packages;
use anyhow::{Context, Result, ensure};
use bench::{Figure, Samples, Unit, cargo};
use fs_err as fs;
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The first of these rows.
const ROW: usize = 20;

/// A group of benches/choices.rs, what the program uses, and what it could use instead.
const CHOICES: [(&str, &str, &str); 2] =
    [("xz", "lzma-rust2", "liblzma"), ("sha256", "sha2", "ring")];

/// Measures them.
pub(crate) fn figures(root: &Path, packages: &Packages) -> Result<Vec<Figure>> {
    println!("cargo bench");
    let status = cargo()
        .args(["bench", "--locked", "--package", "bench"])
        .args(["--bench", "choices", "--", "--quiet"])
        .env("ARCHIVE", &packages.archive)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .current_dir(root)
        .stdout(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cargo bench failed ({status})");

    let mut figures = Vec::new();
    for (index, (group, chosen, other)) in CHOICES.into_iter().enumerate() {
        let results = root.join("target/criterion").join(group);
        figures.push(Figure {
            row: ROW + index,
            name: format!("{group} of the archive, {chosen}"),
            unit: Unit::Milliseconds,
            measured: samples(&results.join(chosen))?,
            reference: Some((other.to_owned(), samples(&results.join(other))?)),
            goal: None,
            note: None,
        });
    }
    Ok(figures)
}

/// The samples that criterion took: each is the time of so many iterations.
fn samples(results: &Path) -> Result<Samples> {
    #[derive(Deserialize)]
    struct Sample {
        iters: Vec<f64>,
        times: Vec<f64>,
    }

    let text = fs::read_to_string(results.join("new/sample.json"))?;
    let sample: Sample = serde_json::from_str(&text)?;
    let durations: Vec<Duration> = sample
        .times
        .iter()
        .zip(&sample.iters)
        .map(|(nanoseconds, iterations)| Duration::from_secs_f64(nanoseconds / iterations / 1e9))
        .collect();
    Samples::milliseconds(&durations).context("criterion took no samples")
}
