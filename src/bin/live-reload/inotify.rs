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

/// Whether there is enough to watch these paths.
///
/// What other containers of the same user have taken is not known, so this finds that nothing is
/// left, and that the limit is below what is needed; between the two watchexec will tell.
///
/// # Errors
/// What is short.
pub(crate) fn check(paths: &[PathBuf]) -> Result<(), Shortage> {
    let limit = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse::<usize>().ok()
    };
    let inotify = match Inotify::init(InitFlags::IN_CLOEXEC) {
        Err(Errno::EMFILE) => {
            return Err(Shortage::Instances {
                limit: limit("max_user_instances"),
            });
        }
        // An error of another kind is watchexec's to tell: it will meet it too.
        inotify => inotify.ok(),
    };
    let watches = limit("max_user_watches");
    let none_left = inotify.zip(paths.first()).is_some_and(|(inotify, path)| {
        inotify.add_watch(path.as_path(), AddWatchFlags::IN_ATTRIB) == Err(Errno::ENOSPC)
    });
    if none_left || watches.is_some_and(|limit| has_directories(paths, limit)) {
        return Err(Shortage::Watches { limit: watches });
    }
    Ok(())
}

/// Whether there are at least `wanted` directories at and below these paths; counts no further.
///
/// Links to directories are followed once, as watchexec does. Ignored directories count as well,
/// though watchexec leaves them out: this is about orders of magnitude.
fn has_directories(paths: &[PathBuf], wanted: usize) -> bool {
    let mut to_read: Vec<PathBuf> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
    let mut followed: Vec<PathBuf> = Vec::new();
    let mut count = to_read.len();
    while count < wanted {
        let Some(directory) = to_read.pop() else {
            return false;
        };
        // A directory that cannot be read is not watched either.
        let Ok(entries) = fs::read_dir(directory) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => to_read.push(entry.path()),
                Ok(kind) if kind.is_symlink() => {
                    let Some(target) = linked_directory(&entry.path(), paths) else {
                        continue;
                    };
                    if followed.contains(&target) {
                        continue;
                    }
                    followed.push(target.clone());
                    to_read.push(target);
                }
                _ => continue,
            }
            count += 1;
        }
    }
    true
}

/// The directory that a link leads to, unless it is counted anyhow.
fn linked_directory(link: &Path, counted: &[PathBuf]) -> Option<PathBuf> {
    let target = link.canonicalize().ok()?;
    let new = target.is_dir() && !counted.iter().any(|path| target.starts_with(path));
    new.then_some(target)
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
        let paths = [path.canonicalize().unwrap()];
        (1..100)
            .take_while(|wanted| has_directories(&paths, *wanted))
            .count()
    }

    #[test]
    fn counts_directories_and_nothing_else() {
        let tree = tree();
        assert_eq!(count(tree.path()), 3);
        assert!(!has_directories(&[tree.path().join("a/file")], 1));
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
        // On a machine where nothing is left this is what the check is for.
        match check(&[tree.path().to_owned()]) {
            Ok(()) | Err(Shortage::Instances { .. }) => {}
            Err(shortage) => assert!(
                matches!(shortage, Shortage::Watches { limit: Some(limit) } if limit > 3),
                "{shortage:?}"
            ),
        }
    }
}
