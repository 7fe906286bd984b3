//! A release inside the buildpack, for builds without a network: its files, ready to install, in
//! `dependencies/<sha256 of the archive>/`. Each has its checksum after its name:
//! `watchexec.<sha256>`.
//!
//! A tar would be one file, and the reader of downloads would unpack it. But every byte would be
//! hashed twice, as part of the tar and of its file: a build took 17 ms longer for a program of
//! 15 MB (2026-11, 27 ms before).

use crate::checksum::{Checksum, Verified};
use crate::files::{Installed, LICENSE, PROGRAM, ReleaseFile, create};
use fs_err as fs;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of the buildpack with its releases.
const FOLDER: &str = "dependencies";

/// A release inside the buildpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    directory: PathBuf,
}

/// The verified files of a bundle.
pub struct Files {
    /// The program.
    pub program: Verified,
    license: Option<Verified>,
}

impl Bundle {
    /// The folder for the release whose archive has `checksum`, below the buildpack's directory.
    pub fn directory(buildpack_dir: &Path, checksum: Checksum) -> PathBuf {
        buildpack_dir.join(FOLDER).join(checksum.hex())
    }

    /// The bundle of the release whose archive has `checksum`, if there is one.
    pub fn find(buildpack_dir: &Path, checksum: Checksum) -> Option<Self> {
        let directory = Self::directory(buildpack_dir, checksum);
        // An empty folder counts too: a broken package must not turn into a download.
        (directory.symlink_metadata().is_ok()).then_some(Self { directory })
    }

    /// The name of a file with this checksum.
    pub fn name(file: &ReleaseFile, checksum: Checksum) -> String {
        format!("{}.{}", file.name, checksum.hex())
    }

    /// Reads the files and verifies each against the checksum in its name.
    ///
    /// # Errors
    /// The program is missing, or a file is changed or cut.
    pub fn read(&self) -> io::Result<Files> {
        let mut files = HashMap::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let (name, hex) = name.split_once('.').unwrap_or_default();
            let content = fs::read(&path)?;
            let verified = Checksum::from_hex(hex).and_then(|hex| Verified::new(content, hex));
            let at = |error| io::Error::other(format!("{} {error}", path.display()));
            files.insert(name.to_owned(), verified.map_err(at)?);
        }
        let none = || format!("{} has no {}", self.directory.display(), PROGRAM.name);
        let program = files.remove(PROGRAM.name);
        Ok(Files {
            program: program.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, none()))?,
            license: files.remove(LICENSE.name),
        })
    }
}

impl Files {
    /// Writes the files to their places below `directory`.
    ///
    /// # Errors
    /// A file exists, or cannot be written.
    pub fn install(&self, directory: &Path) -> io::Result<Installed> {
        let program = self.program.bytes();
        create(directory, PROGRAM.path, PROGRAM.mode, program)?;
        if let Some(license) = &self.license {
            create(directory, LICENSE.path, LICENSE.mode, license.bytes())?;
        }
        Ok(Installed {
            program: self.program.checksum(),
            license: self.license.as_ref().map(Verified::checksum),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bundle with these files, each named by the checksum of the second text.
    fn bundle(files: &[(&ReleaseFile, &str, &str)]) -> (tempfile::TempDir, Bundle) {
        let buildpack = tempfile::tempdir().unwrap();
        let archive = Checksum::of(b"archive");
        let directory = Bundle::directory(buildpack.path(), archive);
        fs::create_dir_all(&directory).unwrap();
        for (file, content, named) in files {
            let name = Bundle::name(file, Checksum::of(named.as_bytes()));
            fs::write(directory.join(name), content).unwrap();
        }
        let bundle = Bundle::find(buildpack.path(), archive).unwrap();
        assert_eq!(Bundle::find(buildpack.path(), Checksum::of(b"")), None);
        (buildpack, bundle)
    }

    #[test]
    fn installs_the_files() {
        for license in [None, Some((&LICENSE, "license", "license"))] {
            let files: Vec<_> = [Some((&PROGRAM, "program", "program")), license]
                .into_iter()
                .flatten()
                .collect();
            let (_buildpack, bundle) = bundle(&files);
            let layer = tempfile::tempdir().unwrap();
            let installed = bundle.read().unwrap().install(layer.path()).unwrap();
            assert_eq!(installed.license.is_some(), license.is_some());
            assert!(installed.verify(layer.path()).is_ok());
        }
    }

    #[test]
    fn rejects_a_changed_cut_or_lengthened_file() {
        for content in ["PROGRAM", "progra", "program2", ""] {
            let changed = [
                [
                    (&PROGRAM, content, "program"),
                    (&LICENSE, "license", "license"),
                ],
                [
                    (&PROGRAM, "program", "program"),
                    (&LICENSE, content, "license"),
                ],
            ];
            for files in changed {
                let (_buildpack, bundle) = bundle(&files);
                let error = bundle.read().err().unwrap();
                assert!(error.to_string().contains("checksum"), "{error}");
            }
        }
    }

    #[test]
    fn rejects_a_bundle_without_its_program_or_with_an_archive() {
        let license = (&LICENSE, "license", "license");
        let (_buildpack, without) = bundle(&[license]);
        let error = without.read().err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);

        let (_buildpack, with) = bundle(&[(&PROGRAM, "program", "program"), license]);
        fs::write(with.directory.join("watchexec.tar.xz"), "archive").unwrap();
        assert!(with.read().is_err());
    }
}
