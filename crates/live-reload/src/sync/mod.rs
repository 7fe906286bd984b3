//! A sync: changes that belong together, and when it is over.
//!
//! No tool says when it is. A save is one file, complete at once; a checkout is hundreds of them.
//! The longer a sync has been, the longer its next file may take (docs/figures.md has the figures).
//! [`syncs`] has all since the last start, and [`brake`] delays those that the app seems to cause
//! itself.

pub(crate) mod brake;
pub(crate) mod syncs;

use crate::watch::files::{Changes, Seen};
use printable::printable;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for the next of several files, for each file so far.
const GAP_PER_FILE: Duration = Duration::from_millis(5);

/// How long the content of a file that was created may take, or the next file of a sync that has
/// ended once.
const GAP: Duration = Duration::from_millis(250);

/// The longest gap: tools copy by one program, and delete by another.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// Other files that change sooner after a restart belong to the sync before it.
pub(crate) const RESTART: Duration = Duration::from_secs(1);

/// A file of this size is written in parts.
const LARGE: u64 = 1 << 20;

/// The longest pause between two parts, also on a busy disk.
const PART: Duration = Duration::from_millis(100);

/// After this time a sync counts as over: an app can write into its own directory without a pause.
const LONGEST: Duration = Duration::from_secs(10);

/// What the log says of such a sync.
pub(crate) const ENDLESS: &str = ", and files have been changing for 10 s";

/// How long before the end of a sync the process is told to stop. Most take longer than that. It
/// starts again when the sync is over, however long that goes on.
pub(crate) const HEAD_START: Duration = Duration::from_millis(5);

/// How late a timer may be: a tool that writes a file every 20 ms has a pause of a little more than
/// that.
const LATE: Duration = Duration::from_millis(1);

/// Changed paths of a sync that goes on.
#[derive(Debug)]
pub(crate) struct Sync {
    paths: BTreeMap<PathBuf, Seen>,
    /// When the first of them was reported.
    first: Instant,
    /// When the last one was.
    last: Instant,
    /// How long no other path may change before the sync is over; `None` until that is known.
    quiet: Option<Duration>,
    /// When it ends at the earliest.
    delayed: Option<Instant>,
}

impl Sync {
    /// No change has been reported yet.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            paths: BTreeMap::new(),
            first: now,
            last: now,
            quiet: None,
            delayed: None,
        }
    }

    /// Adds a path that has been reported, or that a scan has found changed. Returns whether that
    /// is news.
    pub(crate) fn add(&mut self, path: PathBuf, mut seen: Seen) -> bool {
        let before = self.paths.get(&path).copied();
        seen.is_other_file |= before.is_some_and(|before| before.is_other_file);
        let is_news = seen.stamp.is_none() || before.and_then(|before| before.stamp) != seen.stamp;
        if is_news {
            (self.last, self.quiet) = (Instant::now(), None);
            if before.is_none() && self.delayed.take().is_some() {
                self.first = self.last;
            }
            self.paths.insert(path, seen);
        }
        is_news
    }

    /// The changed paths, each with whether it may lead to a different file now.
    pub(crate) fn seen(&self) -> impl Iterator<Item = (&PathBuf, bool)> {
        self.paths
            .iter()
            .map(|(path, seen)| (path, seen.is_other_file))
    }

    /// The changed paths.
    pub(crate) fn paths(&self) -> impl ExactSizeIterator<Item = &PathBuf> {
        self.paths.keys()
    }

    /// How long after a start the first change came.
    pub(crate) fn since(&self, start: Instant) -> Duration {
        self.first.saturating_duration_since(start)
    }

    /// Whether the sync has gone on for so long that it counts as over.
    pub(crate) fn is_endless(&self, now: Instant) -> bool {
        let [all, quiet] = [self.first, self.last].map(|at| now.saturating_duration_since(at));
        all >= LONGEST && quiet < self.quiet.unwrap_or_default()
    }

    /// When the sync is over, if nothing else changes. Until `shortest` after the last change, that
    /// is not known.
    pub(crate) fn end(&self, shortest: Duration) -> Option<Instant> {
        let quiet = self.quiet.unwrap_or(shortest).saturating_add(LATE);
        let end = self
            .last
            .checked_add(quiet)
            .min(self.first.checked_add(LONGEST));
        self.delayed.or(end)
    }

    /// Delays the end, unless other files change by then.
    pub(crate) fn delay(&mut self, delay: Duration) {
        self.delayed = Instant::now().checked_add(delay);
    }

    /// What is left of the sync when its changes have been dealt with: others may follow until its
    /// end.
    pub(crate) fn rest(mut self) -> Self {
        self.paths.clear();
        self
    }

    /// Whether the end has been delayed.
    pub(crate) const fn is_delayed(&self) -> bool {
        self.delayed.is_some()
    }

    /// Whether the sync is over, which is only known when its changes are. `before` are those of
    /// the last start, unless it was the first one: no sync came before that.
    pub(crate) fn is_over(
        &mut self,
        now: Instant,
        changes: &Changes,
        start: Instant,
        before: &Changes,
        shortest: Duration,
    ) -> bool {
        let follows = self.since(start) < RESTART && !before.is_empty();
        let gap = || gap(changes, follows.then_some(before), shortest);
        let quiet = *self.quiet.get_or_insert_with(gap);
        let is_quiet = now.saturating_duration_since(self.last) >= quiet;
        self.is_delayed() || self.is_endless(now) || is_quiet
    }
}

/// How long the next change of a sync may take after these. `before` are those of a start less than
/// a second ago.
fn gap(changes: &Changes, before: Option<&Changes>, shortest: Duration) -> Duration {
    let files = &changes.files;
    if files.is_empty() && !changes.is_empty() {
        return shortest.saturating_add(LONGEST_GAP);
    }
    let is_large = files.iter().any(|(_, size)| *size >= LARGE);
    // Tools create a file, and then write it.
    let is_incomplete = !changes.directories.is_empty() || files.iter().any(|(_, size)| *size == 0);
    let is_slow = before.is_some_and(|before| {
        let is_other = |path: &PathBuf| before.files.iter().all(|(one, _)| one != path);
        is_large || files.iter().any(|(path, _)| is_other(path))
    });
    let least = if is_incomplete || is_slow {
        shortest.saturating_add(GAP)
    } else if is_large {
        PART.max(shortest)
    } else {
        shortest
    };
    let count = match u32::try_from(files.len()) {
        Ok(0 | 1) => 0,
        count => count.unwrap_or(u32::MAX),
    };
    let gap = GAP_PER_FILE.saturating_mul(count).min(LONGEST_GAP);
    gap.max(least)
}

/// Names the first changed file and counts the others. A path that is gone counts only if no file
/// has changed, since editors delete files of their own; a directory only if no path is gone.
pub(crate) fn summary(changes: &Changes, app: &Path) -> String {
    let files: Vec<&PathBuf> = changes.files.iter().map(|(path, _)| path).collect();
    let kinds = [
        files,
        changes.removed.iter().collect(),
        changes.directories.iter().collect(),
    ];
    let paths = kinds
        .into_iter()
        .find(|paths| !paths.is_empty())
        .unwrap_or_default();
    let first = paths.first().map_or(app, |path| path.as_path());
    let below = first
        .strip_prefix(app)
        .ok()
        .filter(|path| *path != Path::new(""));
    let first = printable(below.unwrap_or(first));
    match paths.len() {
        0 | 1 => first.to_string(),
        2 => format!("{first} and 1 other file"),
        more => format!("{first} and {} other files", more.saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(files: &[(&str, u64)], removed: &[&str], directories: &[&str]) -> Changes {
        let paths = |paths: &[&str]| {
            paths
                .iter()
                .map(|path| Path::new("/app").join(path))
                .collect()
        };
        Changes {
            files: files
                .iter()
                .map(|(path, size)| (Path::new("/app").join(path), *size))
                .collect(),
            removed: paths(removed),
            directories: paths(directories),
        }
    }

    #[test]
    fn names_the_first_changed_file_and_counts_the_others() {
        let app = Path::new("/app");
        for (changes, expected) in [
            (
                changes(&[("app.py", 1)], &[".app.py~"], &["static"]),
                "app.py",
            ),
            (
                changes(&[("app.py", 1), ("b.py", 1)], &[], &[]),
                "app.py and 1 other file",
            ),
            (
                changes(&[("a", 1), ("b", 1), ("c", 1)], &[], &[]),
                "a and 2 other files",
            ),
            (changes(&[], &["gone.py"], &["static"]), "gone.py"),
            (changes(&[], &[], &["static"]), "static"),
            (changes(&[("/etc/hosts", 1)], &[], &[]), "/etc/hosts"),
            (changes(&[], &[], &[""]), "/app/"),
            (
                changes(&[("a\nb\u{1b}]52;c", 1)], &[], &[]),
                "a\\nb\\u{1b}]52;c",
            ),
        ] {
            assert_eq!(summary(&changes, app), expected);
        }
    }

    #[test]
    fn waits_longer_for_changes_that_usually_continue() {
        let shortest = Duration::from_millis(20);
        let milliseconds = |changes: &Changes, before: Option<&Changes>| {
            gap(changes, before, shortest).as_millis()
        };
        let one = changes(&[("a", 1)], &[], &[]);
        let many: Vec<(String, u64)> = (0..500).map(|file| (file.to_string(), 1)).collect();
        let many: Vec<(&str, u64)> = many
            .iter()
            .map(|(path, size)| (path.as_str(), *size))
            .collect();
        let large = changes(&[("a", LARGE)], &[], &[]);
        let removed = changes(&[], &["a", "b"], &["d"]);
        for (changes, quiet) in [
            (&one, 20),
            // An editor deletes its temporary files.
            (&changes(&[("a", 1)], &["a~"], &[]), 20),
            (&changes(&many[..10], &[], &[]), 50),
            (&changes(&many[..100], &[], &[]), 500),
            (&changes(&many, &[], &[]), 1000),
            (&large, 100),
            (&changes(&[("a", 0)], &[], &[]), 270),
            (&changes(&[("d/a", 1)], &[], &["d"]), 270),
            (&changes(&many, &[], &["d"]), 1000),
            (&removed, 1020),
            (&changes(&[], &[], &["d"]), 1020),
            // Nothing differs, so nothing is waited for.
            (&Changes::default(), 20),
        ] {
            assert_eq!(milliseconds(changes, None), quiet, "{changes:?}");
        }
        assert_eq!(milliseconds(&one, Some(&one)), 20);
        assert_eq!(milliseconds(&one, Some(&large)), 20);
        assert_eq!(milliseconds(&one, Some(&removed)), 270);
        assert_eq!(milliseconds(&large, Some(&large)), 270);
        assert_eq!(milliseconds(&changes(&many, &[], &[]), Some(&one)), 1000);
    }

    #[test]
    fn reports_only_new_states_as_changes() {
        let mut sync = Sync::new();
        let path = || PathBuf::from("/app/a");
        let seen = |stamp| Seen {
            stamp,
            is_other_file: false,
        };
        assert!(sync.add(path(), seen(None)));
        assert!(sync.add(path(), seen(None)));
        assert!(sync.add(path(), seen(Some(1))));
        assert!(!sync.add(path(), seen(Some(1))));
        assert!(sync.add(path(), seen(Some(2))));
    }
}
