//! Locating: where the archive of the chosen dependency is taken from. The first hit wins.

use crate::address::{Address, InvalidAddress};
use crate::bundle::Bundle;
use crate::checksum::Checksum;
use crate::dependency::Dependency;
use std::path::Path;

/// Where a dependency is taken from.
#[derive(Debug)]
pub enum Source {
    /// It is inside the buildpack, ready to install.
    Bundle(Bundle),
    /// Its archive has to be fetched.
    Archive {
        /// From here.
        address: Address,
        /// And this is why.
        reason: Reason,
    },
}

/// Why an address was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is an archive inside the buildpack, as `create-package --include-dependencies` of
    /// Paketo's libpak leaves them.
    InsideBuildpack,
    /// It is the dependency's own `uri`.
    DependencyUri,
}

impl Source {
    /// Whether taking it costs neither network nor time.
    #[must_use]
    pub fn is_inside_buildpack(&self) -> bool {
        match self {
            Self::Bundle(_) => true,
            Self::Archive { reason, .. } => *reason == Reason::InsideBuildpack,
        }
    }
}

/// A place that was named but cannot be used. There is no falling back to the next one: who
/// names a place means it.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// The `uri` of buildpack.toml.
    #[error("the uri of watchexec {version} cannot be used: {error}")]
    Uri {
        /// The version of the entry.
        version: String,
        /// What is wrong.
        error: InvalidAddress,
    },
}

/// Finds the place to take `dependency` from.
///
/// # Errors
/// A place that was named cannot be used.
pub fn locate(
    dependency: &Dependency,
    checksum: Checksum,
    buildpack_dir: &Path,
) -> Result<Source, LocateError> {
    let directory = Bundle::directory(buildpack_dir, checksum);
    if let Some(address) = archive_in(&directory, &dependency.uri) {
        return Ok(Source::Archive {
            address,
            reason: Reason::InsideBuildpack,
        });
    }
    if let Some(bundle) = Bundle::find(buildpack_dir, checksum) {
        return Ok(Source::Bundle(bundle));
    }
    match Address::parse(&dependency.uri) {
        Ok(address) => Ok(Source::Archive {
            address,
            reason: Reason::DependencyUri,
        }),
        Err(error) => Err(LocateError::Uri {
            version: dependency.version.to_string(),
            error,
        }),
    }
}

/// The archive in a folder of the buildpack, under the name that its address ends with.
fn archive_in(directory: &Path, uri: &str) -> Option<Address> {
    let (_, name) = uri.rsplit_once('/')?;
    let path = directory.join(name);
    path.is_file().then(|| Address::file(&path)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const URI: &str = "https://example.com/v1/watchexec.tar.xz";

    fn source(uri: &str, buildpack: &Path) -> Result<Source, LocateError> {
        let checksum = Checksum::of(b"archive");
        locate(
            &Dependency::sample("2.8.0", uri, checksum),
            checksum,
            buildpack,
        )
    }

    #[test]
    fn without_anything_else_it_is_the_uri() {
        let buildpack = tempfile::tempdir().unwrap();
        let Source::Archive { address, reason } = source(URI, buildpack.path()).unwrap() else {
            panic!("a bundle out of nothing");
        };
        assert_eq!(address.to_string(), URI);
        assert_eq!(reason, Reason::DependencyUri);
        assert!(source("ftp://example.com/w", buildpack.path()).is_err());
    }

    #[test]
    fn what_is_inside_the_buildpack_comes_first() {
        let buildpack = tempfile::tempdir().unwrap();
        let folder = Bundle::directory(buildpack.path(), Checksum::of(b"archive"));
        fs::create_dir_all(&folder).unwrap();
        let found = source(URI, buildpack.path()).unwrap();
        assert!(matches!(found, Source::Bundle(_)));
        assert!(found.is_inside_buildpack());

        fs::write(folder.join("watchexec.tar.xz"), "archive").unwrap();
        let found = source(URI, buildpack.path()).unwrap();
        assert!(found.is_inside_buildpack());
        assert!(matches!(found, Source::Archive { .. }));
    }
}
