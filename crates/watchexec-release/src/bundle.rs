//! A release inside the buildpack, for builds without a network: a tar with its two files, in
//! `dependencies/<sha256 of the archive>/<sha256 of the tar>.tar`. It needs no decompression.

use crate::checksum::{Checksum, Verified};
use crate::files::FileError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of the buildpack with its releases.
const FOLDER: &str = "dependencies";

/// A release inside the buildpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    directory: PathBuf,
    /// The checksum of the release's archive.
    archive: Checksum,
}

impl Bundle {
    /// The folder for the release whose archive has `checksum`, below the buildpack's directory.
    #[must_use]
    pub fn directory(buildpack_dir: &Path, checksum: Checksum) -> PathBuf {
        buildpack_dir.join(FOLDER).join(checksum.hex())
    }

    /// The bundle of the release whose archive has `checksum`, if there is one.
    #[must_use]
    pub fn find(buildpack_dir: &Path, checksum: Checksum) -> Option<Self> {
        let directory = Self::directory(buildpack_dir, checksum);
        // An empty folder counts too: a broken package must not turn into a download.
        directory.symlink_metadata().is_ok().then_some(Self {
            directory,
            archive: checksum,
        })
    }

    /// Reads the tar and verifies it against the checksum in its name. A file with a different name
    /// is verified as the archive of the release, which can be put here by hand.
    ///
    /// # Errors
    /// The file is missing, changed or cut.
    pub fn read(&self) -> Result<Verified, FileError> {
        let only_file = || {
            let mut entries = fs::read_dir(&self.directory)?;
            let entry = entries.next().ok_or(io::ErrorKind::NotFound)??;
            Ok(entry.path())
        };
        let path = only_file().map_err(FileError::at(&self.directory))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let checksum = (name.strip_suffix(".tar")).and_then(|hex| Checksum::from_hex(hex).ok());
        fs::read(&path)
            .and_then(|bytes| {
                let verified = Verified::new(bytes, checksum.unwrap_or(self.archive));
                verified.map_err(io::Error::other)
            })
            .map_err(FileError::at(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bundle with a file of this name, for an archive with the content `archive`.
    fn bundle(name: &str, content: &str) -> (tempfile::TempDir, Bundle) {
        let buildpack = tempfile::tempdir().unwrap();
        let archive = Checksum::of(b"archive");
        let directory = Bundle::directory(buildpack.path(), archive);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), content).unwrap();
        let bundle = Bundle::find(buildpack.path(), archive).unwrap();
        assert_eq!(Bundle::find(buildpack.path(), Checksum::of(b"")), None);
        (buildpack, bundle)
    }

    #[test]
    fn verifies_a_tar_by_its_name() {
        let name = format!("{}.tar", Checksum::of(b"tar").hex());
        let (_buildpack, tar) = bundle(&name, "tar");
        assert_eq!(tar.read().unwrap().bytes(), b"tar");
        for content in ["TAR", "ta", "tar2", "", "archive"] {
            let (_buildpack, changed) = bundle(&name, content);
            let error = changed.read().err().unwrap();
            assert!(error.to_string().contains("checksum"), "{error}");
        }
    }

    #[test]
    fn verifies_an_archive_that_was_put_here_by_hand() {
        for name in ["watchexec.tar.xz", "watchexec.tar", "archive"] {
            let (_buildpack, archive) = bundle(name, "archive");
            assert_eq!(archive.read().unwrap().bytes(), b"archive");
            let (_buildpack, another) = bundle(name, "another");
            let error = another.read().err().unwrap();
            assert!(error.to_string().contains("checksum"), "{error}");
        }
    }

    #[test]
    fn rejects_a_bundle_without_its_file() {
        let (_buildpack, bundle) = bundle("watchexec.tar", "archive");
        fs::remove_file(bundle.directory.join("watchexec.tar")).unwrap();
        let error = bundle.read().err().unwrap();
        assert_eq!(error.error.kind(), io::ErrorKind::NotFound);
    }
}
