//! What stands between the platform and watchexec: forwards signals, reaps orphans, and ends with
//! the exit status of the process itself.
//!
//! The crate `pid1` would do the first two, but forwards two signals only, kills the child a fixed
//! time after the first of them, and ends with the child's status. That is watchexec's, which is
//! not the process's: told to stop, watchexec 2.8 stops the process well, and then ends with 0, or
//! with the status that an earlier, mended run has left, whatever the process said at last.
//!
//! So a stop is done here. watchexec is halted, which keeps it from starting the process anew, and
//! then killed; the process becomes a child of this program, gets its signal and its time, and
//! leaves its status. The kernel hands orphans to PID 1, or to a "subreaper" (prctl(2)), which this
//! program makes itself, so that it is the same with an init of the platform's above it.

use crate::signals::Signals;
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// How the process is stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// What it gets.
    pub(crate) signal: Signal,
    /// How long it has until it is killed.
    pub(crate) timeout: Duration,
}

/// Why there is nothing to supervise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SuperviseError {
    /// watchexec cannot be run.
    #[error("{0:?} cannot be run ({1})")]
    Run(PathBuf, io::Error),
    /// The system refuses what an init needs.
    #[error("signals cannot be received ({0})")]
    Signals(#[from] io::Error),
    /// The same.
    #[error("children cannot be waited for ({0})")]
    Children(#[from] Errno),
}

/// Runs watchexec until it ends, or until this program is told to stop.
///
/// While nothing else is to be done it calls `idle`, as long as that says that it has more to do.
///
/// Gives the exit status in the convention of shells: 128 and the signal's number for a process
/// that a signal ended.
///
/// # Errors
/// watchexec cannot be run, or signals cannot be received.
pub(crate) fn run(
    mut watchexec: Command,
    stop: Stop,
    signals: &mut Signals,
    mut idle: impl FnMut() -> bool,
) -> Result<u8, SuperviseError> {
    // PID 1 gets orphans anyhow; elsewhere an old kernel may refuse, and then the status is
    // watchexec's.
    let adopts = set_child_subreaper(true).is_ok() || std::process::id() == 1;
    // In the same process group: from the one that a terminal listens to, watchexec can lend the
    // terminal to a process that reads from it, such as a debugger. The price is that a signal of
    // the terminal reaches both. watchexec is told to leave Ctrl-C to this program; a SIGQUIT
    // (Ctrl-\\) reaches the process twice.
    let child = watchexec
        .spawn()
        .map_err(|error| SuperviseError::Run(watchexec.get_program().into(), error))?;
    let watchexec = Pid::from_raw(child.id().cast_signed());
    let mut idles = true;
    loop {
        let arrived = if idles {
            signals.arrived()
        } else {
            signals.wait(None)?
        };
        for signal in arrived {
            match signal {
                Signal::SIGCHLD => {
                    if let Some(status) = status_of(watchexec, &reap()) {
                        return Ok(status);
                    }
                }
                Signal::SIGINT | Signal::SIGTERM if adopts => {
                    if let Some(status) = take_over(watchexec, stop, signals)? {
                        return Ok(status);
                    }
                }
                // Of SIGINT it was told to take no notice.
                Signal::SIGINT => drop(kill(watchexec, Signal::SIGTERM)),
                // It can be gone already, and its SIGCHLD the next signal.
                other => drop(kill(watchexec, other)),
            }
        }
        idles = idles && idle();
    }
}

/// Stops the process in watchexec's place. Where none is running, watchexec itself is told to
/// stop, and `None` given: it ends with the status that the last run left.
fn take_over(
    watchexec: Pid,
    stop: Stop,
    signals: &mut Signals,
) -> Result<Option<u8>, SuperviseError> {
    if kill(watchexec, Signal::SIGSTOP).is_err() {
        return Ok(None);
    }
    // Only once it has halted is it certain that it starts nothing more.
    match waitpid(watchexec, Some(WaitPidFlag::WUNTRACED)) {
        Ok(WaitStatus::Stopped(..)) => {}
        Ok(ended) => return Ok(exit_status(ended)),
        Err(_) => return Ok(None),
    }
    let processes = children(watchexec);
    // Before 2.6.0 watchexec started the new process while the old one was still stopping. The
    // status that counts is the newer one's.
    let Some(newest) = processes.iter().copied().max() else {
        kill(watchexec, Signal::SIGTERM)?;
        kill(watchexec, Signal::SIGCONT)?;
        return Ok(None);
    };
    kill(watchexec, Signal::SIGKILL)?;
    // From here on the processes are children of this program.
    waitpid(watchexec, None)?;
    for process in &processes {
        signal_group(*process, stop.signal);
        // One that waits for a terminal is halted, and would not notice.
        signal_group(*process, Signal::SIGCONT);
    }
    let mut deadline = Instant::now().checked_add(stop.timeout);
    loop {
        if let Some(status) = status_of(newest, &reap()) {
            return Ok(Some(status));
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            for process in &processes {
                signal_group(*process, Signal::SIGKILL);
            }
            deadline = None;
            continue;
        }
        // Further signals change nothing: the process has its time. SIGCHLD ends the wait.
        signals.wait(left)?;
    }
}

/// Waits for every child that has ended; one SIGCHLD can stand for several.
fn reap() -> Vec<WaitStatus> {
    let mut ended = Vec::new();
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            break;
        }
        ended.push(status);
    }
    ended
}

/// The exit status of this process, if it is among those that have ended.
fn status_of(process: Pid, ended: &[WaitStatus]) -> Option<u8> {
    ended
        .iter()
        .find(|status| status.pid() == Some(process))
        .and_then(|status| exit_status(*status))
}

/// The exit status of a process that has ended.
fn exit_status(status: WaitStatus) -> Option<u8> {
    match status {
        WaitStatus::Exited(_, code) => u8::try_from(code).ok(),
        WaitStatus::Signaled(_, signal, _) => u8::try_from(128 + signal as i32).ok(),
        _ => None,
    }
}

/// Sends a signal to a process and all that it has started. watchexec makes each process the
/// leader of a group; one that has not become it yet is sent the signal alone.
fn signal_group(process: Pid, signal: Signal) {
    if killpg(process, signal).is_err() {
        // It can have ended, and its SIGCHLD be on the way.
        kill(process, signal).ok();
    }
}

/// The children of a process; none where there is no /proc.
fn children(parent: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| parent_of(*process) == Some(parent.as_raw()))
        .map(Pid::from_raw)
        .collect()
}

/// The parent of a process (`proc_pid_stat(5)`: the second field after the name, which is in
/// brackets and can hold brackets and blanks itself).
fn parent_of(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_parents_and_children() {
        let parent = nix::unistd::getppid();
        assert_eq!(parent_of(Pid::this().as_raw()), Some(parent.as_raw()));
        assert!(children(parent).contains(&Pid::this()));
    }

    #[test]
    fn tells_a_signal_as_shells_do() {
        let pid = Pid::from_raw(7);
        let exited = WaitStatus::Exited(pid, 42);
        let signaled = WaitStatus::Signaled(pid, Signal::SIGTERM, false);
        assert_eq!(status_of(pid, &[exited]), Some(42));
        assert_eq!(status_of(pid, &[signaled]), Some(143));
        assert_eq!(status_of(Pid::from_raw(8), &[exited]), None);
    }
}
