//! `cargo xtask bench`: the costs of the buildpack, each beside a reference measured in the
//! same run.

mod first_start;
mod phases;
mod sync_tools;

use crate::archive;
use crate::command::{cargo, output, run};
use crate::triple::Triple;
use crate::workspace::{self, root};
use anyhow::{Context, Result, ensure};
use clap::Args;
use fs_err as fs;
use harness::{Figure, Figures, Goal, Pair, Samples, Unit, table};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Turns of programs that take up to some hundred milliseconds.
const SOME: usize = 30;

/// The page with the tables.
const PAGE: &str = "docs/figures.md";

/// The choices of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure on pack, the lifecycle and Docker too; needs what `make e2e` needs
    #[arg(long)]
    platform: bool,

    /// Replace the measured tables in docs/figures.md
    #[arg(long)]
    update_docs: bool,

    /// Measure programs for this Rust target, such as x86_64-unknown-linux-musl of the releases
    #[arg(long, value_name = "TRIPLE")]
    target: Option<Triple>,
}

/// Measures, prints the tables, and writes them into the page where that is asked for.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let host = Triple::host()?;
    let target = options.target.as_ref().unwrap_or(&host);
    let mut tables = vec![("bench", target, table(&programs(options)?))];
    if options.platform {
        let figures = Figures::of(workspace::target().join("bench"));
        figures.clear()?;
        run(cargo("run").args(["--locked", "--package", "e2e", "--", "--bench"]))?;
        tables.push(("bench on the real platform", &host, table(&figures.all()?)));
    }
    let date = String::from_utf8(output(Command::new("date").arg("+%F"))?)?;
    let cores = std::thread::available_parallelism()?;
    let page = root().join(PAGE);
    let mut text = fs::read_to_string(&page)?;
    for (name, target, table) in tables {
        let table = format!(
            "Measured on {} on {cores} cores, with programs for {}:\n\n{table}",
            date.trim(),
            target.as_str()
        );
        println!("\n{table}");
        text = with_table(&text, name, &table)?;
    }
    if options.update_docs {
        fs::write(page, text)?;
    }
    Ok(())
}

/// A page with another table between the comments of this name.
fn with_table(page: &str, name: &str, table: &str) -> Result<String> {
    let (start, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let parts = page.split_once(&start).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = parts.with_context(|| format!("{PAGE} has no table `{name}`"))?;
    Ok(format!(
        "{before}{start}\n{}\n\n{end}{after}",
        table.trim_end()
    ))
}

/// The figures that need no container.
fn programs(options: &Options) -> Result<Vec<Figure>> {
    let archive = archive::provide(&archive::Options::default())?;
    let directory = tempfile::tempdir()?;
    let mut rows = Rows(Vec::new());
    let buildpack = phases::measure(options, &archive, directory.path(), &mut rows)?;
    first_start::measure(&buildpack, directory.path(), &mut rows)?;
    let program = buildpack.join("bin/live-reload");
    sync_tools::measure(&program, directory.path(), &mut rows)?;
    Ok(rows.0)
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
            row: self.0.len(),
            name: name.to_owned(),
            unit: Unit::Milliseconds,
            measured: pair.measured,
            reference: Some((reference.to_owned(), pair.reference)),
            goal: Some(goal),
            note: note.map(str::to_owned),
        });
    }

    fn size(
        &mut self,
        name: &str,
        megabytes: f64,
        reference: Option<(String, Samples)>,
        goal: Option<Goal>,
    ) {
        self.0.push(Figure {
            row: self.0.len(),
            name: name.to_owned(),
            unit: Unit::Megabytes,
            measured: Samples::one(megabytes),
            reference,
            goal,
            note: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::with_table;

    #[test]
    fn replaces_the_table_between_its_comments() {
        let page = "before\n<!-- bench -->\nold\n<!-- end of bench -->\nafter\n";
        let new = "before\n<!-- bench -->\n\n| new |\n\n<!-- end of bench -->\nafter\n";
        assert_eq!(with_table(page, "bench", "| new |\n").unwrap(), new);
        assert_eq!(with_table(new, "bench", "| new |\n").unwrap(), new);
        assert!(with_table(page, "other", "").is_err());
    }
}
