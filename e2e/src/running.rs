//! A program in the foreground, such as a tool that syncs or a container at a terminal.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use documentation::Block;
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::command::{last_lines, record, retry, wait_for};
use crate::printed;

/// How long a program may take until it has printed something or has ended.
const PATIENCE: Duration = Duration::from_mins(2);

/// A program that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct Running {
    process: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a command with this input, whose output goes to a file.
    pub(crate) fn start(command: &mut Command, input: Stdio, log: PathBuf) -> Result<Self> {
        // A process group, so that its children can be stopped with it.
        let process = record(command.process_group(0), &log)?.stdin(input).spawn();
        let process = process.with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { process, log })
    }

    /// Waits until it has printed the output of the page.
    pub(crate) fn expect(&mut self, block: &Block) -> Result<()> {
        let expected = block.output.as_deref().unwrap_or_default();
        self.wait_until(|printed| printed::expect(printed, expected))
    }

    /// Waits until it has printed this so many times.
    pub(crate) fn wait_for(&mut self, text: &str, times: usize) -> Result<()> {
        self.wait_until(|printed| {
            ensure!(
                printed.matches(text).count() >= times,
                "{text:?} is not {times} times in:\n{}",
                last_lines(printed)
            );
            Ok(())
        })
    }

    fn wait_until(&mut self, expected: impl Fn(&str) -> Result<()>) -> Result<()> {
        let waited = retry(PATIENCE, || {
            let ended = self.process.try_wait()?;
            let printed = fs::read(&self.log)?;
            let shown = expected(&String::from_utf8_lossy(&printed));
            Ok(if ended.is_some() {
                Err(shown)
            } else {
                Ok(shown?)
            })
        });
        let waited =
            waited.and_then(|shown| shown.or_else(|last| last.context("the program has ended")));
        waited.with_context(|| format!("(all of it in {})", self.log.display()))
    }

    /// Types these keys, if its input is piped.
    pub(crate) fn types(&mut self, keys: &str) -> Result<()> {
        let keyboard = self.process.stdin.as_mut().context("no keyboard")?;
        Ok(keyboard.write_all(keys.as_bytes())?)
    }

    /// Waits until it has ended. Returns its exit status.
    pub(crate) fn ended(mut self) -> Result<i32> {
        let status = wait_for(PATIENCE, || Ok(self.process.try_wait()?));
        let status = status.context("the command has not ended")?;
        status.code().context("no exit status")
    }
}

impl Drop for Running {
    /// Interrupts the whole process group, as Ctrl-C does.
    fn drop(&mut self) {
        let group = Pid::from_child(&self.process);
        let _ = kill_process_group(group, Signal::INT);
        let ended = wait_for(Duration::from_secs(20), || Ok(self.process.try_wait()?));
        if ended.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.process.wait();
        }
    }
}
