//! The releases inside an offline package.

use crate::descriptor::{Descriptor, linux};
use crate::download;
use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use std::path::{Path, PathBuf};
use watchexec_release::archive::{Limits, unpack};
use watchexec_release::bundle::Bundle;
use watchexec_release::catalog::{Dependency, WATCHEXEC};
use watchexec_release::checksum::{Checksum, Verified};

/// A release to put inside.
pub(super) struct Release {
    dependency: Dependency,
    archive: Verified,
}

impl Release {
    pub(super) fn checksum(&self) -> Checksum {
        self.archive.checksum()
    }

    /// Puts it into the buildpack of one architecture, if it is for that architecture.
    pub(super) fn add_to(&self, buildpack: &Path, arch: &str) -> Result<()> {
        if self.dependency.is_for(&linux(arch)) {
            self.pack(&Bundle::directory(buildpack, self.checksum()))
                .with_context(|| {
                    format!("watchexec {} cannot be put inside", self.dependency.version)
                })?;
        }
        Ok(())
    }

    /// Unpacks the files that a build installs, and names them by their checksums.
    fn pack(&self, directory: &Path) -> Result<()> {
        let unpacked = tempfile::tempdir()?;
        let (installed, _) = unpack(&self.archive, &Limits::BUILD, unpacked.path())?;
        fs::create_dir_all(directory)?;
        for (file, checksum) in installed.files() {
            let name = Bundle::name(file, checksum);
            fs::copy(unpacked.path().join(file.path), directory.join(name))?;
        }
        Ok(())
    }
}

/// The releases for some architectures: the given archives, or else the newest release for each,
/// downloaded.
pub(super) fn releases(
    descriptor: &Descriptor,
    archives: &[PathBuf],
    arches: &[&str],
) -> Result<Vec<Release>> {
    let releases: Vec<Release> = if archives.is_empty() {
        arches
            .iter()
            .map(|arch| download(descriptor.newest(arch)?))
            .collect::<Result<_>>()?
    } else {
        let dependencies = descriptor.dependencies()?;
        archives
            .iter()
            .map(|archive| identify(archive, &dependencies))
            .collect::<Result<_>>()?
    };
    for arch in arches {
        ensure!(
            releases
                .iter()
                .any(|release| release.dependency.is_for(&linux(arch))),
            "no archive is for {arch}"
        );
    }
    Ok(releases)
}

fn download(dependency: Dependency) -> Result<Release> {
    let archive = download::archive(&dependency).context(
        "the archive cannot be downloaded; --archive takes a file instead, and `cargo xtask archive` \
         makes one and the buildpack.toml that lists it",
    )?;
    Ok(Release {
        dependency,
        archive,
    })
}

/// Finds the release of an archive by its checksum, regardless of the file name.
fn identify(file: &Path, dependencies: &[Dependency]) -> Result<Release> {
    let bytes = fs::read(file)?;
    let checksum = Checksum::of(&bytes);
    let found = dependencies.iter().find(|dependency| {
        dependency.id == WATCHEXEC && dependency.checksum().is_ok_and(|listed| listed == checksum)
    });
    let Some(dependency) = found else {
        let listed: Vec<&str> = dependencies
            .iter()
            .map(|dependency| dependency.uri.as_str())
            .collect();
        bail!(
            "{} has the checksum {checksum}, which buildpack.toml does not list. It lists:\n  {}\n\
             Download one of these, or give a buildpack.toml that lists this archive \
             (--buildpack-toml).",
            file.display(),
            listed.join("\n  ")
        )
    };
    Ok(Release {
        dependency: dependency.clone(),
        archive: Verified::new(bytes, checksum)?,
    })
}
