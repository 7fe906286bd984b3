//! Whether the kernel lets this user watch as many directories as there are.
//!
//! watchexec needs one inotify instance, and one watch for each directory. Without an instance it
//! ends; without watches it says so once, calls it "not fatal", and leaves most directories
//! unwatched.

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs;
use std::path::{Path, PathBuf};

/// What is short.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// This user has no inotify instance left.
    Instances {
        /// How many a user may have, where the system tells.
        limit: Option<usize>,
    },
    /// This user has not enough watches left.
    Watches {
        /// How many a user may have, where the system tells.
        limit: Option<usize>,
    },
}

/// Whether this user has an instance and a watch left.
///
/// # Errors
/// What is short.
pub(crate) fn check(path: &Path) -> Result<(), Shortage> {
    let inotify = match Inotify::init(InitFlags::IN_CLOEXEC) {
        Ok(inotify) => inotify,
        Err(Errno::EMFILE) => {
            return Err(Shortage::Instances {
                limit: limit("max_user_instances"),
            });
        }
        // An error of another kind is watchexec's to tell: it will meet it too.
        Err(_) => return Ok(()),
    };
    match inotify.add_watch(path, AddWatchFlags::IN_ATTRIB) {
        Err(Errno::ENOSPC) => Err(Shortage::Watches {
            limit: limit(MAX_USER_WATCHES),
        }),
        _ => Ok(()),
    }
}

/// The system's limit of watches; one of its files in /proc/sys/fs/inotify (inotify(7)).
const MAX_USER_WATCHES: &str = "max_user_watches";

/// A limit, where the system tells it.
fn limit(name: &str) -> Option<usize> {
    let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
    text.trim().parse().ok()
}

/// A count of the directories at and below paths, up to the number that a user may watch at all.
///
/// What other containers of the same user have taken is not known; between this and none left
/// watchexec will tell. Links to directories are followed once, as watchexec does. Ignored
/// directories count as well, though watchexec leaves them out: this is about orders of magnitude.
#[derive(Debug)]
pub(crate) struct DirectoryCount {
    paths: Vec<PathBuf>,
    limit: usize,
    count: usize,
    to_read: Vec<PathBuf>,
    followed: Vec<PathBuf>,
}

/// How far a count is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There are directories left to read.
    Counting,
    /// All are counted, and fewer than the limit.
    BelowLimit,
    /// There are at least as many as this limit.
    Exceeds(usize),
}

impl DirectoryCount {
    /// A count that is to begin. `None` where the system tells no limit.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Option<Self> {
        Some(Self::up_to(limit(MAX_USER_WATCHES)?, paths))
    }

    fn up_to(limit: usize, paths: Vec<PathBuf>) -> Self {
        let to_read: Vec<_> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
        Self {
            limit,
            count: to_read.len(),
            to_read,
            followed: Vec::new(),
            paths,
        }
    }

    /// Reads one more directory. Thousands of them take tens of milliseconds, which nobody who
    /// waits for an app should have to wait for.
    pub(crate) fn step(&mut self) -> Progress {
        if self.count >= self.limit {
            return Progress::Exceeds(self.limit);
        }
        let Some(directory) = self.to_read.pop() else {
            return Progress::BelowLimit;
        };
        // A directory that cannot be read is not watched either.
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let found = match entry.file_type() {
                Ok(kind) if kind.is_dir() => Some(entry.path()),
                Ok(kind) if kind.is_symlink() => self.follow(&entry.path()),
                _ => None,
            };
            if let Some(directory) = found {
                self.to_read.push(directory);
                self.count += 1;
            }
        }
        Progress::Counting
    }

    /// The directory that a link leads to, unless it is counted anyhow.
    fn follow(&mut self, link: &Path) -> Option<PathBuf> {
        let target = link.canonicalize().ok()?;
        let known = self.paths.iter().any(|path| target.starts_with(path))
            || self.followed.contains(&target);
        if known || !target.is_dir() {
            return None;
        }
        self.followed.push(target.clone());
        Some(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Three directories and what is in them.
    fn tree() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/b")).unwrap();
        fs::write(directory.path().join("a/file"), "").unwrap();
        directory
    }

    fn count(path: &Path) -> usize {
        let mut count = DirectoryCount::up_to(100, vec![path.canonicalize().unwrap()]);
        while count.step() == Progress::Counting {}
        count.count
    }

    #[test]
    fn counts_directories_and_nothing_else() {
        let tree = tree();
        assert_eq!(count(tree.path()), 3);
        assert_eq!(count(&tree.path().join("a/file")), 0);
    }

    #[test]
    fn follows_links_once_and_never_in_circles() {
        let tree = tree();
        let other = tempfile::tempdir().unwrap();
        symlink(tree.path(), tree.path().join("a/b/circle")).unwrap();
        symlink(other.path(), tree.path().join("other")).unwrap();
        symlink(other.path(), tree.path().join("again")).unwrap();
        symlink(other.path(), other.path().join("itself")).unwrap();
        symlink("/missing", tree.path().join("broken")).unwrap();
        assert_eq!(count(tree.path()), 4);
    }

    #[test]
    fn a_small_directory_can_be_watched() {
        let tree = tree();
        // On a machine where nothing is left it is told which.
        match check(tree.path()) {
            Ok(()) => {}
            Err(Shortage::Instances { limit } | Shortage::Watches { limit }) => {
                assert!(limit.is_some());
            }
        }
    }

    #[test]
    fn a_count_ends_at_its_limit() {
        let tree = tree();
        let mut count = DirectoryCount::up_to(2, vec![tree.path().to_owned()]);
        assert_eq!(count.step(), Progress::Counting);
        assert_eq!(count.step(), Progress::Exceeds(2));
        let mut count = DirectoryCount::up_to(4, vec![tree.path().to_owned()]);
        for _ in 0..3 {
            assert_eq!(count.step(), Progress::Counting);
        }
        assert_eq!(count.step(), Progress::BelowLimit);
    }
}
