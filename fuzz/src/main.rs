//! Feeds mutated archives to the programs that read archives from elsewhere, for a time, on all
//! targets at once: `cargo run -p fuzz -- --seconds 30`.
//!
//! An input that makes a target panic, hang or break a promise is kept in `target/fuzz`, and
//! `cargo run -p fuzz -- TARGET FILE` runs it again.

mod mutate;
mod output;
mod sync_tools;
mod targets;

use anyhow::{Context, Result, anyhow, bail};
use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

/// No input takes a hundredth of it.
const HANG: Duration = Duration::from_mins(1);

fn main() -> Result<()> {
    limit_files()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--seconds", seconds] => run_all(Duration::from_secs(seconds.parse()?)),
        [name, file] => {
            let target = TARGETS.iter().find(|target| target.name == name);
            let target = target.with_context(|| format!("there is no target {name}"))?;
            check(target, &fs::read(file)?).map(|_| ())
        }
        _ => bail!("usage: fuzz --seconds N, or fuzz TARGET FILE"),
    }
}

/// A file that is larger than this is an error for whoever writes it: a sparse file may claim any
/// size.
fn limit_files() -> Result<()> {
    const LIMIT: u64 = 8 << 20;
    let ignored = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(nix::sys::signal::Signal::SIGXFSZ as i32, ignored)?;
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_FSIZE, LIMIT, LIMIT)?;
    Ok(())
}

/// A target that is being run.
#[derive(Default)]
struct Run {
    input: Mutex<Vec<u8>>,
    inputs: AtomicU64,
    accepted: AtomicU64,
}

fn run_all(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    let runs: Vec<(&'static Target, Arc<Run>)> = TARGETS
        .iter()
        .map(|target| (target, Arc::new(Run::default())))
        .collect();
    let mut threads = Vec::new();
    for (target, run) in &runs {
        let (target, run) = (*target, Arc::clone(run));
        threads.push(thread::spawn(move || repeat(target, &run, end)));
    }
    watch(&runs, end)?;
    for (thread, (target, run)) in threads.into_iter().zip(&runs) {
        if let Err(error) = thread
            .join()
            .map_err(|_| anyhow!("the thread has panicked"))?
        {
            let file = keep(target, run)?;
            return Err(error.context(format!("{}: {}", target.name, file.display())));
        }
        println!(
            "{}: {} inputs, {} of them accepted",
            target.name,
            run.inputs.load(Ordering::Relaxed),
            run.accepted.load(Ordering::Relaxed)
        );
    }
    Ok(())
}

/// Mutates archives until the time is over or a target fails.
fn repeat(target: &Target, run: &Run, end: Instant) -> Result<()> {
    let seeds = targets::seeds()?;
    while Instant::now() < end {
        let input = mutate::archive(&seeds, target.formats)?;
        run.input
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&input);
        let accepted = check(target, &input)?;
        run.inputs.fetch_add(1, Ordering::Relaxed);
        run.accepted
            .fetch_add(u64::from(accepted), Ordering::Relaxed);
    }
    Ok(())
}

/// Runs a target on one input. Gives whether the target has found anything in it.
fn check(target: &Target, input: &[u8]) -> Result<bool> {
    catch_unwind(AssertUnwindSafe(|| (target.check)(input)))
        .unwrap_or_else(|panic| Err(anyhow!("a panic: {}", text_of(panic.as_ref()))))
}

fn text_of(panic: &dyn Any) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}

/// Waits for the end, as long as each target gets on.
fn watch(runs: &[(&'static Target, Arc<Run>)], end: Instant) -> Result<()> {
    let mut last: Vec<(u64, Instant)> = vec![(0, Instant::now()); runs.len()];
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(200));
        for ((target, run), (inputs, since)) in runs.iter().zip(&mut last) {
            let now = run.inputs.load(Ordering::Relaxed);
            if now != *inputs {
                (*inputs, *since) = (now, Instant::now());
            } else if since.elapsed() > HANG {
                let file = keep(target, run)?;
                bail!("{}: no end after {HANG:?}: {}", target.name, file.display());
            }
        }
    }
    Ok(())
}

/// Keeps the current input of a target.
fn keep(target: &Target, run: &Run) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz");
    fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let file = folder.join(format!("{}-{}", target.name, std::process::id()));
    let input = run.input.lock().unwrap_or_else(PoisonError::into_inner);
    fs::write(&file, &*input)?;
    Ok(file)
}
