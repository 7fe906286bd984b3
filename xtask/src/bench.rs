//! `cargo xtask bench`: the costs of the buildpack, each beside a reference measured in the
//! same run.

mod phases;

use crate::archive;
use crate::triple::Triple;
use anyhow::{Result, ensure};
use clap::Args;
use harness::{Figure, Goal, Pair, Samples, Unit, table};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Turns of programs that take up to some hundred milliseconds.
const SOME: usize = 30;

/// The choices of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure programs for this Rust target, such as x86_64-unknown-linux-musl of the releases
    #[arg(long, value_name = "TRIPLE")]
    target: Option<Triple>,
}

/// Measures, and prints the table.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let archive = archive::provide(&archive::Options::default())?;
    let directory = tempfile::tempdir()?;
    let mut rows = Rows(Vec::new());
    phases::measure(options, &archive, directory.path(), &mut rows)?;
    let host = Triple::host()?;
    let target = options.target.as_ref().unwrap_or(&host);
    println!("\nWith programs for {target}:\n\n{}", table(&rows.0));
    Ok(())
}

/// How long a program takes. A detect that does not take part exits with 100.
fn time(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let status = quiet(command).status()?;
    let duration = started.elapsed();
    let program = command.get_program().display();
    ensure!(
        matches!(status.code(), Some(0 | 100)),
        "{program}: {status}"
    );
    Ok(duration)
}

/// How long the commands of a script take.
fn script(directory: &Path, commands: &str) -> Result<Duration> {
    time(
        Command::new("sh")
            .args(["-ec", commands])
            .current_dir(directory),
    )
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// The figures so far.
struct Rows(Vec<Figure>);

impl Rows {
    fn timed(&mut self, name: &str, reference: &str, pair: Pair, goal: Goal, note: Option<&str>) {
        println!("{name}: {:.2} ms", pair.measured.median());
        self.0.push(Figure {
            name: name.to_owned(),
            unit: Unit::Milliseconds,
            measured: pair.measured,
            reference: Some((reference.to_owned(), pair.reference)),
            goal: Some(goal),
            note: note.map(str::to_owned),
        });
    }

    fn size(&mut self, name: &str, megabytes: f64, goal: Option<Goal>) {
        self.0.push(Figure {
            name: name.to_owned(),
            unit: Unit::Megabytes,
            measured: Samples::one(megabytes),
            reference: None,
            goal,
            note: None,
        });
    }
}
