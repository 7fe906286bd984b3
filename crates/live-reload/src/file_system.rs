//! File systems that do not report every change.

use nix::sys::statfs;
use std::fs;
use std::path::{Path, PathBuf};

/// File systems on which changes made elsewhere cause no inotify event: the number that statfs(2)
/// gives, and a name for people. Linux has the numbers in include/uapi/linux/magic.h and in the
/// file systems' own sources.
const WITHOUT_EVENTS: [(i64, &str); 8] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x517b, "SMB"),
    (0x0102_1997, "9P"),
    (0x786f_4256, "a VirtualBox shared folder"),
    (0x6573_5546, "FUSE"),
    (0x00c3_6400, "Ceph"),
];

/// A watched place whose changes may go unseen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreported {
    /// The place.
    pub(crate) path: PathBuf,
    /// Its file system, for people.
    pub(crate) file_system: &'static str,
}

/// The places among the watched paths and the mount points below them that are on such a file
/// system.
pub(crate) fn unreported(paths: &[PathBuf]) -> Vec<Unreported> {
    // Without /proc the watched paths themselves are all that is known.
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let below = mount_points(&mounts).filter(|mount| {
        paths
            .iter()
            .any(|path| mount != path && mount.starts_with(path))
    });
    paths
        .iter()
        .cloned()
        .chain(below)
        .filter_map(|path| {
            let file_system = without_events(&path)?;
            Some(Unreported { path, file_system })
        })
        .collect()
}

/// The name of the path's file system, where that is one without events.
fn without_events(path: &Path) -> Option<&'static str> {
    // The type of the number differs between architectures, and some sign-extend it.
    #[allow(clippy::unnecessary_cast)]
    let number = statfs::statfs(path).ok()?.filesystem_type().0 as i64 & 0xffff_ffff;
    WITHOUT_EVENTS
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, name)| *name)
}

/// The mount points in the text of a mountinfo file (`proc_pid_mountinfo(5)`: the fifth field, in
/// which blanks, tabs, newlines and backslashes are octal numbers).
fn mount_points(mountinfo: &str) -> impl Iterator<Item = PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|field| {
            let plain = field
                .replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
            PathBuf::from(plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mount_points() {
        let mountinfo = "36 35 98:0 /mnt1 /workspace/src rw,noatime master:1 - ext3 /dev/root rw\n\
                         37 35 0:5 / /workspace/two\\040words rw - nfs4 host:/ rw\n\
                         broken\n";
        let points: Vec<PathBuf> = mount_points(mountinfo).collect();
        assert_eq!(
            points,
            [
                Path::new("/workspace/src"),
                Path::new("/workspace/two words")
            ]
        );
    }

    #[test]
    fn a_local_directory_reports_its_changes() {
        // /proc has events of no kind, but is none that people keep files in.
        assert_eq!(without_events(Path::new("/proc")), None);
        assert_eq!(without_events(Path::new("/missing")), None);
    }
}
