//! The bytes of an archive, until a signal ends the extraction.

use flate2::read::MultiGzDecoder;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;

/// As much as a pipe holds.
const BUFFER: usize = 64 * 1024;

/// Holds back the signals that end a program, so that it can remove its temporary files first.
pub(super) struct Signals {
    held_back: SigSet,
    arrived: SignalFd,
}

impl Signals {
    pub(super) fn hold_back() -> io::Result<Self> {
        let signals = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];
        let held_back: SigSet = signals.into_iter().collect();
        let arrived = SignalFd::with_flags(&held_back, SfdFlags::SFD_CLOEXEC)?;
        held_back.thread_block()?;
        Ok(Self { held_back, arrived })
    }
}

/// A signal that has arrived takes effect.
impl Drop for Signals {
    fn drop(&mut self) {
        self.held_back.thread_unblock().ok();
    }
}

/// A signal has arrived.
#[derive(Debug, thiserror::Error)]
#[error("a signal has ended it")]
struct Stop;

/// Whether an error means that a signal has arrived.
pub(super) fn is_stop(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn Error + Send + Sync>::is::<Stop>)
}

/// Opens the archive.
pub(super) fn open(file: Option<&Path>) -> io::Result<File> {
    match file {
        None => Ok(io::stdin().as_fd().try_clone_to_owned()?.into()),
        Some(file) => File::open(file),
    }
}

/// Reads the archive, decompressed.
pub(super) fn read<'a>(
    file: &'a File,
    gzip: bool,
    signals: &'a Signals,
) -> io::Result<Box<dyn BufRead + 'a>> {
    let input = Interruptible { file, signals };
    let mut input = BufReader::with_capacity(BUFFER, input);
    if input.fill_buf()?.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"));
    }
    Ok(if gzip {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    })
}

/// Waits for input or a signal, whichever comes first.
struct Interruptible<'a> {
    file: &'a File,
    signals: &'a Signals,
}

impl Read for Interruptible<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ready = [
            PollFd::new(&self.signals.arrived, PollFlags::IN),
            PollFd::new(self.file, PollFlags::IN),
        ];
        match poll(&mut ready, None) {
            Err(Errno::INTR) => return Err(io::ErrorKind::Interrupted.into()),
            result => drop(result?),
        }
        if ready[0].revents().is_empty() {
            self.file.read(buffer)
        } else {
            Err(io::Error::other(Stop))
        }
    }
}
