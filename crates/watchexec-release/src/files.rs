//! The files of a watchexec release that are installed, and where.

use crate::checksum::{self, Checksum, Verified};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A file that is taken out of a release. Its manual, logo and completions are of no use in an
/// image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseFile {
    /// The program.
    Program,
    /// Its licence, which asks to go where the program goes.
    License,
}

impl ReleaseFile {
    /// The wanted file of this name.
    pub(crate) fn by_name(name: &OsStr) -> Option<Self> {
        [Self::Program, Self::License]
            .into_iter()
            .find(|file| name == file.name())
    }

    /// Its name in the archive.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "watchexec",
            Self::License => "LICENSE",
        }
    }

    /// Its path in a layer. The lifecycle puts a layer's `bin` on PATH.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Program => "bin/watchexec",
            Self::License => "LICENSE",
        }
    }

    fn mode(self) -> u32 {
        match self {
            Self::Program => 0o755,
            Self::License => 0o644,
        }
    }

    /// Writes everything that `reader` gives to the file's place below `directory`.
    ///
    /// # Errors
    /// The outer error is that of writing, the inner one that of `reader`.
    pub(crate) fn install_from(
        self,
        reader: impl Read,
        directory: &Path,
    ) -> Result<io::Result<InstalledFile>, FileError> {
        let path = directory.join(self.path());
        let mut file = new_file(directory, &path, self.mode())?;
        let copied = checksum::copy(reader, |piece| {
            file.write_all(piece).map_err(FileError::at(&path))
        })?;
        Ok(copied.map(|(size, checksum)| InstalledFile {
            file: self,
            size,
            checksum,
        }))
    }

    fn install(self, content: &Verified, directory: &Path) -> Result<InstalledFile, FileError> {
        create(directory, self.path(), self.mode(), content.bytes())?;
        Ok(InstalledFile {
            file: self,
            size: content.bytes().len() as u64,
            checksum: content.checksum(),
        })
    }
}

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub struct FileError {
    /// The file or directory.
    pub path: PathBuf,
    /// The system's error.
    pub error: io::Error,
}

impl FileError {
    /// Adds the path to an error of the system.
    pub fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        |error| Self {
            path: path.into(),
            error,
        }
    }
}

/// Writes a file with a mode below `directory`, and the directories that lead to it with mode 0755,
/// under any umask. The file must not exist yet: a write must not follow a link that
/// was planted there.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn create(directory: &Path, path: &str, mode: u32, content: &[u8]) -> Result<(), FileError> {
    let path = directory.join(path);
    let mut file = new_file(directory, &path, mode)?;
    file.write_all(content).map_err(FileError::at(path))
}

fn new_file(directory: &Path, path: &Path, mode: u32) -> Result<File, FileError> {
    let create = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        for parent in path.ancestors().skip(1) {
            fs::set_permissions(parent, Permissions::from_mode(0o755))?;
            if parent == directory {
                break;
            }
        }
        let file = File::create_new(path)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok(file)
    };
    create().map_err(FileError::at(path))
}

/// The files of a release, read from a bundle and verified.
pub struct Files {
    /// The program.
    pub program: Verified,
    /// Its licence, where the archive has it.
    pub license: Option<Verified>,
}

impl Files {
    /// Writes the files to their places below `directory`.
    ///
    /// # Errors
    /// A file exists, or cannot be written.
    pub fn install(&self, directory: &Path) -> Result<Installed, FileError> {
        let program = ReleaseFile::Program.install(&self.program, directory)?;
        let license = self
            .license
            .as_ref()
            .map(|content| ReleaseFile::License.install(content, directory))
            .transpose()?;
        Ok(Installed { program, license })
    }
}

/// A file that is in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstalledFile {
    /// The program or its licence.
    pub file: ReleaseFile,
    /// Bytes.
    #[serde(with = "number_as_text")]
    pub size: u64,
    /// Checksum of its content.
    pub checksum: Checksum,
}

/// Writes a number as text. Between two builds the lifecycle keeps layer metadata as JSON, and a
/// whole number comes back from it as a float, which is none.
mod number_as_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// The files of one release that are in their places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Installed {
    /// The program.
    pub program: InstalledFile,
    /// Its licence, where the archive has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<InstalledFile>,
}

impl Installed {
    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &InstalledFile> {
        std::iter::once(&self.program).chain(&self.license)
    }

    /// The first file that is not below `directory` as it was installed, judged by kind, size
    /// and mode, which a look-up tells without reading ten megabytes.
    #[must_use]
    pub fn first_missing(&self, directory: &Path) -> Option<&InstalledFile> {
        self.files().find(|installed| {
            fs::symlink_metadata(directory.join(installed.file.path())).map_or(true, |metadata| {
                !metadata.is_file()
                    || metadata.len() != installed.size
                    || metadata.permissions().mode() & 0o777 != installed.file.mode()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(bytes: &[u8]) -> Verified {
        Verified::new(bytes.to_vec(), Checksum::of(bytes)).unwrap()
    }

    fn files() -> Files {
        Files {
            program: verified(b"content"),
            license: Some(verified(b"license")),
        }
    }

    fn install(directory: &Path) -> Installed {
        files().install(directory).unwrap()
    }

    #[test]
    fn installs_files_with_their_mode() {
        let directory = tempfile::tempdir().unwrap();
        let installed = install(directory.path());
        assert_eq!(installed.program.size, 7);
        assert_eq!(installed.program.checksum, Checksum::of(b"content"));
        let program = fs::metadata(directory.path().join("bin/watchexec")).unwrap();
        assert_eq!(program.permissions().mode() & 0o7777, 0o755);
        let license = fs::metadata(directory.path().join("LICENSE")).unwrap();
        assert_eq!(license.permissions().mode() & 0o7777, 0o644);
    }

    #[test]
    fn refuses_to_overwrite_a_file() {
        let directory = tempfile::tempdir().unwrap();
        install(directory.path());
        let error = files().install(directory.path()).unwrap_err();
        assert_eq!(error.path, directory.path().join("bin/watchexec"));
        assert_eq!(error.error.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn finds_a_missing_or_changed_file() {
        let directory = tempfile::tempdir().unwrap();
        let installed = install(directory.path());
        assert_eq!(installed.first_missing(directory.path()), None);

        let program = directory.path().join("bin/watchexec");
        fs::set_permissions(&program, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(
            installed.first_missing(directory.path()),
            Some(&installed.program)
        );
        fs::remove_file(&program).unwrap();
        std::os::unix::fs::symlink("/bin/true", &program).unwrap();
        assert_eq!(
            installed.first_missing(directory.path()),
            Some(&installed.program)
        );
    }
}
