//! The first start of `reload`, compared with the bare process.

use super::{Rows, SOME, time};
use anyhow::{Context, Result};
use fs_err as fs;
use harness::lifecycle::Lifecycle;
use harness::{Goal, interleaved};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The process. It writes a line once it runs.
const PROCESS: [&str; 3] = ["sh", "-c", "echo started; exec sleep infinity"];

/// Measures with a few directories to watch, with those of a usual app, and with those of
/// `node_modules`.
pub(super) fn measure(buildpack: &Path, directory: &Path, rows: &mut Rows) -> Result<()> {
    // Named by the buildpack's id, with its slash replaced.
    let layers = "layers/live-reload_watchexec";
    let lifecycle = Lifecycle::of(buildpack, &directory.join("start"), layers);
    time(&mut lifecycle.build_command(""))?;
    lifecycle.export(&PROCESS);

    let start = |program: &Path, arguments: &[&str]| {
        first_line(
            Command::new(program)
                .args(arguments)
                .current_dir(lifecycle.path("app")),
        )
    };
    let reload = lifecycle.layers().join("live-reload/bin/live-reload");
    for (directories, name, most) in [
        (5, "5", 15.0),
        (5_000, "5,000", 30.0),
        (50_000, "50,000", 100.0),
    ] {
        for index in 0..directories {
            fs::create_dir_all(lifecycle.path(&format!("app/{}/{index}", index % 50)))?;
        }
        let pair = interleaved(
            SOME,
            || start(&reload, &[]),
            || start(Path::new(PROCESS[0]), &PROCESS[1..]),
        )?;
        rows.timed(
            &format!("first start of `reload`, {name} directories"),
            "the bare process",
            pair,
            Goal::Added(most),
            None,
        );
    }
    Ok(())
}

/// How long a process takes to its first line. It is stopped afterwards.
fn first_line(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = process.stdout.take().context("no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = lines.next().context("the process ended at once")?;
    let duration = started.elapsed();
    kill_process(Pid::from_child(&process), Signal::TERM)?;
    process.wait()?;
    line?;
    Ok(duration)
}
