//! The files of a watchexec release that are installed, and where.

use crate::checksum::{self, Checksum, CopyError};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

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
    #[must_use]
    pub fn by_name(name: &OsStr) -> Option<Self> {
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

    /// Writes all that `reader` gives to the file's place below `directory`.
    ///
    /// # Errors
    /// Reading or writing fails.
    pub fn install(
        self,
        reader: &mut impl Read,
        directory: &Path,
    ) -> Result<InstalledFile, CopyError> {
        let mut file = self.create(directory).map_err(CopyError::Write)?;
        let (size, checksum) = checksum::copy(reader, &mut file)?;
        Ok(InstalledFile {
            file: self,
            size,
            checksum,
        })
    }

    /// Writes bytes that are already known to be right.
    ///
    /// # Errors
    /// Writing fails.
    pub fn write(self, bytes: &[u8], directory: &Path) -> io::Result<()> {
        self.create(directory)?.write_all(bytes)
    }

    fn create(self, directory: &Path) -> io::Result<File> {
        create(directory, self.path(), self.mode())
    }
}

/// Makes an empty file with a mode below `directory`, and the directories that lead to it with
/// mode 0755, whatever the umask. The file must not exist yet: nothing may be written through a
/// link that somebody left there.
///
/// # Errors
/// It exists, or cannot be made.
pub fn create(directory: &Path, path: &str, mode: u32) -> io::Result<File> {
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
    let file = File::create_new(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// A file that is in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstalledFile {
    /// Which one.
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
    /// Puts the files in order; `None` where the program is not among them.
    #[must_use]
    pub fn new(files: Vec<InstalledFile>) -> Option<Self> {
        let (mut program, mut license) = (None, None);
        for file in files {
            match file.file {
                ReleaseFile::Program => program = Some(file),
                ReleaseFile::License => license = Some(file),
            }
        }
        Some(Self {
            program: program?,
            license,
        })
    }

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

    fn install(directory: &Path) -> Installed {
        let files = [ReleaseFile::License, ReleaseFile::Program]
            .map(|file| file.install(&mut &b"content"[..], directory).unwrap());
        Installed::new(files.to_vec()).unwrap()
    }

    #[test]
    fn files_get_their_place_and_mode() {
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
    fn what_is_there_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        install(directory.path());
        assert!(matches!(
            ReleaseFile::Program.install(&mut &b"x"[..], directory.path()),
            Err(CopyError::Write(_))
        ));
    }

    #[test]
    fn a_missing_changed_or_unusable_file_is_found() {
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

    #[test]
    fn the_program_is_a_must() {
        let directory = tempfile::tempdir().unwrap();
        let license = ReleaseFile::License
            .install(&mut &b""[..], directory.path())
            .unwrap();
        assert_eq!(Installed::new(vec![license]), None);
    }
}
