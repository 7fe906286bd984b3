//! What the watched files were when the process started, and what has changed since.
//!
//! watchexec reports that a path has changed, not what has changed about it. And it cannot report
//! everything: it needs seconds to watch some ten thousand directories (2.8 says that it watches
//! before it does), it drops events when too many come at once, and it can be killed. This program
//! therefore scans the files itself: after each start of watchexec, and all the time if it polls,
//! which watchexec does only to the second.

use super::root::Root;
use nix::time::{ClockId, clock_gettime};
use reload_options::patterns::Patterns;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The content of more files than this, or of larger ones, is not compared.
const COMPARED: usize = 10;
const COMPARED_SIZE: u64 = 1 << 20;

/// How soon the clock of file systems is read again. It ticks every 1 to 10 ms.
const TICK: Duration = Duration::from_millis(1);

/// What tells two states of a file apart, as a hash. The time of the last change of status is not
/// part of it: `chmod` sets that also if it changes nothing.
pub(crate) type Stamp = u64;

/// The stamp of a file that is gone.
const GONE: Stamp = 0;

/// What is known about a changed path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// What it was in the last scan, if it has been scanned.
    pub(crate) stamp: Option<Stamp>,
    /// Whether the path may lead to a different file now, not only to a new state of the same one.
    pub(crate) is_other_file: bool,
}

impl Seen {
    /// What watchexec has reported.
    pub(crate) const fn reported(is_other_file: bool) -> Self {
        Self {
            stamp: None,
            is_other_file,
        }
    }

    /// What a scan has found.
    pub(crate) const fn now(stamp: Stamp) -> Self {
        Self {
            stamp: Some(stamp),
            is_other_file: false,
        }
    }
}

/// The watched files and directories.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) patterns: Patterns,
    /// As they were when the process started, except those that have not been scanned.
    known: BTreeMap<PathBuf, Known>,
    /// Hashes of the content of the files of the last sync, if they are few.
    contents: Vec<(PathBuf, u64)>,
    /// The time of the last start, by the clock of file systems, which ticks every few
    /// milliseconds: what has changed before, the process has read. `None` if the clock may be that
    /// of a file server.
    since: Option<Duration>,
    /// The number of the last scan.
    scans: u32,
}

/// A file that has been scanned.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    /// The last scan that has found it.
    scan: u32,
}

/// What differs from the last start.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Changed files, with their sizes.
    pub(crate) files: Vec<(PathBuf, u64)>,
    /// Paths that are gone.
    pub(crate) removed: Vec<PathBuf>,
    /// New or changed directories.
    pub(crate) directories: Vec<PathBuf>,
}

impl Changes {
    pub(crate) const fn is_empty(&self) -> bool {
        self.files.is_empty() && self.removed.is_empty() && self.directories.is_empty()
    }

    /// All changed paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let files = self.files.iter().map(|(path, _)| path);
        files.chain(&self.removed).chain(&self.directories)
    }

    /// Adds those of another sync.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.files.append(&mut others.files);
        self.removed.append(&mut others.removed);
        self.directories.append(&mut others.directories);
    }
}

impl Files {
    /// No file has been scanned, and the process starts now.
    pub(crate) fn new(patterns: Patterns) -> Self {
        Self {
            patterns,
            known: BTreeMap::new(),
            contents: Vec::new(),
            since: now(),
            scans: 0,
        }
    }

    /// The files are as they are now, below these paths.
    pub(crate) fn known(patterns: Patterns, roots: &[Root]) -> Self {
        let mut files = Self::new(patterns);
        // Whatever the clock of a file server says.
        files.since = Some(Duration::MAX);
        files.scan(roots);
        files.since = None;
        files
    }

    /// The process starts now, and has read what changed before `since`, or before now.
    pub(crate) fn start(&mut self, since: Option<Duration>) {
        self.since = self.since.and_then(|_| since.or_else(now));
    }

    /// Scans all files below these paths. Returns those that differ from what they were when the
    /// process started.
    pub(crate) fn scan(&mut self, roots: &[Root]) -> Vec<(PathBuf, Stamp)> {
        self.scans = self.scans.wrapping_add(1);
        let mut changed = Vec::new();
        for root in roots {
            self.walk(&root.path, &mut changed);
        }
        let is_root = |path: &Path| roots.iter().any(|root| path.starts_with(&root.path));
        // What watchexec has reported need not be below these paths.
        let gone = self
            .known
            .iter()
            .filter(|(path, known)| known.scan != self.scans && is_root(path));
        changed.extend(gone.map(|(path, _)| (path.clone(), GONE)));
        changed
    }

    fn walk(&mut self, path: &Path, changed: &mut Vec<(PathBuf, Stamp)>) {
        let Ok(metadata) = path.symlink_metadata() else {
            return;
        };
        let (stamp, scan) = (stamp(&metadata), self.scans);
        let is_old = self
            .since
            .is_some_and(|since| changed_at(&metadata) < since);
        let is_known = match self.known.get_mut(path) {
            Some(known) if !is_old => {
                known.scan = scan;
                known.stamp == stamp
            }
            None if !is_old => false,
            _ => {
                self.remember(path, stamp);
                true
            }
        };
        if !is_known {
            changed.push((path.to_owned(), stamp));
        }
        // The process cannot read a directory that this program cannot read.
        let entries = metadata.is_dir().then(|| fs::read_dir(path));
        for entry in entries.into_iter().flatten().flatten().flatten() {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !self.patterns.matches(&entry.path(), is_directory) {
                self.walk(&entry.path(), changed);
            }
        }
    }

    /// The paths that differ; each may lead to a different file than before. If the process has
    /// just started, files that were rewritten with the same content do not count.
    pub(crate) fn changes<'a>(
        &mut self,
        paths: impl Iterator<Item = (&'a PathBuf, bool)>,
        has_just_started: bool,
    ) -> Changes {
        let mut changes = Changes::default();
        for (path, is_other_file) in paths {
            let known = self.known.get(path).map(|known| known.stamp);
            let Ok(metadata) = path.symlink_metadata() else {
                // A file that was made and is gone again was never known.
                if known.is_some() {
                    changes.removed.push(path.clone());
                }
                continue;
            };
            let stamp = stamp(&metadata);
            let before = self.contents.iter().find(|(one, _)| one == path);
            let has_same_content =
                before.map(|(_, before)| content(path, &metadata).is_ok_and(|now| now == *before));
            let is_same = if known == Some(stamp) {
                // A different file can have the same inode number, size and time: `tar` sets times
                // to the second.
                has_same_content.unwrap_or(!is_other_file || metadata.is_dir())
            } else {
                has_just_started && has_same_content == Some(true)
            };
            if is_same {
                self.remember(path, stamp);
            } else if metadata.is_dir() {
                changes.directories.push(path.clone());
            } else {
                changes.files.push((path.clone(), metadata.len()));
            }
        }
        changes
    }

    /// Notes what these files are: the process will start, and read them.
    pub(crate) fn note<'a>(&mut self, paths: impl ExactSizeIterator<Item = &'a PathBuf>) {
        self.contents.clear();
        let are_compared = paths.len() <= COMPARED;
        for path in paths {
            let metadata = self.learn(path);
            if are_compared
                && let Some(content) = metadata.and_then(|metadata| content(path, &metadata).ok())
            {
                self.contents.push((path.clone(), content));
            }
        }
    }

    /// Takes a file for known, as it is now. Returns its metadata, if it exists.
    pub(crate) fn learn(&mut self, path: &Path) -> Option<Metadata> {
        let metadata = path.symlink_metadata().ok();
        match &metadata {
            Some(metadata) => self.remember(path, stamp(metadata)),
            None => drop(self.known.remove(path)),
        }
        metadata
    }

    fn remember(&mut self, path: &Path, stamp: Stamp) {
        let scan = self.scans;
        self.known.insert(path.to_owned(), Known { stamp, scan });
    }
}

/// What a process that reads a file can tell about it. The entries of a directory do not count:
/// they have stamps of their own.
fn stamp(metadata: &Metadata) -> Stamp {
    let mut hasher = DefaultHasher::new();
    (
        metadata.ino(),
        metadata.mode(),
        metadata.uid(),
        metadata.gid(),
    )
        .hash(&mut hasher);
    if !metadata.is_dir() {
        (metadata.len(), metadata.mtime(), metadata.mtime_nsec()).hash(&mut hasher);
    }
    hasher.finish()
}

/// The time since the epoch, as file systems have it: it advances every few milliseconds.
pub(crate) fn now() -> Option<Duration> {
    time(ClockId::CLOCK_REALTIME_COARSE)
}

/// Waits for a tick of the clock of file systems. Returns a time: no change so far is later, and
/// every further change is.
pub(crate) fn boundary() -> Option<Duration> {
    // Linux 6.13 and newer give some changes the exact time.
    let boundary = time(ClockId::CLOCK_REALTIME)?;
    while now()? <= boundary {
        thread::sleep(TICK);
    }
    Some(boundary)
}

fn time(clock: ClockId) -> Option<Duration> {
    Some(clock_gettime(clock).ok()?.into())
}

/// When the content or the status of a file last changed.
fn changed_at(metadata: &Metadata) -> Duration {
    let [seconds, nanoseconds] = [metadata.ctime(), metadata.ctime_nsec()].map(i64::unsigned_abs);
    Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanoseconds))
}

/// Whether a path last changed by this time. When a path was removed, its directory changed.
pub(crate) fn was_changed_by(path: &Path, time: Duration) -> bool {
    let mut existing = path
        .ancestors()
        .filter_map(|path| path.symlink_metadata().ok());
    existing
        .next()
        .is_some_and(|metadata| changed_at(&metadata) <= time)
}

/// What a small file contains, and its mode.
///
/// # Errors
/// It cannot be read, or it is not compared.
fn content(path: &Path, metadata: &Metadata) -> io::Result<u64> {
    if !metadata.is_file() || metadata.len() > COMPARED_SIZE {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut hasher = DefaultHasher::new();
    metadata.mode().hash(&mut hasher);
    fs::read(path)?.hash(&mut hasher);
    Ok(hasher.finish())
}
