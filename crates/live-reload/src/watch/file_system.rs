//! File systems that do not report every change.

use crate::output::POLL;
use printable::printable;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

/// File systems on which changes made elsewhere cause no inotify event: the type that mountinfo
/// gives, and a name for people.
///
/// FUSE itself is not listed: fuse-overlayfs holds the layers of rootless containers, which only
/// change from within, and Docker Desktop on a Mac forwards the host's events (`fakeowner`,
/// `fuse.grpcfuse`).
const WITHOUT_EVENTS: [(&str, &str); 12] = [
    ("nfs", "NFS"),
    ("nfs4", "NFS"),
    ("cifs", "SMB"),
    ("smb3", "SMB"),
    ("9p", "9P"),
    ("virtiofs", "virtiofs"),
    ("vboxsf", "a VirtualBox shared folder"),
    ("fuse.vmhgfs-fuse", "a VMware shared folder"),
    ("prl_fs", "a Parallels shared folder"),
    ("fuse.sshfs", "SSHFS"),
    ("ceph", "Ceph"),
    ("fuse.glusterfs", "GlusterFS"),
];

/// A watched path whose changes may go unnoticed.
#[derive(Debug)]
pub(crate) struct Unreported {
    path: PathBuf,
    /// Its file system, for people.
    file_system: &'static str,
}

impl Display for Unreported {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is on {}, which may not report changes made outside of this container.\n\
             If a save goes unnoticed, poll for changes: {POLL}.",
            printable(&self.path),
            self.file_system
        )
    }
}

/// The places among the watched paths and the mount points below them that are on such a file
/// system.
pub(crate) fn unreported(paths: &[PathBuf]) -> Vec<Unreported> {
    // Without /proc no file system is known.
    let mountinfo = fs::read("/proc/self/mountinfo").unwrap_or_default();
    among(paths, &String::from_utf8_lossy(&mountinfo))
}

fn among(paths: &[PathBuf], mountinfo: &str) -> Vec<Unreported> {
    let mounts: Vec<_> = mountinfo.lines().filter_map(mount).collect();
    let below = mounts.iter().map(|(point, _)| point).filter(|point| {
        paths
            .iter()
            .any(|path| point != &path && point.starts_with(path))
    });
    paths
        .iter()
        .chain(below)
        .filter_map(|path| {
            // Of two mounts on the same point the later one is seen.
            let (point, kind) = mounts
                .iter()
                .filter(|(point, _)| path.starts_with(point))
                .max_by_key(|(point, _)| point.as_os_str().len())?;
            // The root belongs to the image. Some sandboxes mount it from such a file system, but
            // it only changes from within.
            if point == Path::new("/") {
                return None;
            }
            let (_, file_system) = WITHOUT_EVENTS.iter().find(|(known, _)| known == kind)?;
            Some(Unreported {
                path: path.clone(),
                file_system,
            })
        })
        .collect()
}

/// The mount point and the type of the file system in a line of a mountinfo file
/// (`proc_pid_mountinfo(5)`: the fifth field, in which blanks, tabs, newlines and backslashes are
/// octal numbers, and the first one after the separator).
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (mount, file_system) = line.split_once(" - ")?;
    let point = mount.split(' ').nth(4)?;
    let plain = point
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\");
    Some((plain.into(), file_system.split(' ').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where changes of these paths go unseen, in a container with the app directory mounted from
    /// elsewhere.
    fn warned_of(paths: &[&str], mounts: &str) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        among(&paths, mounts)
            .into_iter()
            .map(|place| format!("{} {}", place.path.display(), place.file_system))
            .collect()
    }

    #[test]
    fn warns_of_watched_mounts_without_events() {
        let mounts = "22 1 0:5 / / rw - overlay overlay rw\n\
                      36 22 0:9 /mnt1 /workspace rw,noatime master:1 - nfs4 host:/ rw\n\
                      37 36 0:5 / /workspace/two\\040words rw - virtiofs mount0 rw\n\
                      38 22 0:6 / /else rw - 9p mount1 rw\n\
                      broken\n";
        assert_eq!(
            warned_of(&["/workspace"], mounts),
            ["/workspace NFS", "/workspace/two words virtiofs"]
        );
        assert_eq!(
            warned_of(&["/workspace/src"], mounts),
            ["/workspace/src NFS"]
        );
        assert!(warned_of(&["/config"], mounts).is_empty());
    }

    #[test]
    fn heeds_the_later_of_two_mounts() {
        let mounts = "36 22 0:9 / /workspace rw - nfs4 host:/ rw\n\
                      37 36 0:5 / /workspace rw - ext4 /dev/vda rw\n";
        assert!(warned_of(&["/workspace"], mounts).is_empty());
    }

    #[test]
    fn accepts_fuse_file_systems_with_events() {
        for kind in ["fuse.fuse-overlayfs", "fuse.grpcfuse", "fakeowner"] {
            let mounts = format!("36 22 0:9 / /workspace rw - {kind} source rw");
            assert!(warned_of(&["/workspace"], &mounts).is_empty(), "{kind}");
        }
        let mounts = "36 22 0:9 / /workspace rw - fuse.sshfs host: rw";
        assert_eq!(warned_of(&["/workspace"], mounts), ["/workspace SSHFS"]);
    }

    #[test]
    fn names_the_place_and_its_file_system() {
        let unreported = Unreported {
            path: "/workspace/src".into(),
            file_system: "NFS",
        };
        insta::assert_snapshot!(unreported, @"
        /workspace/src is on NFS, which may not report changes made outside of this container.
        If a save goes unnoticed, poll for changes: `docker run --entrypoint reload IMAGE --poll 1s`, or BP_LIVE_RELOAD_POLL=1s at build.
        ");
    }

    #[test]
    fn never_warns_of_the_image_itself() {
        for kind in ["fuse.fuse-overlayfs", "9p", "virtiofs"] {
            let mounts = format!("22 1 0:5 / / rw - {kind} none rw");
            assert!(warned_of(&["/workspace"], &mounts).is_empty(), "{kind}");
        }
    }
}
