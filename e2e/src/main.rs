//! The suite on the real platform: builds with pack, the lifecycle and the packaged buildpack, and
//! real apps in containers of the images.
//!
//! `cargo run -p e2e -- [FILTER]` takes the arguments of `cargo test`; with `--bench` it measures
//! instead. The suite needs what CONTRIBUTING.md lists and, on a machine without a Docker engine,
//! Debian and root. All output is below `target/e2e`, and the next run reuses it.
//!
//! Start reading at `cases` and `case`. Cases use `build`, `container`, `terminal` and `package`.
//! `offline` provides the tools and images, and can be skipped.

mod build;
mod buildpacks;
mod case;
mod cases;
mod command;
mod container;
mod directories;
mod namespace;
mod offline;
mod orders;
mod package;
mod platform;
mod printed;
mod runner;
mod running;
mod terminal;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use fs_err as fs;
use fs_err::File;
use libtest_mimic::Arguments;

use crate::offline::{Cluster, Engine};
use crate::package::AS_RELEASED;
use crate::platform::{Platform, step};

/// How many cases run at once.
const MOST_CASES_AT_ONCE: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They share an engine, which more would only make wait.
    arguments.test_threads.get_or_insert(MOST_CASES_AT_ONCE);
    if arguments.list {
        return libtest_mimic::run(&arguments, runner::trials(&Arc::default())).exit_code();
    }
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    fs::create_dir_all(directories::target(""))?;
    let lock = File::create(directories::target("lock"))?;
    if lock.file().try_lock().is_err() {
        println!("waiting for another run of the suite in this checkout");
        lock.file().lock()?;
    }
    directories::prepare()?;

    let cluster = Arc::new(Cluster::new()?);
    let engine = Arc::new(step("Docker engine", Engine::open)?);
    let _closing = Closing(Arc::clone(&engine), Arc::clone(&cluster));
    let interrupted = Closing(Arc::clone(&engine), Arc::clone(&cluster));
    ctrlc::set_handler(move || {
        interrupted.close();
        std::process::exit(130);
    })
    .context("cannot handle interrupts")?;

    if arguments.bench {
        cases::figures::measure(&Platform::provide(engine, cluster)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let platform = Arc::default();
    let trials = runner::trials(&platform);
    let compiles_release = trials
        .iter()
        .any(|trial| trial.name().starts_with("release::") && !arguments.is_filtered_out(trial));
    AS_RELEASED.store(compiles_release, Ordering::Relaxed);
    if arguments.filter.is_none() {
        offline::compile_tools();
    }
    let provided = Platform::provide(engine, cluster)?;
    platform.get_or_init(|| provided);
    Ok(libtest_mimic::run(arguments, trials).exit_code())
}

/// Closes the engine and the cluster however the suite ends.
struct Closing(Arc<Engine>, Arc<Cluster>);

impl Closing {
    fn close(&self) {
        self.1.close();
        self.0.close();
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.close();
    }
}
