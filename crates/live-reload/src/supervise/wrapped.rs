//! The supervisor of a process that runs watchexec itself: forwards signals, reaps orphans, and
//! ends with the exit status of what watchexec runs.
//!
//! The crate `pid1` would do the first two, but forwards two signals only, kills the child a fixed
//! time after the first of them, and ends with the child's status. That is watchexec's status, not
//! the process's: told to stop, watchexec 2.8 stops the process properly, but then exits with 0, or
//! with the status of an earlier run instead of the last one.
//!
//! So a stop is done here. watchexec is halted, which keeps it from starting the process again, and
//! then killed; the process becomes a child of this program, gets its signal and its time, and
//! leaves its status. The kernel hands orphans to PID 1, or to a "subreaper" (prctl(2)), which this
//! program makes itself, so that this also works below an init of the platform.

use super::process::Process;
use super::processes;
use crate::children::{exit_status, reap};
use crate::problem::Problem;
use crate::signals::{Signals, is_stop};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reload_options::Settings;
use rustix::process::{WaitOptions, waitpid};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// How many times a stop looks for a process again if watchexec has none. watchexec may be about to
/// start one, or to record the status of the last one; stopped before that, it ends with the wrong
/// status.
const ATTEMPTS: u32 = 20;

/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs a watchexec of another buildpack until it ends, or until this program is told to stop.
/// Returns the exit status.
///
/// # Errors
/// The command cannot be run, or signals cannot be received.
pub(crate) fn run(
    mut command: Command,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<u8, Problem> {
    // PID 1 gets orphans anyhow; elsewhere an old kernel may refuse, and then the status is
    // watchexec's.
    let adopts = set_child_subreaper(true).is_ok() || std::process::id() == 1;
    // In the same process group: from the one that a terminal listens to, watchexec can lend the
    // terminal to a process that reads from it, such as a debugger. The price is that a signal of
    // the terminal reaches both.
    let child = command
        .spawn()
        .map_err(|error| Problem::Watchexec(command.get_program().into(), error))?;
    let watchexec = Pid::from_raw(child.id().cast_signed());
    loop {
        for signal in signals.wait(None).map_err(Problem::Signals)? {
            match signal {
                Signal::SIGCHLD => {
                    if let Some(status) = ended(watchexec) {
                        return Ok(status);
                    }
                }
                stop_signal if is_stop(stop_signal) && adopts => {
                    return take_over(watchexec, settings, signals);
                }
                stop_signal if is_stop(stop_signal) => drop(kill(watchexec, Signal::SIGTERM)),
                // It would halt watchexec for good, since no shell in a container wakes it.
                Signal::SIGTSTP => {}
                // The process may be gone already, with SIGCHLD as the next signal.
                other => drop(kill(watchexec, other)),
            }
        }
    }
}

/// The exit status of a child that has ended.
fn ended(child: Pid) -> Option<u8> {
    let ended = reap().into_iter().find(|(process, _)| *process == child);
    ended.and_then(|(_, status)| exit_status(status))
}

/// Stops the process in watchexec's place. If no process is running, watchexec itself is
/// stopped, and ends with the status of the last run.
fn take_over(watchexec: Pid, settings: &Settings, signals: &mut Signals) -> Result<u8, Problem> {
    let mut attempts = 0..ATTEMPTS;
    let children = loop {
        // The process may have ended, with SIGCHLD still to come.
        kill(watchexec, Signal::SIGSTOP).ok();
        // Only a stopped watchexec is certain to start no further process.
        let state = waitpid(
            rustix::process::Pid::from_raw(watchexec.as_raw()),
            WaitOptions::UNTRACED,
        );
        let state = state.map_err(|error| Problem::Signals(error.into()))?;
        if let Some(status) = state.and_then(|(_, state)| exit_status(state)) {
            return Ok(status);
        }
        let children: Vec<Pid> = processes::running()
            .filter(|process| process.parent == watchexec)
            .map(|process| process.id)
            .collect();
        if !children.is_empty() || attempts.next().is_none() {
            break children;
        }
        kill(watchexec, Signal::SIGCONT).ok();
        thread::sleep(PAUSE);
    };
    if children.is_empty() {
        kill(watchexec, Signal::SIGTERM).ok();
        kill(watchexec, Signal::SIGCONT).ok();
    } else {
        // The processes become children of this program.
        kill(watchexec, Signal::SIGKILL).ok();
    }
    let mut processes: Vec<Process> = children.into_iter().map(Process::adopted).collect();
    for process in &mut processes {
        process.stop(settings);
    }
    loop {
        for (child, status) in reap() {
            for process in &mut processes {
                process.note(child, status);
            }
            if let Some(status) =
                exit_status(status).filter(|_| child == watchexec && processes.is_empty())
            {
                return Ok(status);
            }
        }
        // Before 2.6.0 watchexec started the new process while the old one was still stopping. The
        // status that counts is the newer one's.
        let newest = processes.iter().max_by_key(|process| process.group());
        if let Some(status) = newest.and_then(Process::exit_status)
            && processes.iter().all(Process::is_gone)
        {
            return Ok(status);
        }
        for process in &mut processes {
            process.log_awaited(settings);
            if process.is_overdue() {
                process.kill();
            }
        }
        // Further signals do not shorten the stop timeout. SIGCHLD ends the wait.
        let due = processes.iter().filter_map(Process::due).min();
        let left = due.map(|at| at.saturating_duration_since(Instant::now()));
        signals.wait(left).map_err(Problem::Signals)?;
    }
}
