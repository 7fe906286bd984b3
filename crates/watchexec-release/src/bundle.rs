//! A release inside the buildpack, for builds without a network: its files as they are installed,
//! in `dependencies/<sha256 of the archive>/`, beside a list of their checksums.
#![warn(clippy::arithmetic_side_effects)]

use crate::archive::{Limits, UnpackError, unpack};
use crate::checksum::{Checksum, Mismatch, Verified};
use crate::files::{FileError, Files, Installed, InstalledFile, ReleaseFile};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The folder of the buildpack in which releases are.
const FOLDER: &str = "dependencies";
/// The list of a bundle's files, an [`Installed`] as TOML. It is written last: a bundle without
/// it is not one.
const LIST: &str = "bundle.toml";

/// A release that is inside the buildpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    directory: PathBuf,
}

/// A bundle that cannot be installed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Its list or one of its files cannot be read.
    #[error(transparent)]
    Unreadable(#[from] FileError),
    /// A file of the bundle has changed since it was packaged.
    #[error("{path} {mismatch}")]
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
    /// The archive gives no release.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A file cannot be written.
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
        directory
            .symlink_metadata()
            .is_ok()
            .then_some(Self { directory })
    }

    /// Puts a release into a buildpack.
    ///
    /// # Errors
    /// The archive gives no release, or writing fails.
    pub fn pack(archive: &Verified, buildpack_dir: &Path) -> Result<Self, PackError> {
        let directory = Self::directory(buildpack_dir, archive.checksum());
        let installed = unpack(archive, &Limits::BUILD, &directory)?;
        let list = directory.join(LIST);
        toml::to_string(&installed)
            .map_err(io::Error::other)
            .and_then(|text| fs::write(&list, text))
            .map_err(FileError::at(list))?;
        Ok(Self { directory })
    }

    /// A file of the release.
    #[must_use]
    pub fn file(&self, file: ReleaseFile) -> PathBuf {
        self.directory.join(file.path())
    }

    /// Reads the files and verifies each against the list.
    ///
    /// # Errors
    /// A file is missing, changed or cut.
    pub fn read(&self) -> Result<Files, BundleError> {
        let list = self.directory.join(LIST);
        let Installed { program, license } = fs::read_to_string(&list)
            .and_then(|text| toml::from_str(&text).map_err(io::Error::other))
            .map_err(FileError::at(list))?;
        Ok(Files {
            program: self.verified(&program)?,
            license: license.map(|file| self.verified(&file)).transpose()?,
        })
    }

    fn verified(&self, listed: &InstalledFile) -> Result<Verified, BundleError> {
        let path = self.file(listed.file);
        let bytes = read_at_most(&path, listed.size).map_err(FileError::at(&path))?;
        Verified::new(bytes, listed.checksum)
            .map_err(|mismatch| BundleError::Changed { path, mismatch })
    }
}

/// Reads a file that should have `size` bytes; of a longer one just enough that its checksum
/// cannot match.
fn read_at_most(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(size.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;
    use tar::{Builder, Header};

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

    struct Case {
        buildpack: tempfile::TempDir,
        layer: tempfile::TempDir,
        bundle: Bundle,
    }

    fn case() -> Case {
        let buildpack = tempfile::tempdir().unwrap();
        let bundle = Bundle::pack(&archive(), buildpack.path()).unwrap();
        Case {
            buildpack,
            layer: tempfile::tempdir().unwrap(),
            bundle,
        }
    }

    #[test]
    fn finds_and_installs_a_packed_release() {
        let case = case();
        let checksum = Checksum::of(archive().bytes());
        let found = Bundle::find(case.buildpack.path(), checksum).unwrap();
        assert_eq!(found, case.bundle);
        let files = found.read().unwrap();
        let installed = files.install(case.layer.path()).unwrap();
        assert_eq!(installed.first_missing(case.layer.path()), None);
        assert_eq!(
            fs::read_to_string(case.layer.path().join("bin/watchexec")).unwrap(),
            "program"
        );
        assert_eq!(Bundle::find(case.buildpack.path(), Checksum::of(b"")), None);
    }

    #[test]
    fn rejects_a_changed_cut_or_lengthened_file() {
        for content in ["PROGRAM", "progra", "program2", ""] {
            let case = case();
            fs::write(case.bundle.directory.join("bin/watchexec"), content).unwrap();
            assert!(
                matches!(case.bundle.read(), Err(BundleError::Changed { .. })),
                "{content}"
            );
        }
    }

    #[test]
    fn accepts_the_largest_size_in_a_list() {
        let case = case();
        let list = case.bundle.directory.join(LIST);
        let largest = format!("\"{}\"", u64::MAX);
        let text = fs::read_to_string(&list)
            .unwrap()
            .replace("\"7\"", &largest);
        assert!(text.contains(&largest));
        fs::write(&list, text).unwrap();
        // The size is only recorded; the checksum decides.
        case.bundle.read().unwrap();
    }

    #[test]
    fn rejects_a_missing_file_and_a_broken_list() {
        let case = case();
        fs::remove_file(case.bundle.directory.join("LICENSE")).unwrap();
        assert!(matches!(
            case.bundle.read(),
            Err(BundleError::Unreadable(_))
        ));
        fs::write(case.bundle.directory.join(LIST), "[program]\n").unwrap();
        assert!(matches!(
            case.bundle.read(),
            Err(BundleError::Unreadable(_))
        ));
    }
}
