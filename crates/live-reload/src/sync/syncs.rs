//! Syncs since the last start: what they have changed, and whether the app seems to have made the
//! changes itself.

use super::brake::Brake;
use super::{RESTART, Sync};
use crate::watch::files::{Changes, Files, Seen};
use std::mem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What has changed since the last start.
#[derive(Debug)]
pub(crate) struct Syncs {
    pub(crate) files: Files,
    /// The current sync.
    sync: Option<Sync>,
    /// What finished syncs have changed since the last start.
    changes: Changes,
    /// The last start, and what differed before it.
    started: (Instant, Changes),
    brake: Brake,
}

/// A sync that is over, or will be in a moment.
#[derive(Debug)]
pub(crate) struct Over {
    /// What has changed.
    pub(crate) changes: Changes,
    /// Whether files are still changing.
    pub(crate) is_endless: bool,
    /// How long the end is delayed, since the app seems to have made the changes itself.
    pub(crate) delay: Option<Duration>,
}

impl Syncs {
    /// Nothing has changed.
    pub(crate) fn new(files: Files) -> Self {
        Self {
            files,
            sync: None,
            changes: Changes::default(),
            started: (Instant::now(), Changes::default()),
            brake: Brake::default(),
        }
    }

    /// Adds a changed path to the current sync, or begins a sync with it. Returns whether that is
    /// news.
    pub(crate) fn collect(&mut self, path: PathBuf, seen: Seen) -> bool {
        self.sync.get_or_insert_with(Sync::new).add(path, seen)
    }

    /// When the sync may be over.
    pub(crate) fn due(&self, shortest: Duration) -> Option<Instant> {
        self.sync.as_ref()?.end(shortest)
    }

    /// The process starts now, and has read what changed before `since`, or before now.
    pub(crate) fn start(&mut self, since: Option<Duration>) {
        self.files.start(since);
        self.started = (Instant::now(), mem::take(&mut self.changes));
    }

    /// Adds changes that lead to the next start.
    pub(crate) fn keep(&mut self, changes: Changes) {
        self.changes.append(changes);
    }

    /// How long ago the last start was.
    pub(crate) fn since_start(&self) -> Duration {
        self.started.0.elapsed()
    }

    /// Ends the sync if it is over at a time, now or in a moment. If the process has ended,
    /// whatever is left counts as changed; if it runs, the end can be delayed. A sync that is only
    /// nearly over leaves a rest, which is still due.
    pub(crate) fn end(
        &mut self,
        at: Instant,
        shortest: Duration,
        has_ended: bool,
        can_delay: bool,
    ) -> Option<Over> {
        let is_due = |sync: &mut Sync| sync.end(shortest).is_some_and(|end| end <= at);
        let mut sync = self.sync.take_if(is_due)?;
        let (start, before) = &self.started;
        let since = sync.since(*start);
        let mut changes = self.files.changes(sync.seen(), since < RESTART);
        if !sync.is_over(at, &changes, *start, before, shortest) {
            self.sync = Some(sync);
            return None;
        }
        if changes.is_empty() && has_ended {
            let left = sync.paths().filter(|path| path.symlink_metadata().is_ok());
            changes.files = left.map(|path| (path.clone(), 0)).collect();
        }
        let is_new = can_delay && !changes.is_empty() && !sync.is_delayed();
        let delay = is_new.then(|| self.brake.delay(&changes, before, since));
        let delay = delay.flatten();
        let is_endless = is_new && sync.is_endless(at);
        if let Some(delay) = delay {
            sync.delay(delay);
            self.sync = Some(sync);
        } else if !changes.is_empty() {
            // Whatever happens to them from here on is news to the next process.
            self.files.note(sync.paths());
            self.sync = (at > Instant::now()).then(|| sync.rest());
        }
        Some(Over {
            changes,
            is_endless,
            delay,
        })
    }
}
