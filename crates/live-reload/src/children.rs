//! The ends of children of this program.

use nix::sys::signal::Signal;
use nix::unistd::Pid;
// nix has no status for a child that a real-time signal ended: it reaps the child, and gives
// EINVAL.
use rustix::process::{self, WaitOptions, WaitStatus};

/// Waits for every child that has ended or halted; one SIGCHLD can stand for several.
pub(crate) fn reap() -> Vec<(Pid, WaitStatus)> {
    let mut children = Vec::new();
    // An error says that there is no child.
    while let Ok(Some((child, status))) = process::wait(WaitOptions::NOHANG | WaitOptions::UNTRACED)
    {
        children.push((Pid::from_raw(child.as_raw_pid()), status));
    }
    children
}

/// The exit status of a process that has ended; `None` of one that has halted.
pub(crate) fn exit_status(status: WaitStatus) -> Option<u8> {
    match status.terminating_signal() {
        Some(signal) => Some(status_of_signal(signal)),
        None => u8::try_from(status.exit_status()?).ok(),
    }
}

/// The exit status of a process that a signal has ended, in the convention of shells.
pub(crate) fn status_of_signal(signal: i32) -> u8 {
    u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128))
}

/// How a process has ended, after its name: `ended with status 3`.
pub(crate) fn describe(status: WaitStatus) -> String {
    let Some(number) = status.terminating_signal() else {
        let status = status.exit_status().unwrap_or_default();
        return format!("ended with status {status}");
    };
    let signal = Signal::try_from(number);
    let name = signal.map_or_else(|_| format!("signal {number}"), |signal| signal.to_string());
    let cause = if signal == Ok(Signal::SIGKILL) {
        " (out of memory?)"
    } else {
        ""
    };
    format!("was killed by {name}{cause}")
}
