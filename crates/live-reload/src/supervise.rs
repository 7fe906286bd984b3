//! The supervisor of watchexec: forwards signals, reaps orphans, and ends with the exit status of the
//! process itself.
//!
//! The crate `pid1` would do the first two, but forwards two signals only, kills the child a fixed
//! time after the first of them, and ends with the child's status. That is watchexec's, which is
//! not the process's: told to stop, watchexec 2.8 stops the process well, and then ends with 0, or
//! with the status of an earlier run, not with that of the last one.
//!
//! So a stop is done here. watchexec is halted, which keeps it from starting the process again, and
//! then killed; the process becomes a child of this program, gets its signal and its time, and
//! leaves its status. The kernel hands orphans to PID 1, or to a "subreaper" (prctl(2)), which this
//! program makes itself, so that it is the same with an init of the platform's above it.

use crate::ends::Ends;
use crate::process_tree::children;
use crate::signals::{STARTED, Signals, is_stop};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use reload_options::Settings;
// nix has no status for a child that a real-time signal ended: it reaps the child, and gives EINVAL.
use rustix::process::{self, WaitOptions, WaitStatus};
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// How often a stop looks for a process again where watchexec has none. watchexec may be about to start
/// one, or to record the status of the last one; stopped before that, it ends with the wrong status.
const LOOKS: u32 = 20;

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A failure to start or to supervise watchexec.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SuperviseError {
    /// watchexec cannot be run.
    #[error("{0:?} cannot be run ({1})")]
    Run(PathBuf, io::Error),
    /// Signal handlers cannot be installed, or signals cannot be waited for.
    #[error("signals cannot be received ({0})")]
    Signals(#[from] io::Error),
    /// watchexec cannot be waited for.
    #[error("children cannot be waited for ({0})")]
    Children(#[from] rustix::io::Errno),
}

/// Runs watchexec until it ends, or until this program is told to stop.
///
/// Returns the exit status. If watchexec announces its starts, ends of the process without a stop signal are logged.
///
/// # Errors
/// watchexec cannot be run, or signals cannot be received.
pub(crate) fn run(
    mut watchexec: Command,
    settings: &Settings,
    signals: &mut Signals,
    ends: Option<&Ends>,
) -> Result<u8, SuperviseError> {
    // PID 1 gets orphans anyhow; elsewhere an old kernel may refuse, and then the status is
    // watchexec's.
    let adopts = set_child_subreaper(true).is_ok() || std::process::id() == 1;
    // In the same process group: from the one that a terminal listens to, watchexec can lend the
    // terminal to a process that reads from it, such as a debugger. The price is that a signal of
    // the terminal reaches both. An option makes watchexec leave those to this program.
    let child = watchexec
        .spawn()
        .map_err(|error| SuperviseError::Run(watchexec.get_program().into(), error))?;
    let watchexec = Pid::from_raw(child.id().cast_signed());
    loop {
        for signal in signals.wait(None)? {
            match signal {
                Signal::SIGCHLD => {
                    if let Some(status) = status_of(watchexec, &reap()) {
                        return Ok(status);
                    }
                }
                STARTED => {
                    if let Some(ends) = ends {
                        ends.started_by(watchexec);
                    }
                }
                stop_signal if is_stop(stop_signal) && adopts => {
                    return take_over(watchexec, settings, signals);
                }
                // It was told to ignore the other three.
                stop_signal if is_stop(stop_signal) => drop(kill(watchexec, Signal::SIGTERM)),
                // The process may be gone already, with SIGCHLD as the next signal.
                other => drop(kill(watchexec, other)),
            }
        }
    }
}

/// Stops the process in watchexec's place. If no process is running, watchexec itself is
/// stopped, and ends with the status of the last run.
fn take_over(
    watchexec: Pid,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<u8, SuperviseError> {
    let mut looks = 0..LOOKS;
    let processes = loop {
        // The process may have ended, with SIGCHLD still to come.
        kill(watchexec, Signal::SIGSTOP).ok();
        // Only a stopped watchexec is certain to start no further process.
        if let Some(status) = wait_for(watchexec, WaitOptions::UNTRACED)?.and_then(exit_status) {
            return Ok(status);
        }
        let processes = children(watchexec);
        if !processes.is_empty() || looks.next().is_none() {
            break processes;
        }
        kill(watchexec, Signal::SIGCONT).ok();
        thread::sleep(PAUSE);
    };
    // Before 2.6.0 watchexec started the new process while the old one was still stopping. The
    // status that counts is the newer one's.
    let last = if let Some(newest) = processes.iter().copied().max() {
        kill(watchexec, Signal::SIGKILL).ok();
        // From here on the processes are children of this program.
        wait_for(watchexec, WaitOptions::empty())?;
        for process in &processes {
            signal_group(*process, settings.signal);
            // A process that waits for a terminal is stopped, and would not receive the signal.
            signal_group(*process, Signal::SIGCONT);
        }
        newest
    } else {
        kill(watchexec, Signal::SIGTERM).ok();
        kill(watchexec, Signal::SIGCONT).ok();
        watchexec
    };
    let mut deadline = Instant::now().checked_add(settings.stop_timeout.duration());
    loop {
        if let Some(status) = status_of(last, &reap()) {
            return Ok(status);
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            for process in processes.iter().chain([&last]) {
                signal_group(*process, Signal::SIGKILL);
            }
            deadline = None;
            continue;
        }
        // Further signals do not shorten the stop timeout. SIGCHLD ends the wait.
        signals.wait(left)?;
    }
}

/// Waits for one child.
fn wait_for(child: Pid, options: WaitOptions) -> rustix::io::Result<Option<WaitStatus>> {
    let child = process::Pid::from_raw(child.as_raw());
    let ended = process::waitpid(child, options)?;
    Ok(ended.map(|(_, status)| status))
}

/// Waits for every child that has ended; one SIGCHLD can stand for several.
fn reap() -> Vec<(Pid, WaitStatus)> {
    let mut ended = Vec::new();
    // An error says that there is no child.
    while let Ok(Some((process, status))) = process::wait(WaitOptions::NOHANG) {
        ended.push((Pid::from_raw(process.as_raw_pid()), status));
    }
    ended
}

/// The exit status of this process, if it is among those that have ended.
fn status_of(process: Pid, ended: &[(Pid, WaitStatus)]) -> Option<u8> {
    ended
        .iter()
        .find(|(one, _)| *one == process)
        .and_then(|(_, status)| exit_status(*status))
}

/// The exit status of a process that has ended.
fn exit_status(status: WaitStatus) -> Option<u8> {
    match status.terminating_signal() {
        Some(signal) => Some(status_of_signal(signal)),
        None => u8::try_from(status.exit_status()?).ok(),
    }
}

/// The exit status of a process that a signal has ended, in the convention of shells.
pub(crate) fn status_of_signal(signal: i32) -> u8 {
    u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128))
}

/// Sends a signal to a process and all that it has started. watchexec makes each process the
/// leader of a group; one that has not become it yet is sent the signal alone.
fn signal_group(process: Pid, signal: Signal) {
    if killpg(process, signal).is_err() {
        // The process may have ended, with SIGCHLD still to come.
        kill(process, signal).ok();
    }
}
