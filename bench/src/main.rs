//! `make bench`: what the buildpack costs, in one table, and as files below `target/bench`.
//!
//! With `--platform`, also what it costs on the real platform, which the suite in `e2e/` measures.

mod buildpack;
mod memory;
mod packages;
mod parts;
mod reference;
mod server;
mod sizes;

use crate::buildpack::{Buildpack, State};
use crate::packages::Packages;
use anyhow::{Context, Result, ensure};
use bench::{Figure, Figures, Goal, Pair, Samples, Unit, cargo, interleaved, table};
use std::path::Path;
use std::process::ExitCode;

/// Turns of programs that take milliseconds, and of those that take hundreds.
const MANY: usize = 200;
const SOME: usize = 30;

/// With this argument, the suite measures on the real platform too.
const PLATFORM: &str = "--platform";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let with_platform = match std::env::args_os().nth(1) {
        None => false,
        Some(argument) if argument == PLATFORM => true,
        Some(other) => anyhow::bail!("{} is not known; there is {PLATFORM}", other.display()),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("the checkout has no root")?;
    let figures = Figures::of(root.join("target/bench"));
    figures.clear()?;
    let packages = Packages::make(root)?;

    for figure in whole_programs(&packages)?
        .into_iter()
        .chain(sizes::figures(&packages)?)
        .chain(parts::figures(root, &packages)?)
    {
        figures.keep(&figure)?;
    }
    if with_platform {
        let status = cargo()
            .args(["run", "--locked", "--package", "e2e", "--", "--bench"])
            .current_dir(root)
            .status()?;
        ensure!(status.success(), "the suite failed ({status})");
    }
    println!("\n{}", table(&figures.all()?));
    Ok(())
}

/// The phases, called as the lifecycle calls them, against programs that everybody knows.
fn whole_programs(packages: &Packages) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut add = |name: &str, reference: &str, pair: Pair, most: f64, note: Option<&str>| {
        println!("{name}: {:.2} ms", pair.measured.median());
        figures.push(Figure {
            row: figures.len(),
            name: name.to_owned(),
            unit: Unit::Milliseconds,
            measured: pair.measured,
            reference: Some((reference.to_owned(), pair.reference)),
            goal: Some(Goal::Ratio(most)),
            note: note.map(str::to_owned),
        });
    };

    let online = Buildpack::new(&packages.online)?;
    for (name, value) in [("on", "true"), ("off", "false")] {
        let pair = interleaved(MANY, || online.detect(value), reference::start)?;
        add(
            &format!("bin/detect, flag {name}"),
            "/bin/true",
            pair,
            2.5,
            None,
        );
    }

    let offline = Buildpack::new(&packages.offline)?;
    let pair = interleaved(
        SOME,
        || offline.build(State::Cold),
        || reference::bundled(&packages.program()),
    )?;
    add(
        "bin/build, bundled, cold",
        "sha256sum + cp of the program",
        pair,
        1.3,
        None,
    );

    let server = server::Server::start(&packages.archive)?;
    let downloading = Buildpack::new(&packages.online_from(&server)?)?;
    let pair = interleaved(
        SOME,
        || downloading.build(State::Cold),
        || reference::download(&server, packages),
    )?;
    add(
        "bin/build, download, cold",
        "curl + sha256sum + xz + tar",
        pair,
        1.0,
        Some(
            "The server is on loopback, and both get the archive from it. The floor is to decode \
             it, which is a row below; xz and tar share it between two processes. With musl, whose \
             memcpy is slower at short copies, a build takes 1.2 times as long (2026-11).",
        ),
    );

    let pair = interleaved(MANY, || downloading.build(State::Kept), reference::start)?;
    add(
        "bin/build, layer kept",
        "/bin/true",
        pair,
        4.0,
        Some(
            "A quarter of it is the copy of live-reload, verified as it is made: half of that with \
             musl, by which the file is half as large.",
        ),
    );

    let row = figures.len();
    figures.push(Figure {
        row,
        name: "peak memory of a cold build".to_owned(),
        unit: Unit::Megabytes,
        measured: Samples::one(memory::peak(&mut downloading.command(State::Cold)?)?),
        reference: Some((
            "archive + program".to_owned(),
            Samples::one(sizes::megabytes(&[&packages.archive, &packages.program()])?),
        )),
        goal: Some(Goal::Ratio(2.0)),
        note: None,
    });
    Ok(figures)
}
