//! The end of a process that nobody has asked to end. watchexec waits for a change then, and so that nobody
//! wonders why nothing answers, the log says it.

use crate::process_tree::children;
use crate::texts::tell;
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{self, PidfdFlags, pidfd_open};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long after its end a process counts as ended. watchexec, which also ends the process for each restart,
/// has started the next one within a few milliseconds.
const RESTART: Duration = Duration::from_millis(500);

/// The state of the process that watchexec has started.
#[derive(Debug)]
pub(crate) struct Ends {
    process_type: String,
    /// How often watchexec has started it.
    starts: Arc<AtomicUsize>,
}

impl Ends {
    /// No process has been started yet.
    pub(crate) fn of(process_type: &str) -> Self {
        Self {
            process_type: process_type.to_owned(),
            starts: Arc::default(),
        }
    }

    /// Notes that this watchexec has started the process, and logs its end unless another start follows.
    pub(crate) fn started_by(&self, watchexec: Pid) {
        let (starts, process_type) = (Arc::clone(&self.starts), self.process_type.clone());
        let before = starts.fetch_add(1, Ordering::SeqCst);
        // One that is not there has ended already.
        let started = children(watchexec).into_iter().max();
        let log_end = move || {
            started.map_or(Some(()), wait_for_end)?;
            thread::sleep(RESTART);
            // In a long sync it can be stopped again before it has said that it was started.
            let is_last = starts.load(Ordering::SeqCst) == before.wrapping_add(1);
            if is_last && children(watchexec).is_empty() {
                tell(format_args!(
                    "live-reload: {process_type} has ended; the next change starts it again"
                ));
            }
            Some(())
        };
        // Where the container's limit of threads is reached, the log lacks this line and the process goes on.
        thread::Builder::new().spawn(log_end).ok();
    }
}

/// Waits for the end of a process that need not be a child. `None` where the kernel cannot tell (before Linux 5.3).
fn wait_for_end(process: Pid) -> Option<()> {
    let process = process::Pid::from_raw(process.as_raw())?;
    let process = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(process) => process,
        // It has ended, and watchexec knows.
        Err(Errno::SRCH) => return Some(()),
        Err(_) => return None,
    };
    // A handler of a signal may run in this thread.
    while poll(&mut [PollFd::new(&process, PollFlags::IN)], None) == Err(Errno::INTR) {}
    Some(())
}
