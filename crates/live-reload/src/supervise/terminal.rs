//! The terminal of the container. It belongs to the process group of this program, and the kernel
//! halts a process of any other group that reads from it, with SIGTTIN (or SIGTTOU, if it changes
//! its modes). Such a process is lent the terminal, as a shell does with `fg`, and is woken.

use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcsetpgrp};
use std::fs::File;

/// A terminal that is lent to a process group. When dropped, it is taken back with the modes that
/// it had.
#[derive(Debug)]
pub(crate) struct Lent {
    terminal: File,
    modes: Termios,
}

impl Lent {
    /// Lends the terminal to a group. `None` if there is no terminal.
    pub(crate) fn to(group: Pid) -> Option<Self> {
        let terminal = File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let modes = tcgetattr(&terminal).ok()?;
        from_background(|| tcsetpgrp(&terminal, group)).ok()?;
        Some(Self { terminal, modes })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        from_background(|| {
            tcsetpgrp(&self.terminal, getpgrp()).ok();
            tcsetattr(&self.terminal, SetArg::TCSANOW, &self.modes).ok();
        });
    }
}

/// Wakes a group that has been halted.
pub(crate) fn wake(group: Pid) {
    killpg(group, Signal::SIGCONT).ok();
}

/// Changes a terminal that belongs to another group, which takes a blocked SIGTTOU
/// (`tcsetpgrp(3)`).
fn from_background<T>(change: impl FnOnce() -> T) -> T {
    let signals: SigSet = [Signal::SIGTTOU].into_iter().collect();
    signals.thread_block().ok();
    let result = change();
    signals.thread_unblock().ok();
    result
}
