//! The suite on the real platform: the buildpack, packaged as for its users, in builds by pack and
//! the lifecycle, and real applications in containers of what they made.
//!
//! `cargo run -p e2e -- [FILTER]` takes what `cargo test` takes; with `--bench` it measures instead.
//! It needs Rust, Go and, on a machine without a Docker engine, Debian's packages and the rights to
//! install them. All that it makes is below `target/e2e`, and stays there to make the next run quick.

mod architecture;
mod archives;
#[path = "../../tests/documentation/blocks.rs"]
mod blocks;
mod builder;
mod buildpack;
mod cases;
mod command;
mod compose;
mod container;
mod debian;
mod directories;
mod engine;
mod go;
mod images;
mod maven;
mod pack;
mod package_file;
mod page;
mod platform;
mod published;
mod registry;
mod report;
#[path = "../../tests/schemas/mod.rs"]
mod schemas;
mod server;
mod terminal;
mod xtask;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use fs_err::File;
use libtest_mimic::{Arguments, Conclusion};

use crate::directories::Directories;
use crate::engine::Engine;
use crate::platform::{Platform, step};

/// How many of the cases that need not be alone run at once.
const MOST_CASES_AT_ONCE: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They share an engine, which more would only make wait.
    arguments.test_threads.get_or_insert(MOST_CASES_AT_ONCE);
    if arguments.list {
        return libtest_mimic::run(&arguments, cases::all(&Arc::default())).exit_code();
    }
    match run(&arguments) {
        Ok(conclusion) => conclusion.exit_code(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Conclusion> {
    let directories = Arc::new(Directories::create()?);
    let lock = File::create(directories.target("lock"))?;
    if lock.file().try_lock().is_err() {
        println!("waiting for another run of the suite in this checkout");
        lock.file().lock()?;
    }
    directories.remove_unfinished()?;

    let engine = Arc::new(step("Docker engine", || Engine::open(&directories))?);
    let _closing = Closing(Arc::clone(&engine));
    let interrupted = Arc::clone(&engine);
    ctrlc::set_handler(move || {
        interrupted.close();
        std::process::exit(130);
    })
    .context("cannot handle interrupts")?;
    println!("using {}", engine.description()?);

    let platform = Platform::provide(directories, engine)?;
    let platform = Arc::new(OnceLock::from(platform));
    if arguments.bench {
        return Ok(libtest_mimic::run(
            arguments,
            cases::figures::all(&platform),
        ));
    }
    let conclusion = libtest_mimic::run(arguments, cases::all(&platform));
    if let Some(platform) = platform.get() {
        let pack = go::pack_version(&platform.pack, &platform.directories)?;
        let engine = platform.engine.version()?;
        platform
            .report
            .print(&pack, &engine, &platform.directories)?;
    }
    Ok(conclusion)
}

/// Closes the engine however the suite ends.
struct Closing(Arc<Engine>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}
