//! The files of a watchexec release that are installed, and where.

use crate::checksum::{self, Checksum};
use fs_err as fs;
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The directory of programs in a layer, which the lifecycle puts on PATH.
const BIN: &str = "bin";
/// Larger than any file of a release.
const LARGEST: u64 = 256 << 20;

/// A file of a release that is installed. Its manual, logo and completions are of no use in an
/// image.
#[derive(Debug, PartialEq, Eq)]
pub struct ReleaseFile {
    /// Its name in the archive.
    pub name: &'static str,
    /// Its path in a layer.
    pub path: &'static str,
    /// Its mode.
    pub mode: u32,
}

/// The program.
pub const PROGRAM: ReleaseFile = ReleaseFile {
    name: "watchexec",
    path: "bin/watchexec",
    mode: 0o755,
};
/// Its licence, which asks to go where the program goes.
pub const LICENSE: ReleaseFile = ReleaseFile {
    name: "LICENSE",
    path: "LICENSE",
    mode: 0o644,
};

impl ReleaseFile {
    /// Writes everything that `reader` gives to the file's place below `directory`. Returns its
    /// checksum and the open file.
    ///
    /// # Errors
    /// The outer error is that of writing, the inner one that of `reader`.
    pub(crate) fn install(
        &self,
        reader: impl Read,
        directory: &Path,
    ) -> io::Result<io::Result<(Checksum, File)>> {
        let mut file = new_file(directory, self.path, self.mode)?;
        let copied = checksum::copy(reader, |piece| file.write_all(piece))?;
        Ok(copied.map(|checksum| (checksum, file.into_file())))
    }
}

/// Writes a file with a mode below `directory`, and the directories that lead to it with mode 0755,
/// under any umask. The file must not exist: no link that was planted there is followed.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn create(directory: &Path, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
    new_file(directory, path, mode)?.write_all(content)
}

fn new_file(directory: &Path, path: &str, mode: u32) -> io::Result<fs::File> {
    let path = directory.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    for parent in path.ancestors().skip(1) {
        fs::set_permissions(parent, Permissions::from_mode(0o755))?;
        if parent == directory {
            break;
        }
    }
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// The checksums of the installed files of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// That of the program.
    pub program: Checksum,
    /// That of its licence, if the archive contains one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<Checksum>,
}

impl Installed {
    /// All files with their checksums.
    pub fn files(&self) -> impl Iterator<Item = (&'static ReleaseFile, Checksum)> {
        let license = self.license.map(|checksum| (&LICENSE, checksum));
        std::iter::once((&PROGRAM, self.program)).chain(license)
    }

    /// Verifies that `directory` contains these files with the installed content, and nothing else.
    /// No link is followed. Returns the open program.
    ///
    /// # Errors
    /// The path of a file that is missing, different or not one of these.
    pub fn verify(&self, directory: &Path) -> Result<File, PathBuf> {
        let root = open(CWD, directory.as_os_str(), OFlags::DIRECTORY).map_err(|_| BIN)?;
        let bin = open(&root, BIN.as_ref(), OFlags::DIRECTORY).map_err(|_| BIN)?;
        let program = verified(&bin, &PROGRAM, self.program).ok_or(PROGRAM.path)?;
        let mut names = vec![BIN];
        if let Some(license) = self.license {
            verified(&root, &LICENSE, license).ok_or(LICENSE.path)?;
            names.push(LICENSE.name);
        }
        for (folder, directory, expected) in [("", root, &*names), (BIN, bin, &[PROGRAM.name])] {
            let mut names = children(&directory).map_err(|_| folder)?.into_iter();
            if let Some(other) = names.find(|name| !expected.iter().any(|known| name == known)) {
                return Err(Path::new(folder).join(other));
            }
        }
        Ok(program)
    }
}

/// Opens a file of an open directory, if it is regular and has the installed mode and content.
fn verified(directory: &OwnedFd, of: &ReleaseFile, checksum: Checksum) -> Option<File> {
    let mut file = File::from(open(directory, of.name.as_ref(), OFlags::NONBLOCK).ok()?);
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o7777 != of.mode {
        return None;
    }
    let found = checksum::copy((&file).take(LARGEST), |_| Some(()).ok_or(()));
    file.rewind().ok()?;
    (found.ok()?.ok()? == checksum).then_some(file)
}

/// Opens a file or a directory, but not through a link.
///
/// # Errors
/// The system's error.
pub fn open(directory: impl AsFd, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

/// The names in an open directory.
///
/// # Errors
/// The directory cannot be read.
pub fn children(directory: &OwnedFd) -> rustix::io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn layer() -> (TempDir, Installed) {
        let directory = tempfile::tempdir().unwrap();
        let install = |file: ReleaseFile, content: &[u8]| {
            let (checksum, _) = file.install(content, directory.path()).unwrap().unwrap();
            checksum
        };
        let installed = Installed {
            program: install(PROGRAM, b"content"),
            license: Some(install(LICENSE, b"license")),
        };
        (directory, installed)
    }

    #[test]
    fn installs_files_with_their_mode() {
        let (directory, installed) = layer();
        assert_eq!(installed.program, Checksum::of(b"content"));
        for (path, mode) in [("bin/watchexec", 0o755), ("LICENSE", 0o644)] {
            let metadata = fs::metadata(directory.path().join(path)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o7777, mode);
        }
    }

    #[test]
    fn refuses_to_overwrite_a_file() {
        let (directory, _) = layer();
        let again = PROGRAM.install(&b"other"[..], directory.path());
        let error = again.unwrap_err();
        assert!(error.to_string().contains("bin/watchexec"), "{error}");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn returns_the_verified_program() {
        let (directory, installed) = layer();
        let mut program = installed.verify(directory.path()).unwrap();
        let mut content = String::new();
        program.read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
    }

    #[test]
    fn finds_every_difference_of_a_restored_layer() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 14] = [
            ("bin/watchexec", |layer| {
                // The same size and mode.
                fs::write(layer.join("bin/watchexec"), "CONTENT").unwrap();
            }),
            ("bin/watchexec", |layer| {
                fs::remove_file(layer.join("bin/watchexec")).unwrap();
            }),
            ("bin/watchexec", |layer| {
                let mode = Permissions::from_mode(0o4755);
                fs::set_permissions(layer.join("bin/watchexec"), mode).unwrap();
            }),
            ("bin/watchexec", |layer| {
                let elsewhere = layer.with_extension("program");
                fs::rename(layer.join("bin/watchexec"), &elsewhere).unwrap();
                symlink(elsewhere, layer.join("bin/watchexec")).unwrap();
            }),
            ("bin/watchexec", |layer| {
                fs::remove_file(layer.join("bin/watchexec")).unwrap();
                fs::create_dir(layer.join("bin/watchexec")).unwrap();
            }),
            ("bin/watchexec", |layer| {
                fs::remove_file(layer.join("bin/watchexec")).unwrap();
                let mode = Mode::from_raw_mode(0o755);
                rustix::fs::mkfifoat(CWD, layer.join("bin/watchexec"), mode).unwrap();
            }),
            ("bin", |layer| {
                let elsewhere = layer.with_extension("elsewhere");
                fs::rename(layer.join("bin"), &elsewhere).unwrap();
                symlink(elsewhere, layer.join("bin")).unwrap();
            }),
            ("bin", |layer| {
                let elsewhere = layer.with_extension("layer");
                fs::rename(layer, &elsewhere).unwrap();
                symlink(elsewhere, layer).unwrap();
            }),
            ("bin", |layer| {
                fs::remove_dir_all(layer.join("bin")).unwrap();
            }),
            ("LICENSE", |layer| {
                fs::remove_file(layer.join("LICENSE")).unwrap();
            }),
            ("LICENSE", |layer| {
                fs::write(layer.join("LICENSE"), "").unwrap();
            }),
            ("bin/sh", |layer| {
                fs::write(layer.join("bin/sh"), "").unwrap();
            }),
            ("bin/bin", |layer| {
                fs::write(layer.join("bin/bin"), "").unwrap();
            }),
            ("exec.d", |layer| {
                fs::create_dir(layer.join("exec.d")).unwrap();
            }),
        ];
        for (path, change) in changes {
            let (directory, installed) = layer();
            let parent = tempfile::tempdir_in(directory.path()).unwrap();
            let layer = parent.path().join("watchexec");
            fs::create_dir(&layer).unwrap();
            for name in ["bin", "LICENSE"] {
                fs::rename(directory.path().join(name), layer.join(name)).unwrap();
            }
            assert!(installed.verify(&layer).is_ok());
            change(&layer);
            assert_eq!(installed.verify(&layer).err(), Some(path.into()));
        }
    }
}
