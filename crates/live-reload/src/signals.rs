//! The signals that this program receives in place of the process.

use nix::sys::signal::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The signals that a process can handle, without those that tell of a fault of the program itself,
/// and without SIGPIPE, which this program would cause when its log is closed.
fn handled() -> impl Iterator<Item = i32> {
    let faults = [
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGSEGV,
        Signal::SIGTRAP,
        Signal::SIGSYS,
        Signal::SIGABRT,
    ];
    let never = [Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGPIPE];
    Signal::iterator()
        .filter(move |signal| !faults.contains(signal) && !never.contains(signal))
        .map(|signal| signal as i32)
}

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
/// Handlers record them: an executed program does not inherit handlers, but would inherit a mask of
/// blocked signals.
pub(crate) struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
    /// The first stop signal that has arrived.
    stop: Option<Signal>,
    /// Signals that [`Signals::stop`] has taken from the queue.
    taken: Vec<Signal>,
}

impl Signals {
    /// Records signals from now on. As PID 1, a program without handlers receives no signals
    /// (`pid_namespaces(7)`).
    ///
    /// # Errors
    /// The system does not allow as many open files.
    pub(crate) fn listen() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        Ok(Self {
            delivery: SignalDelivery::with_pipe(wake, waker, SignalOnly, handled())?,
            stop: None,
            taken: Vec::new(),
        })
    }

    /// Waits for a signal or for one of `files` to become readable, for at most `timeout`. Returns
    /// the signals that have arrived since the last call, each once, and which of the files can be
    /// read.
    ///
    /// # Errors
    /// The system fails to wait.
    pub(crate) fn wait_with(
        &mut self,
        files: &[BorrowedFd<'_>],
        timeout: Option<Duration>,
    ) -> io::Result<(Vec<Signal>, Vec<bool>)> {
        self.receive();
        // Signals that are known already are not waited for.
        let timeout = if self.taken.is_empty() {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut polled = vec![PollFd::new(self.delivery.get_read(), PollFlags::IN)];
        polled.extend(files.iter().map(|file| PollFd::new(file, PollFlags::IN)));
        let is_readable = match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => polled
                .iter()
                .skip(1)
                .map(|file| !file.revents().is_empty())
                .collect(),
            Err(rustix::io::Errno::INTR) => vec![false; files.len()],
            Err(error) => return Err(error.into()),
        };
        self.receive();
        Ok((std::mem::take(&mut self.taken), is_readable))
    }

    /// Waits for a signal, for at most `timeout`.
    ///
    /// # Errors
    /// The system fails to wait.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Vec<Signal>> {
        Ok(self.wait_with(&[], timeout)?.0)
    }

    /// Takes the signals that have arrived.
    fn receive(&mut self) {
        for signal in self
            .delivery
            .pending()
            .filter_map(|signal| Signal::try_from(signal).ok())
        {
            if self.stop.is_none() && is_stop(signal) {
                self.stop = Some(signal);
            }
            if !self.taken.contains(&signal) {
                self.taken.push(signal);
            }
        }
    }

    /// The first signal so far that told this program to stop.
    pub(crate) fn stop(&mut self) -> Option<Signal> {
        self.receive();
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
