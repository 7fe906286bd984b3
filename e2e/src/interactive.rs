//! A container at a terminal, as `docker run --interactive --tty` starts it.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::case::Case;
use crate::command::{last_lines, wait_for};
use crate::directories::log;

/// How long an output can take to appear: a process that stops and starts on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A docker command at a terminal of its own.
#[derive(Debug)]
pub(crate) struct Interactive {
    process: Child,
    keyboard: ChildStdin,
    screen: PathBuf,
}

impl Interactive {
    /// Runs `docker` with these words, which must not need quoting.
    pub(crate) fn docker(case: &Case<'_>, words: &[&str]) -> Result<Self> {
        let screen = log(&case.named(words[0]));
        let command = ["docker", &words.join(" ")].join(" ");
        // script(1), which Debian always has, makes the terminal and keeps what appears there.
        let mut script = Command::new("script");
        script
            .args(["--quiet", "--flush", "--return", "--command", &command])
            .arg(&screen)
            .env("DOCKER_HOST", &case.platform.engine.host)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut process = script.spawn().context("cannot run script")?;
        let keyboard = process.stdin.take().context("no keyboard")?;
        Ok(Self {
            process,
            keyboard,
            screen,
        })
    }

    /// Types these keys.
    pub(crate) fn types(&mut self, keys: &str) -> Result<()> {
        self.keyboard.write_all(keys.as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    /// Waits until a string has appeared this many times.
    pub(crate) fn wait_for(&self, text: &str, times: usize) -> Result<()> {
        let shown =
            || fs::read(&self.screen).map(|shown| String::from_utf8_lossy(&shown).into_owned());
        let appeared = wait_for(PATIENCE, || {
            // Not there yet, just after the start.
            let shown = shown().unwrap_or_default();
            Ok((shown.matches(text).count() >= times).then_some(()))
        });
        appeared.with_context(|| {
            let shown = shown().unwrap_or_default();
            format!(
                "{text:?} has not appeared {times} times:\n{}",
                last_lines(&shown)
            )
        })
    }

    /// Waits until the command has ended. Returns its exit status.
    pub(crate) fn ended(mut self) -> Result<i32> {
        let status = wait_for(PATIENCE, || Ok(self.process.try_wait()?));
        let status = status.context("the command has not ended")?;
        status.code().context("no exit status")
    }
}

impl Drop for Interactive {
    fn drop(&mut self) {
        // Only if the case has failed is it still there.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
