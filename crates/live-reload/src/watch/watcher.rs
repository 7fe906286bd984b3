//! A running watchexec, and what it writes.

use super::files::Seen;
use super::inotify;
use crate::output::{log, warn};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use printable::printable;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How much is read at once.
const BLOCK: usize = 1 << 16;

/// watchexec 2.7 and 2.8 keep the name of each path that is removed or renamed, and compare every
/// event with all of them (watchexec 8.4, `removed_prefixes`): with 2,000 an event takes a
/// millisecond. In a flood they report only one in two or three.
const MANY_REMOVED: usize = 1000;
const TOO_MANY_REMOVED: usize = 3 * MANY_REMOVED;

/// Without an event for this long, watchexec has nothing left to report.
const QUIET: Duration = Duration::from_secs(1);

/// What stands for a byte that is not UTF-8.
const REPLACEMENT: &str = "\u{fffd}";

/// A running watchexec.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) process: Pid,
    watch: Vec<PathBuf>,
    output: Lines<ChildStdout>,
    errors: Lines<ChildStderr>,
    pub(crate) started: Instant,
    /// How many names have been removed or renamed.
    removed: usize,
    /// The last event.
    last: Instant,
}

/// What watchexec has reported.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// Changed paths.
    pub(crate) paths: Vec<(PathBuf, Seen)>,
    /// Whether something has changed whose path it could not write: its name is not UTF-8, or
    /// contains a line feed.
    pub(crate) is_unnamed: bool,
}

impl Watcher {
    /// Starts watchexec in a process group of its own: the signals of a terminal do not reach it.
    ///
    /// # Errors
    /// It cannot be run.
    pub(crate) fn start(mut watchexec: Command, watch: Vec<PathBuf>) -> io::Result<Self> {
        watchexec
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = watchexec.spawn()?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let (output, errors) = output.zip(errors).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            process: Pid::from_raw(child.id().cast_signed()),
            watch,
            output: Lines::of(output),
            errors: Lines::of(errors),
            started: Instant::now(),
            removed: 0,
            last: Instant::now(),
        })
    }

    /// The files from which it is read: its output and its errors.
    pub(crate) fn files(&self) -> [BorrowedFd<'_>; 2] {
        [self.output.file.as_fd(), self.errors.file.as_fd()]
    }

    /// Ends it.
    pub(crate) fn kill(&self) {
        kill(self.process, Signal::SIGKILL).ok();
    }

    /// When it should be started again, because so many names have gone: when it is quiet, or
    /// before it gets too slow.
    pub(crate) fn retire(&self) -> Option<Instant> {
        match self.removed {
            0..MANY_REMOVED => None,
            MANY_REMOVED..TOO_MANY_REMOVED => self.last.checked_add(QUIET),
            _ => Some(self.last),
        }
    }

    /// Reads those of its files that can be read. Returns what it has reported, and logs its
    /// errors.
    pub(crate) fn read(&mut self, is_readable: &[bool]) -> Reported {
        let mut reported = Reported::default();
        if is_readable.first() == Some(&true) {
            for line in self.output.read() {
                self.add(&line, &mut reported);
            }
        }
        if is_readable.get(1) == Some(&true) {
            for line in self.errors.read() {
                self.log_error(&String::from_utf8_lossy(&line));
            }
        }
        reported
    }

    fn add(&mut self, line: &[u8], reported: &mut Reported) {
        let Some((kind, path)) = event(line, &self.watch) else {
            // An empty line follows each batch of events.
            reported.is_unnamed |= !line.is_empty();
            return;
        };
        self.last = Instant::now();
        if kind == b"remove" || kind == b"rename" {
            self.removed = self.removed.saturating_add(1);
        }
        reported.is_unnamed |= path.to_str().is_some_and(|path| path.contains(REPLACEMENT));
        let is_other_file = [&b"create"[..], b"rename", b"remove"].contains(&kind);
        reported.paths.push((path, Seen::reported(is_other_file)));
    }

    fn log_error(&self, line: &str) {
        match line {
            // The head of each error that does not end it.
            "[[Error (not fatal)]]" | "" => {}
            // All that it says if a file is gone before it has looked at it, and if it runs out of
            // watches.
            "Native fs watcher error" => {
                let first = self.watch.first().map_or(Path::new("/"), PathBuf::as_path);
                if let Err(shortage) = inotify::check(first) {
                    warn(shortage);
                }
            }
            error => log(format_args!("live-reload: watchexec: {}", printable(error))),
        }
    }
}

/// An event, `modify:/workspace/app.py`; `None` for any other line. What has the form of an event
/// counts only if it is one of a watched path, since names of files can contain line feeds.
fn event<'l>(line: &'l [u8], watch: &[PathBuf]) -> Option<(&'l [u8], PathBuf)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (kind, path) = line.split_at_checked(colon)?;
    let path = Path::new(OsStr::from_bytes(path.split_first()?.1));
    let is_kind = [&b"create"[..], b"modify", b"remove", b"rename", b"other"].contains(&kind);
    let is_watched = watch.iter().any(|root| path.starts_with(root));
    (is_kind && is_watched).then(|| (kind, path.to_owned()))
}

/// A file of lines.
#[derive(Debug)]
struct Lines<F> {
    file: F,
    /// The start of a line whose end has not arrived.
    rest: Vec<u8>,
}

impl<F: Read> Lines<F> {
    const fn of(file: F) -> Self {
        Self {
            file,
            rest: Vec::new(),
        }
    }

    /// The lines that have arrived, if there is something to read.
    fn read(&mut self) -> Vec<Vec<u8>> {
        let mut block = vec![0; BLOCK];
        let read = self.file.read(&mut block).unwrap_or_default();
        self.rest.extend(block.iter().take(read));
        let mut lines: Vec<Vec<u8>> = self
            .rest
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        self.rest = lines.pop().unwrap_or_default();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_events_of_watched_paths() {
        let watch = [PathBuf::from("/app"), PathBuf::from("/config")];
        let event = |line: &str| event(line.as_bytes(), &watch).map(|(_, path)| path);
        for (line, path) in [
            ("modify:/app/a.py", "/app/a.py"),
            ("create:/config/a:b", "/config/a:b"),
            ("other:/app", "/app"),
        ] {
            assert_eq!(event(line).unwrap(), Path::new(path));
        }
        // The rest of a name with a line feed.
        for line in [
            "",
            "b.py",
            "modify:/etc/shadow",
            "modify:",
            ":/app",
            "access:/app/a",
            "/app/a",
        ] {
            assert_eq!(event(line), None, "{line}");
        }
    }
}
