//! Whether the kernel lets this user watch anything.
//!
//! watchexec needs one inotify instance, and one watch for each directory. Without an instance it
//! ends; where watches run out it says so once, calls it "not fatal", and leaves the other
//! directories unwatched.

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs;
use std::path::Path;

/// What is short.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// This user has no inotify instance left.
    Instances {
        /// How many a user may have, where the system tells.
        limit: Option<usize>,
    },
    /// This user has no watch left.
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
            limit: limit("max_user_watches"),
        }),
        _ => Ok(()),
    }
}

/// A limit in /proc/sys/fs/inotify (inotify(7)), where the system tells it.
fn limit(name: &str) -> Option<usize> {
    let text = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_can_be_watched() {
        // On a machine where nothing is left it is told which.
        match check(Path::new("/")) {
            Ok(()) => {}
            Err(Shortage::Instances { limit } | Shortage::Watches { limit }) => {
                assert!(limit.is_some());
            }
        }
    }
}
