//! The process: a child of this program, and the leader of a process group of its own.
//!
//! ```text
//! live-reload ─┬─ the process ─── its children      (a group; only the leader's status counts)
//!              ├─ watchexec                         (a group)
//!              └─ orphans, adopted and reaped       (those that have left the group live on)
//! ```
//!
//! A stop signals the leader alone, which knows its children: `npm start` and servers with workers
//! pass the signal on. When the leader has ended, the rest of its group gets the signal too, such
//! as the server of a start script without `exec`. So no process gets it twice, and the next start
//! comes when all of the group have ended and their ports are free, or when the stop timeout is
//! over and they have been killed.

use super::processes;
use super::terminal::{self, Lent};
use crate::children::{exit_status, status_of_signal};
use crate::launch::Launch;
use crate::launch::program::{self, ProgramError};
use crate::output::log;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use printable::printable;
use reload_options::Settings;
use rustix::process::{self, WaitStatus, test_kill_process_group};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The exit status for a program that cannot be run, in the convention of shells.
pub(crate) const CANNOT_RUN: u8 = 127;

/// When the log names what a stop waits for. Most processes have stopped by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the kernel may take to remove processes that have been killed. One that waits for a
/// disk can take for ever.
const REMOVAL: Duration = Duration::from_secs(1);

/// A process that has been started, until nothing of its group is left.
#[derive(Debug)]
pub(crate) struct Process {
    leader: Pid,
    /// How the leader has ended.
    end: Option<WaitStatus>,
    terminal: Option<Lent>,
    stop: Option<Stop>,
}

/// A stop that has begun.
#[derive(Debug)]
struct Stop {
    signal: Signal,
    /// When the log names what is waited for; `None` when it has.
    log_at: Option<Instant>,
    /// When the group is killed; `None` if that is too far away for the clock.
    deadline: Option<Instant>,
    is_killed: bool,
}

impl Process {
    /// Starts a process.
    ///
    /// # Errors
    /// Why its program cannot be started. A sync can have removed it.
    pub(crate) fn start(launch: &Launch, input: Stdio) -> Result<Self, ProgramError> {
        let mut command = launch.command();
        match command.stdin(input).process_group(0).spawn() {
            Ok(child) => Ok(Self::adopted(Pid::from_raw(child.id().cast_signed()))),
            Err(error) => {
                program::check(launch)?;
                let program = printable(command.get_program()).to_string();
                Err(ProgramError::Other(program, error))
            }
        }
    }

    /// A process that another program has started, as the leader of a group.
    pub(crate) const fn adopted(leader: Pid) -> Self {
        Self {
            leader,
            end: None,
            terminal: None,
            stop: None,
        }
    }

    /// Notes that a child of this program has ended or halted, if it is the leader. Returns its
    /// status when it has ended.
    pub(crate) fn note(&mut self, child: Pid, status: WaitStatus) -> Option<WaitStatus> {
        if child != self.leader {
            return None;
        }
        if let Some(signal) = status.stopping_signal() {
            self.halted(signal);
            return None;
        }
        self.end = Some(status);
        if let Some(stop) = &self.stop {
            killpg(
                self.leader,
                if stop.is_killed {
                    Signal::SIGKILL
                } else {
                    stop.signal
                },
            )
            .ok();
            terminal::wake(self.leader);
        }
        Some(status)
    }

    /// Wakes a process that has halted. If it needs the terminal, it is lent the terminal first. As
    /// PID 1, which it would be without live reload, no process halts: there is no shell in a
    /// container to wake it.
    fn halted(&mut self, signal: i32) {
        if signal == Signal::SIGSTOP as i32 {
            return;
        }
        if signal == Signal::SIGTTIN as i32 || signal == Signal::SIGTTOU as i32 {
            self.terminal = Lent::to(self.leader);
        }
        terminal::wake(self.leader);
    }

    /// Whether the leader was ended by Ctrl-C or Ctrl-\ at a terminal that was lent to it.
    pub(crate) fn was_interrupted(&self) -> bool {
        let signals =
            [Signal::SIGINT, Signal::SIGQUIT].map(|signal| status_of_signal(signal as i32));
        self.terminal.is_some()
            && self
                .exit_status()
                .is_some_and(|status| signals.contains(&status))
    }

    /// Takes the terminal back.
    pub(crate) fn take_terminal(&mut self) {
        self.terminal = None;
    }

    /// Passes a signal on to the leader, as a container runtime would.
    pub(crate) fn pass_on(&self, signal: Signal) {
        if self.end.is_none() {
            kill(self.leader, signal).ok();
        }
    }

    /// Begins a stop. Further ones change nothing.
    pub(crate) fn stop(&mut self, settings: &Settings) {
        if self.stop.is_some() {
            return;
        }
        self.take_terminal();
        let (signal, now) = (settings.signal, Instant::now());
        if self.end.is_none() {
            kill(self.leader, signal).ok();
        } else {
            killpg(self.leader, signal).ok();
        }
        // A halted process would not receive the signal.
        terminal::wake(self.leader);
        self.stop = Some(Stop {
            signal,
            log_at: now.checked_add(PATIENCE),
            deadline: now.checked_add(*settings.stop_timeout),
            is_killed: false,
        });
    }

    /// Kills the group.
    pub(crate) fn kill(&mut self) {
        killpg(self.leader, Signal::SIGKILL).ok();
        if let Some(stop) = &mut self.stop {
            (stop.deadline, stop.is_killed) = (Instant::now().checked_add(REMOVAL), true);
        }
    }

    /// Whether the whole group has ended, or a stop no longer waits for it.
    pub(crate) fn is_gone(&self) -> bool {
        let is_lost =
            |stop: &Stop| stop.is_killed && stop.deadline.is_some_and(|at| at <= Instant::now());
        let group = process::Pid::from_raw(self.leader.as_raw());
        self.end.is_some()
            && (self.stop.as_ref().is_some_and(is_lost)
                || group.is_none_or(|group| test_kill_process_group(group).is_err()))
    }

    /// Whether the stop timeout is over.
    pub(crate) fn is_overdue(&self) -> bool {
        let deadline = self.stop.as_ref().and_then(|stop| stop.deadline);
        deadline.is_some_and(|at| at <= Instant::now())
    }

    /// When something is due: to name what is waited for, or to kill it.
    pub(crate) fn due(&self) -> Option<Instant> {
        let stop = self.stop.as_ref()?;
        stop.log_at.into_iter().chain(stop.deadline).min()
    }

    /// Logs what a stop still waits for, once, when it has taken a while.
    pub(crate) fn log_awaited(&mut self, settings: &Settings) {
        let stop = self.stop.as_mut();
        if stop.is_none_or(|stop| stop.log_at.take_if(|at| *at <= Instant::now()).is_none()) {
            return;
        }
        let group = processes::running().filter(|process| process.group == self.leader);
        log(format_args!(
            "live-reload: waiting up to {} for these to stop: {}",
            settings.stop_timeout,
            processes::list(&group.collect::<Vec<_>>())
        ));
    }

    /// The group, which has the number of its leader.
    pub(crate) const fn group(&self) -> Pid {
        self.leader
    }

    /// How the leader has ended, if it has.
    pub(crate) const fn end(&self) -> Option<WaitStatus> {
        self.end
    }

    /// The exit status of the leader, if it has ended.
    pub(crate) fn exit_status(&self) -> Option<u8> {
        exit_status(self.end?)
    }
}
