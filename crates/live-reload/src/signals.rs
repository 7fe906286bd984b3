//! The signals that this program receives in place of the process.

use nix::sys::signal::Signal;
use signal_hook::{flag, low_level};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Tells this program that watchexec has started the process. No platform sends it, and it is ignored by
/// default.
pub(crate) const STARTED: Signal = Signal::SIGURG;

/// The signals that watchexec handles, the one that reports ended children, and that of a start. All
/// others keep their default action.
const HANDLED: [Signal; 8] = [
    STARTED,
    Signal::SIGCHLD,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// Whether a signal tells this program to stop: platforms and terminals send these to end a
/// container.
pub(crate) fn is_stop(signal: Signal) -> bool {
    matches!(
        signal,
        Signal::SIGHUP | Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTERM
    )
}

/// Signals as they arrive.
///
/// They are noted by handlers, which a program that is executed does not inherit; it would inherit
/// a mask of blocked signals.
#[derive(Debug)]
pub(crate) struct Signals {
    received: Vec<(Signal, Arc<AtomicBool>)>,
    /// Receives a byte for each signal, which wakes the wait.
    wake: UnixStream,
    /// The first stop signal that has arrived.
    stop: Option<Signal>,
}

impl Signals {
    /// Records signals from now on. As PID 1, a program without handlers receives no signals
    /// (`pid_namespaces(7)`).
    ///
    /// # Errors
    /// The system does not allow as many open files.
    pub(crate) fn listen() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        let mut received = Vec::new();
        for signal in HANDLED {
            let flag = Arc::new(AtomicBool::new(false));
            // In this order, so that whoever is woken finds the flag set.
            flag::register(signal as i32, Arc::clone(&flag))?;
            low_level::pipe::register(signal as i32, waker.try_clone()?)?;
            received.push((signal, flag));
        }
        Ok(Self {
            received,
            wake,
            stop: None,
        })
    }

    /// The signals that have arrived since the last call; waits for one, but not longer than this.
    /// A signal that arrived twice is returned once.
    ///
    /// # Errors
    /// The system fails to wait.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Vec<Signal>> {
        let arrived = self.arrived();
        if !arrived.is_empty() {
            return Ok(arrived);
        }
        // Zero would mean to wait for ever.
        let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
        self.wake.set_read_timeout(timeout)?;
        match self.wake.read(&mut [0; 64]) {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Err(error)
            }
            _ => Ok(self.arrived()),
        }
    }

    /// The signals that have arrived since the last call.
    fn arrived(&mut self) -> Vec<Signal> {
        let arrived: Vec<Signal> = self
            .received
            .iter()
            .filter(|(_, flag)| flag.swap(false, Ordering::SeqCst))
            .map(|(signal, _)| *signal)
            .collect();
        self.stop = self
            .stop
            .or_else(|| arrived.iter().copied().find(|signal| is_stop(*signal)));
        arrived
    }

    /// The first signal so far that told this program to stop.
    pub(crate) fn stop(&mut self) -> Option<Signal> {
        self.arrived();
        self.stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::raise;

    #[test]
    fn reports_each_signal_once_and_stops_waiting() {
        let mut signals = Signals::listen().unwrap();
        raise(Signal::SIGUSR1).unwrap();
        raise(Signal::SIGUSR1).unwrap();
        raise(Signal::SIGUSR2).unwrap();
        let mut arrived = Vec::new();
        // The ends of other tests' children arrive here too.
        while arrived.len() < 2 {
            let news = signals.wait(None).unwrap();
            arrived.extend(news.into_iter().filter(|signal| *signal != Signal::SIGCHLD));
        }
        assert_eq!(arrived, [Signal::SIGUSR1, Signal::SIGUSR2]);
        let more = signals.wait(Some(Duration::ZERO)).unwrap();
        assert!(more.iter().all(|signal| *signal == Signal::SIGCHLD));
    }
}
