//! The app directory, made writable for the group.
//!
//! The build exports the app's files as the build user's, and run images run as another user of
//! the same group, who could neither replace nor delete a file in a sub-directory. Whoever syncs
//! files into the running container would be refused.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const OWNER_WRITE: u32 = 0o200;
const GROUP: u32 = 0o070;
const GROUP_READ: u32 = 0o040;
const GROUP_WRITE: u32 = 0o020;
const SETUID_OR_SETGID: u32 = 0o6000;

/// The changes to an app directory.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// Files whose mode was changed.
    pub files: usize,
    /// Directories whose mode was changed.
    pub directories: usize,
    /// Paths that could not be read or changed, and why.
    pub failed: Vec<(PathBuf, io::Error)>,
}

/// Makes `directory`, the directories below it and the files that they share with the group
/// writable for the group. Symbolic links are not followed: their targets may lie outside the app.
///
/// Private files stay private: libpq and ssh refuse a key that the group may write. A program with
/// setuid or setgid runs with the rights of its owner or group, whoever may write it has them too.
pub(crate) fn open_for_group(directory: &Path) -> Opened {
    let mut opened = Opened::default();
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        match open(&path) {
            Ok(Entry {
                is_directory,
                changed,
            }) => {
                opened.files += usize::from(changed && !is_directory);
                opened.directories += usize::from(changed && is_directory);
                if is_directory {
                    match children(&path) {
                        Ok(children) => waiting.extend(children),
                        Err(error) => opened.failed.push((path, error)),
                    }
                }
            }
            Err(error) => opened.failed.push((path, error)),
        }
    }
    opened
}

struct Entry {
    is_directory: bool,
    changed: bool,
}

fn open(path: &Path) -> io::Result<Entry> {
    let metadata = fs::symlink_metadata(path)?;
    let mode = metadata.permissions().mode();
    let shared = if metadata.is_dir() {
        mode & GROUP != 0
    } else {
        metadata.is_file() && mode & GROUP_READ != 0 && mode & SETUID_OR_SETGID == 0
    };
    let changed = shared && mode & OWNER_WRITE != 0 && mode & GROUP_WRITE == 0;
    if changed {
        fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 | GROUP_WRITE))?;
    }
    Ok(Entry {
        is_directory: metadata.is_dir(),
        changed,
    })
}

fn children(directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

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
        let opened = open_for_group(app.path());
        assert_eq!((opened.files, opened.directories), (2, 3));
        assert!(opened.failed.is_empty());
        for (name, _, after) in modes {
            assert_eq!(mode(&app.path().join(name)), after, "{name}");
        }
        let again = open_for_group(app.path());
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
        let opened = open_for_group(app.path());
        assert!(opened.failed.is_empty(), "{opened:?}");
        assert_eq!(mode(&outside.path().join("file")), 0o644);
    }

    #[test]
    fn reports_paths_that_cannot_be_changed() {
        let opened = open_for_group(Path::new("/missing/app"));
        assert_eq!(opened.failed.len(), 1);
    }
}
