//! Makes the app directory writable for the group.
//!
//! The files of an image belong to the build user. Many run images run as a different user of the
//! same group, who without this could not replace or delete a file in a subdirectory: every sync
//! into the running container would fail.
//!
//! Modes are changed through descriptors that were opened without following links: nothing outside
//! the app directory changes, even if its files are replaced at the same time.

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fchmod, fstat, statat};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use watchexec_release::files::{children, open};

/// The changes to an app directory.
#[derive(Debug, Default)]
pub(crate) struct GroupWritable {
    /// Files whose mode was changed.
    pub files: usize,
    /// Directories whose mode was changed.
    pub directories: usize,
    /// Paths that could not be read or changed, and why.
    pub failed: Vec<(PathBuf, io::Error)>,
}

/// Makes `directory`, the directories below it and the files that they share with the group
/// writable for the group.
///
/// Private files stay private: libpq and ssh refuse a key that the group may write. Setuid and
/// setgid files are left alone: whoever can write them has the rights of their owner or group.
pub(crate) fn make_group_writable(directory: &Path) -> GroupWritable {
    let mut walk = Walk::default();
    if let Err(error) = walk.directory(CWD, directory.as_os_str(), directory) {
        walk.changed.failed.push((directory.to_owned(), error));
    }
    while let Some((parent, path)) = walk.waiting.pop() {
        let name = path.file_name().unwrap_or_default();
        if let Err(error) = walk.entry(&parent, name, &path) {
            walk.changed.failed.push((path, error));
        }
    }
    walk.changed
}

#[derive(Default)]
struct Walk {
    changed: GroupWritable,
    /// Entries to change, each with its directory, which is closed after its last entry.
    waiting: Vec<(Rc<OwnedFd>, PathBuf)>,
}

impl Walk {
    fn entry(&mut self, parent: &OwnedFd, name: &OsStr, path: &Path) -> io::Result<()> {
        let seen = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(seen.st_mode) {
            FileType::Directory => self.directory(parent, name, path),
            FileType::RegularFile if writable_mode(&seen).is_some() => {
                let file = open(parent, name, OFlags::NONBLOCK)?;
                // By now the name may belong to a different file.
                let stat = fstat(&file)?;
                if stat.st_nlink != 1 {
                    let why = "it has hard links, which may be outside the app directory";
                    return Err(io::Error::other(why));
                }
                if let Some(mode) = writable_mode(&stat) {
                    fchmod(file, mode)?;
                    self.changed.files += 1;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn directory(&mut self, parent: impl AsFd, name: &OsStr, path: &Path) -> io::Result<()> {
        let directory = Rc::new(open(parent, name, OFlags::DIRECTORY)?);
        if let Some(mode) = writable_mode(&fstat(&directory)?) {
            fchmod(&directory, mode)?;
            self.changed.directories += 1;
        }
        for name in children(&directory)? {
            self.waiting.push((Rc::clone(&directory), path.join(name)));
        }
        Ok(())
    }
}

/// The mode with which the group may write, if that has to be changed.
fn writable_mode(stat: &Stat) -> Option<Mode> {
    let mode = Mode::from_raw_mode(stat.st_mode);
    let is_shared = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => mode.intersects(Mode::RWXG),
        FileType::RegularFile => {
            mode.contains(Mode::RGRP) && !mode.intersects(Mode::SUID | Mode::SGID)
        }
        _ => false,
    };
    (is_shared && mode.contains(Mode::WUSR) && !mode.contains(Mode::WGRP))
        .then_some(mode | Mode::WGRP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{mkdirat, mkfifoat, renameat_with};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn file(path: &Path, mode: u32) {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn makes_only_directories_and_shared_files_group_writable() {
        let app = tempfile::tempdir().unwrap();
        let modes = [
            ("file", 0o644, 0o664),
            ("program", 0o755, 0o775),
            ("writable", 0o664, 0o664),
            ("read-only", 0o444, 0o444),
            ("private", 0o600, 0o600),
            ("private-program", 0o700, 0o700),
            ("unreadable", 0o604, 0o604),
            ("setuid", 0o4755, 0o4755),
            ("setgid", 0o2755, 0o2755),
            ("folder/", 0o755, 0o775),
            ("setgid-folder/", 0o2755, 0o2775),
            ("sticky-folder/", 0o1755, 0o1775),
            ("private-folder/", 0o700, 0o700),
        ];
        for (name, before, _) in modes {
            let path = app.path().join(name);
            if name.ends_with('/') {
                fs::create_dir(&path).unwrap();
            } else {
                fs::write(&path, "").unwrap();
            }
            fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
        }
        fs::set_permissions(app.path(), Permissions::from_mode(0o777)).unwrap();
        let changed = make_group_writable(app.path());
        assert_eq!((changed.files, changed.directories), (2, 3));
        assert!(changed.failed.is_empty());
        for (name, _, after) in modes {
            assert_eq!(mode(&app.path().join(name)), after, "{name}");
        }
        let again = make_group_writable(app.path());
        assert_eq!((again.files, again.directories), (0, 0));
    }

    #[test]
    fn follows_no_links() {
        let app = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        file(&outside.path().join("file"), 0o644);
        symlink(outside.path(), app.path().join("folder")).unwrap();
        symlink(outside.path().join("file"), app.path().join("file")).unwrap();
        symlink("/missing", app.path().join("dangling")).unwrap();
        let changed = make_group_writable(app.path());
        assert!(changed.failed.is_empty(), "{changed:?}");
        assert_eq!(mode(&outside.path().join("file")), 0o644);
    }

    #[test]
    fn changes_no_file_with_hard_links() {
        let app = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir_in(app.path().parent().unwrap()).unwrap();
        file(&outside.path().join("file"), 0o644);
        fs::hard_link(outside.path().join("file"), app.path().join("file")).unwrap();
        let changed = make_group_writable(app.path());
        assert_eq!(mode(&outside.path().join("file")), 0o644);
        let [(path, why)] = changed.failed.try_into().unwrap();
        assert_eq!(path, app.path().join("file"));
        let expected = "it has hard links, which may be outside the app directory";
        assert_eq!(why.to_string(), expected);
    }

    /// Entries of the app become links to a directory and a file outside, and back, all the time.
    #[test]
    fn follows_no_link_that_appears_meanwhile() {
        let app = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("file");
        file(&secret, 0o644);
        fs::set_permissions(outside.path(), Permissions::from_mode(0o755)).unwrap();
        let swapped = [
            (app.path().join("folder"), app.path().join("folder-link")),
            (app.path().join("file"), app.path().join("file-link")),
            (app.path().join("linked"), app.path().join("hard-link")),
        ];
        fs::create_dir(&swapped[0].0).unwrap();
        symlink(outside.path(), &swapped[0].1).unwrap();
        symlink(&secret, &swapped[1].1).unwrap();
        file(&swapped[1].0, 0o644);
        file(&swapped[2].0, 0o644);
        fs::hard_link(&secret, &swapped[2].1).unwrap();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for (one, other) in &swapped {
                        let exchange = rustix::fs::RenameFlags::EXCHANGE;
                        renameat_with(CWD, one, CWD, other, exchange).unwrap();
                    }
                }
            });
            for _ in 0..500 {
                make_group_writable(app.path());
                // Reset what was changed in the app.
                for path in [&swapped[1].0, &swapped[1].1] {
                    let file = open(CWD, path.as_os_str(), OFlags::empty());
                    let _ = file.map(|file| fchmod(file, Mode::from_raw_mode(0o644)));
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(mode(&secret), 0o644);
        assert_eq!(mode(outside.path()), 0o755);
    }

    #[test]
    fn opens_no_fifo() {
        let app = tempfile::tempdir().unwrap();
        let fifo = app.path().join("fifo");
        mkfifoat(CWD, &fifo, Mode::from_raw_mode(0o644)).unwrap();
        assert!(make_group_writable(app.path()).failed.is_empty());
        assert_eq!(mode(&fifo), 0o644);
    }

    #[test]
    fn changes_deep_and_wide_directories() {
        // More than a process may have open.
        const DEPTH: usize = 3_000;
        const WIDTH: usize = 5_000;
        let app = tempfile::tempdir().unwrap();
        fs::set_permissions(app.path(), Permissions::from_mode(0o700)).unwrap();
        let mut directory = open(CWD, app.path().as_os_str(), OFlags::DIRECTORY).unwrap();
        for _ in 0..DEPTH {
            mkdirat(&directory, "d", Mode::from_raw_mode(0o755)).unwrap();
            directory = open(&directory, "d".as_ref(), OFlags::DIRECTORY).unwrap();
        }
        for number in 0..WIDTH {
            mkdirat(&directory, number.to_string(), Mode::from_raw_mode(0o755)).unwrap();
        }
        let changed = make_group_writable(app.path());
        assert!(changed.failed.is_empty(), "{:?}", changed.failed.len());
        // The temporary directory itself is private.
        assert_eq!(changed.directories, DEPTH + WIDTH);
        let removed = Command::new("rm").arg("-rf").arg(app.path()).status();
        assert!(removed.unwrap().success());
    }

    #[test]
    fn reports_paths_that_cannot_be_changed() {
        let changed = make_group_writable(Path::new("/missing/app"));
        assert_eq!(changed.failed.len(), 1);
    }
}
