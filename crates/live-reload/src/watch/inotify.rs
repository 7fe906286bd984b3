//! The kernel's limits for watching files.
//!
//! watchexec needs one inotify instance, and one watch for each directory. Without an instance it
//! ends; where watches run out it says so once, calls it "not fatal", and leaves the other
//! directories unwatched.

use crate::output::POLL;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs;
use std::path::Path;

/// A limit of the kernel that this user has reached, with its value where the system tells it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Shortage {
    /// This user has no inotify instance left.
    #[error(
        "No inotify instance is left to watch files with{0}.\n\
         All containers and programs of a user share this limit of the host. Raise it there: \
         `sysctl fs.inotify.max_user_instances=1024`. Or poll for changes: {POLL}."
    )]
    Instances(String),
    /// This user has no watch left.
    #[error(
        "No inotify watch is left{0}, so most changes will go unnoticed.\n\
         All containers and programs of a user share this limit of the host. Raise it there: \
         `sysctl fs.inotify.max_user_watches=524288`. Or poll for changes: {POLL}."
    )]
    Watches(String),
}

/// Checks that this user has an instance and a watch left.
///
/// # Errors
/// The limit that has been reached.
pub(crate) fn check(path: &Path) -> Result<(), Shortage> {
    let inotify = match Inotify::init(InitFlags::IN_CLOEXEC) {
        Ok(inotify) => inotify,
        Err(Errno::EMFILE) => return Err(Shortage::Instances(limit("max_user_instances"))),
        // watchexec will meet an error of another kind too, and report it.
        Err(_) => return Ok(()),
    };
    match inotify.add_watch(path, AddWatchFlags::IN_ATTRIB) {
        Err(Errno::ENOSPC) => Err(Shortage::Watches(limit("max_user_watches"))),
        _ => Ok(()),
    }
}

/// A limit in /proc/sys/fs/inotify (inotify(7)), for a sentence; empty where the system does not
/// tell it.
fn limit(name: &str) -> String {
    fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).map_or_else(
        |_| String::new(),
        |limit| format!(" (the limit is {})", limit.trim()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn watches_a_directory() {
        // On a machine where a limit is reached the error has it.
        if let Err(error) = check(Path::new("/")) {
            assert!(error.to_string().contains("(the limit is "), "{error}");
        }
    }

    #[test]
    fn names_the_limit_and_the_ways_around_it() {
        assert_snapshot!(Shortage::Instances(" (the limit is 128)".to_owned()), @"
        No inotify instance is left to watch files with (the limit is 128).
        All containers and programs of a user share this limit of the host. Raise it there: `sysctl fs.inotify.max_user_instances=1024`. Or poll for changes: `docker run --entrypoint reload IMAGE --poll 1s`, or BP_LIVE_RELOAD_POLL=1s at build.
        ");
        assert_snapshot!(Shortage::Watches(" (the limit is 8192)".to_owned()), @"
        No inotify watch is left (the limit is 8192), so most changes will go unnoticed.
        All containers and programs of a user share this limit of the host. Raise it there: `sysctl fs.inotify.max_user_watches=524288`. Or poll for changes: `docker run --entrypoint reload IMAGE --poll 1s`, or BP_LIVE_RELOAD_POLL=1s at build.
        ");
    }

    #[test]
    fn leaves_out_an_unknown_limit() {
        let text = Shortage::Watches(String::new()).to_string();
        assert!(text.contains("No inotify watch is left, so"), "{text}");
    }

    #[test]
    fn reads_limits() {
        assert_eq!(limit("max_user_missing"), "");
        // Some sandboxes have no such file.
        if let Ok(number) = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches") {
            let expected = format!(" (the limit is {})", number.trim());
            assert_eq!(limit("max_user_watches"), expected);
        }
    }
}
