//! A process that is stopped whatever happens.

use super::lifecycle::Call;
use anyhow::{Context, Result, bail};
use fs_err as fs;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, wait};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a process may take to stop. It is less than the 10 seconds after which watchexec kills
/// its command, so that a stop signal which does not arrive is an error.
const STOP: Duration = Duration::from_secs(8);

/// A running process and all that it starts.
pub(super) struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    /// Starts it, with its output in a file.
    pub(super) fn start(call: &Call, output: &Path) -> Result<Self> {
        // The commands of a watchexec that dies become children of this process, so that they can
        // be found.
        set_child_subreaper(Some(rustix::process::getpid()))?;
        let file = fs::File::create(output)?;
        let child = call
            .command()
            .stdout(file.file().try_clone()?)
            .stderr(file.into_file())
            .spawn()
            .with_context(|| format!("{} cannot be started", call.program.display()))?;
        Ok(Self {
            child,
            output: output.to_owned(),
        })
    }

    /// What it has written so far.
    pub(super) fn output(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.output)?)
    }

    /// Fails if it has ended.
    pub(super) fn ensure_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended ({status})"),
        }
    }

    /// Stops it as a container is stopped, and returns how long that took.
    pub(super) fn stop(mut self) -> Result<(ExitStatus, Duration)> {
        let start = Instant::now();
        match self.terminate()? {
            Some(status) => Ok((status, start.elapsed())),
            None => bail!("it did not stop within {STOP:?} of SIGTERM"),
        }
    }

    fn terminate(&mut self) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        while start.elapsed() < STOP {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            sleep(Duration::from_millis(1));
        }
        Ok(None)
    }
}

impl Drop for Running {
    /// Nothing here can be reported, and everything here is for what went wrong already.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && !matches!(self.terminate(), Ok(Some(_)))
        {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        for orphan in children() {
            let _ = kill_process(orphan, Signal::KILL);
        }
        while let Ok(Some(_)) = wait(WaitOptions::empty()) {}
    }
}

/// The processes whose parent is this one, by the fourth field of `/proc/<pid>/stat` (proc(5)).
fn children() -> Vec<Pid> {
    let this = std::process::id().to_string();
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(process.path().join("stat")).ok()?;
            // The second field is a name in parentheses, which may contain anything.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?;
            (parent == this).then(|| Pid::from_raw(pid)).flatten()
        })
        .collect()
}
