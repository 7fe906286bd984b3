//! A release inside the buildpack, for builds without a network: a tar with its two files, in
//! `dependencies/<sha256 of the archive>/<sha256 of the tar>.tar`. It needs no decompression.

use crate::archive::{Limits, UnpackError, unpack};
use crate::checksum::{Checksum, Mismatch, Verified};
use crate::files::FileError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tar::{Builder, Header};

/// The folder of the buildpack with its releases.
const FOLDER: &str = "dependencies";

/// A release inside the buildpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    directory: PathBuf,
    /// The checksum of the release's archive.
    archive: Checksum,
}

/// A bundle that cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Its file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// Its file has changed since it was packaged.
    #[error("{path} is {mismatch}")]
    Changed {
        /// The file.
        path: PathBuf,
        /// The two checksums.
        mismatch: Mismatch,
    },
}

/// A bundle that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The archive is not a release.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Write(#[from] FileError),
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

    /// Puts a release into a buildpack.
    ///
    /// # Errors
    /// The archive is not a release, or writing fails.
    pub fn pack(archive: &Verified, buildpack_dir: &Path) -> Result<(), PackError> {
        let directory = Self::directory(buildpack_dir, archive.checksum());
        let unpacked = directory.join("unpacked");
        let installed = unpack(archive, &Limits::BUILD, &unpacked)?.installed;
        let write = || -> io::Result<()> {
            let mut tar = Builder::new(Vec::new());
            for file in installed.files() {
                let content = fs::read(unpacked.join(file.file.path()))?;
                let mut header = Header::new_ustar();
                header.set_mode(file.file.mode());
                header.set_size(content.len() as u64);
                tar.append_data(&mut header, file.file.name(), content.as_slice())?;
            }
            let tar = tar.into_inner()?;
            let name = format!("{}.tar", Checksum::of(&tar).hex());
            fs::write(directory.join(name), tar)?;
            fs::remove_dir_all(&unpacked)
        };
        Ok(write().map_err(FileError::at(&directory))?)
    }

    /// Reads the tar and verifies it against the checksum in its name. A file with a different name is
    /// verified as the archive of the release, which can be put here by hand.
    ///
    /// # Errors
    /// The file is missing, changed or cut.
    pub fn read(&self) -> Result<Verified, BundleError> {
        let only_file = || {
            let mut entries = fs::read_dir(&self.directory)?;
            let entry = entries.next().ok_or(io::ErrorKind::NotFound)??;
            Ok(entry.path())
        };
        let path = only_file().map_err(FileError::at(&self.directory))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let checksum = (name.strip_suffix(".tar")).and_then(|hex| Checksum::from_hex(hex).ok());
        let bytes = fs::read(&path).map_err(FileError::at(&path))?;
        Verified::new(bytes, checksum.unwrap_or(self.archive))
            .map_err(|mismatch| BundleError::Changed { path, mismatch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn archive() -> Verified {
        let mut builder = Builder::new(Vec::new());
        for (name, content) in [("w/watchexec", "program"), ("w/LICENSE", "license")] {
            let mut header = Header::new_ustar();
            header.set_size(content.len() as u64);
            builder
                .append_data(&mut header, name, content.as_bytes())
                .unwrap();
        }
        let bytes = builder.into_inner().unwrap();
        let checksum = Checksum::of(&bytes);
        Verified::new(bytes, checksum).unwrap()
    }

    fn packed() -> (tempfile::TempDir, Bundle, PathBuf) {
        let buildpack = tempfile::tempdir().unwrap();
        let archive = archive();
        Bundle::pack(&archive, buildpack.path()).unwrap();
        let bundle = Bundle::find(buildpack.path(), archive.checksum()).unwrap();
        let mut files = fs::read_dir(&bundle.directory).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        (buildpack, bundle, file)
    }

    #[test]
    fn unpacks_a_packed_release() {
        let (buildpack, bundle, _) = packed();
        let layer = tempfile::tempdir().unwrap();
        let tar = bundle.read().unwrap();
        let unpacked = unpack(&tar, &Limits::BUILD, layer.path()).unwrap();
        assert!(unpacked.installed.license.is_some());
        assert_eq!(
            fs::read_to_string(layer.path().join("bin/watchexec")).unwrap(),
            "program"
        );
        assert_eq!(Bundle::find(buildpack.path(), Checksum::of(b"")), None);
    }

    #[test]
    fn packs_the_same_bytes_again() {
        let [(_, _, first), (_, _, second)] = [packed(), packed()];
        assert_eq!(first.file_name(), second.file_name());
    }

    #[test]
    fn rejects_a_changed_cut_or_lengthened_file() {
        let (_buildpack, bundle, file) = packed();
        let content = fs::read(&file).unwrap();
        let mut changed = content.clone();
        changed[600] ^= 1;
        for content in [
            &changed[..],
            &content[1..],
            &[&content[..], b"\n"].concat(),
            b"",
        ] {
            fs::write(&file, content).unwrap();
            assert!(matches!(bundle.read(), Err(BundleError::Changed { .. })));
        }
    }

    #[test]
    fn rejects_a_bundle_without_its_file() {
        let (_buildpack, bundle, file) = packed();
        fs::remove_file(file).unwrap();
        let error = bundle.read().err().unwrap();
        assert!(matches!(error, BundleError::Unreadable(_)), "{error}");
    }

    #[test]
    fn verifies_an_archive_that_was_put_here_by_hand() {
        let (_buildpack, bundle, file) = packed();
        fs::remove_file(file).unwrap();
        let by_hand = bundle.directory.join("watchexec.tar.xz");
        fs::write(&by_hand, archive().bytes()).unwrap();
        assert_eq!(bundle.read().unwrap().checksum(), archive().checksum());
        fs::write(&by_hand, "another").unwrap();
        assert!(matches!(bundle.read(), Err(BundleError::Changed { .. })));
    }
}
