//! How changes are noticed: by watchexec, which is started again whenever that helps, and by scans
//! of the files.
//!
//! [`watchexec`] is its command line and [`watcher`] its output; [`root`] has the watched paths,
//! and [`files`] what differs from the last start. [`inotify`] and [`file_system`] warn where the
//! kernel reports nothing.

pub(crate) mod file_system;
pub(crate) mod files;
pub(crate) mod inotify;
pub(crate) mod root;
pub(crate) mod watcher;
pub(crate) mod watchexec;

use crate::backoff::Backoff;
use crate::children::describe;
use crate::image::Image;
use crate::output::log;
use files::{Files, Seen};
use nix::unistd::Pid;
use reload_options::Settings;
use root::Root;
use rustix::process::WaitStatus;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use watcher::Watcher;

/// How soon the files are scanned after a start of watchexec. Each further scan comes after twice
/// the time, since nobody can tell how long watchexec takes to watch all directories. It is also
/// the pause after a scan that has found changes while polling.
pub(crate) const FIRST_SCAN: Duration = Duration::from_millis(50);

/// By then watchexec watches all directories: 50,000 took it 4 s on two busy cores.
const LAST_SCAN: Duration = Duration::from_secs(10);

/// A scan is followed by a pause of this many times its duration.
const PAUSE: u32 = 4;

/// How often the watched paths are resolved again, if the user has named any.
const RESOLVE: Duration = Duration::from_secs(1);

/// If watchexec has run for so long, the pause after its end is the shortest one again.
const STABLE: Duration = Duration::from_secs(30);

/// Watches the roots, by watchexec and by scans of the files.
pub(crate) struct Watching<'a> {
    settings: &'a Settings,
    image: &'a Image,
    /// The location of watchexec.
    program: &'a Path,
    roots: Vec<Root>,
    /// The running watchexec; none while polling.
    watcher: Option<Watcher>,
    /// When watchexec starts, if it does not run, and the pauses before that.
    next_start: Option<Instant>,
    backoff: Backoff,
    next_scan: Option<Instant>,
    /// The pause before that scan.
    pause: Duration,
    /// When the roots are resolved again.
    next_resolve: Option<Instant>,
}

impl<'a> Watching<'a> {
    /// Starts to watch. The first scan finds what changes before the directories are watched.
    ///
    /// # Errors
    /// watchexec cannot be run.
    pub(crate) fn start(
        program: &'a Path,
        roots: Vec<Root>,
        settings: &'a Settings,
        image: &'a Image,
    ) -> io::Result<Self> {
        let now = Instant::now();
        let mut watching = Self {
            settings,
            image,
            program,
            watcher: None,
            next_start: None,
            backoff: Backoff::default(),
            next_scan: Some(now),
            pause: Duration::ZERO,
            next_resolve: (!settings.watch.is_empty()).then_some(now),
            roots,
        };
        if settings.poll.is_none() {
            watching.start_watchexec()?;
        }
        Ok(watching)
    }

    fn start_watchexec(&mut self) -> io::Result<()> {
        let paths: Vec<PathBuf> = self.roots.iter().map(|root| root.path.clone()).collect();
        let command = watchexec::command(self.program, self.settings, &paths, self.image);
        self.stop();
        self.watcher = Some(Watcher::start(command, paths)?);
        (self.next_start, self.pause) = (None, FIRST_SCAN);
        self.next_scan = Instant::now().checked_add(FIRST_SCAN);
        Ok(())
    }

    /// The watched paths.
    pub(crate) fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Ends watchexec.
    pub(crate) fn stop(&self) {
        self.watcher.iter().for_each(Watcher::kill);
    }

    /// Whether a process is the running watchexec.
    pub(crate) fn is_watchexec(&self, process: Pid) -> bool {
        self.watcher
            .as_ref()
            .is_some_and(|watcher| watcher.process == process)
    }

    /// The files from which watchexec is read.
    pub(crate) fn files(&self) -> Vec<BorrowedFd<'_>> {
        self.watcher.iter().flat_map(Watcher::files).collect()
    }

    /// Reads what watchexec has reported.
    fn read(&mut self, is_readable: &[bool]) -> Vec<(PathBuf, Seen)> {
        let reported = self
            .watcher
            .as_mut()
            .map(|watcher| watcher.read(is_readable));
        let reported = reported.unwrap_or_default();
        if reported.is_unnamed {
            self.next_scan = Some(Instant::now());
        }
        reported.paths
    }

    /// Notes that a child has ended. If it was watchexec, that is logged, and it will be started
    /// again.
    pub(crate) fn note(&mut self, child: Pid, status: WaitStatus) {
        if let Some(watcher) = self.watcher.take_if(|watcher| watcher.process == child) {
            if watcher.started.elapsed() >= STABLE {
                self.backoff.reset();
            }
            let pause = self.backoff.next();
            self.next_start = Instant::now().checked_add(pause);
            log(format_args!(
                "live-reload: watchexec {}; starting it again in {} s",
                describe(status),
                pause.as_secs()
            ));
        }
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        let retire = self.watcher.as_ref().and_then(Watcher::retire);
        let due = [retire, self.next_start, self.next_scan, self.next_resolve];
        due.into_iter().flatten().min()
    }

    /// Reads those of the files that can be read, and does what is due. Returns the changed paths.
    pub(crate) fn changes(
        &mut self,
        is_readable: &[bool],
        files: &mut Files,
    ) -> Vec<(PathBuf, Seen)> {
        let mut changed = self.read(is_readable);
        // Of a rename, watchexec reports both names if one of them is not ignored.
        changed.retain(|(path, seen)| !seen.is_other_file || !files.patterns.include(path));
        let now = Instant::now();
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let mut moved = Vec::new();
        if is_due(self.next_resolve) {
            self.next_resolve = now.checked_add(RESOLVE);
            moved = self.resolve();
        }
        let retires = is_due(self.watcher.as_ref().and_then(Watcher::retire));
        let is_elsewhere = self.watcher.is_some() && !moved.is_empty();
        changed.append(&mut moved);
        if (retires || is_elsewhere || is_due(self.next_start))
            && let Err(error) = self.start_watchexec()
        {
            log(format_args!(
                "live-reload: watchexec cannot be run ({error})"
            ));
            (self.watcher, self.next_start) = (None, now.checked_add(self.backoff.next()));
        }
        if is_due(self.next_scan) {
            let found = files.scan(&self.roots);
            self.plan_scan(now, !found.is_empty());
            changed.extend(
                found
                    .into_iter()
                    .map(|(path, stamp)| (path, Seen::now(stamp))),
            );
        }
        changed
    }

    /// Plans the scan after one that began at this time.
    fn plan_scan(&mut self, began: Instant, has_found: bool) {
        let pause = match (&self.settings.poll, &self.watcher) {
            (Some(_), _) if has_found => FIRST_SCAN,
            (Some(interval), _) => **interval,
            (None, Some(watcher)) if watcher.started.elapsed() < LAST_SCAN => 2 * self.pause,
            (None, _) => {
                self.next_scan = None;
                return;
            }
        };
        self.pause = pause.max(PAUSE * began.elapsed());
        self.next_scan = Instant::now().checked_add(self.pause);
    }

    /// Resolves the watched paths again. Returns those that lead to a different file now.
    fn resolve(&mut self) -> Vec<(PathBuf, Seen)> {
        let mut changed = Vec::new();
        for root in &mut self.roots {
            // One that is gone can come back.
            if let Ok(now) = Root::of(root.given.clone())
                && now != *root
            {
                changed.push((now.path.clone(), Seen::reported(true)));
                *root = now;
            }
        }
        changed
    }
}
