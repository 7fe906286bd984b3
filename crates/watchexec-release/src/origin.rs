//! Locating the archive of a release. The first hit wins: inside the buildpack, a mapping, a mirror,
//! the URL in buildpack.toml.

use crate::archive_url::{ArchiveUrl, InvalidUrl, Location};
use crate::bundle::Bundle;
use crate::catalog::Release;
use crate::checksum::Checksum;
use crate::mirror::{InvalidMirror, Mirrors};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the operator gives in place of the URLs in buildpack.toml.
#[derive(Default)]
pub struct Overrides {
    /// Bindings of type `dependency-mapping`, by the checksum of the archive.
    pub mappings: BTreeMap<Checksum, Mapping>,
    /// Servers that stand for others.
    pub mirrors: Mirrors,
}

/// An entry of a binding of type `dependency-mapping`.
pub struct Mapping {
    /// Its file.
    pub file: PathBuf,
    /// Its URL. An error matters only where the entry is used: other entries are for other
    /// buildpacks.
    pub url: Result<ArchiveUrl, InvalidUrl>,
}

/// Where a release is taken from.
#[derive(Debug)]
pub enum Source {
    /// The buildpack has it inside, ready to install.
    Bundle(Bundle),
    /// Its archive has to be downloaded.
    Archive {
        /// The URL of the archive.
        url: ArchiveUrl,
        /// What gave the URL.
        origin: Origin,
    },
}

/// What gave the URL of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A binding maps the archive's checksum to it. Carries the binding's file.
    Mapping(PathBuf),
    /// A mirror. Carries the variable or the binding's file that sets the mirror.
    Mirror(String),
    /// The `uri` in buildpack.toml.
    Catalog,
}

/// An override that cannot be used. An operator who sets one means it, so the next location is not
/// tried.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// A mapping.
    #[error("{file}: {error}")]
    Mapping {
        /// The binding's file.
        file: PathBuf,
        /// The fault of its URL.
        error: InvalidUrl,
    },
    /// A mirror.
    #[error(transparent)]
    Mirror(#[from] InvalidMirror),
}

/// Locates a release.
///
/// # Errors
/// An override that applies cannot be used.
pub fn locate(
    release: &Release,
    buildpack_dir: &Path,
    overrides: &Overrides,
) -> Result<Source, LocateError> {
    if let Some(bundle) = Bundle::find(buildpack_dir, release.checksum) {
        return Ok(Source::Bundle(bundle));
    }
    if let Some(Mapping { file, url }) = overrides.mappings.get(&release.checksum) {
        return match url {
            Ok(url) => Ok(Source::Archive {
                url: url.clone(),
                origin: Origin::Mapping(file.clone()),
            }),
            Err(error) => Err(LocateError::Mapping {
                file: file.clone(),
                error: error.clone(),
            }),
        };
    }
    // A file has no host, and so no mirror.
    if let Location::Server(url) = release.url.location()
        && let Some(mirror) = overrides
            .mirrors
            .for_host(url.host_str().unwrap_or_default())
    {
        let mirror = mirror.as_ref().map_err(Clone::clone)?;
        return Ok(Source::Archive {
            url: mirror.rewrite(&url),
            origin: Origin::Mirror(mirror.setting.clone()),
        });
    }
    Ok(Source::Archive {
        url: release.url.clone(),
        origin: Origin::Catalog,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, Target};
    use crate::mirror::Mirror;
    use std::fs;

    const URL: &str = "https://example.com/v1/watchexec.tar.xz";

    fn checksum() -> Checksum {
        Checksum::of(b"archive")
    }

    fn source(url: &str, buildpack: &Path, overrides: &Overrides) -> Result<Source, LocateError> {
        let entry = format!(
            "[[dependencies]]\nid = 'watchexec'\nversion = '2.8.0'\nuri = '{url}'\n\
             checksum = '{}'",
            checksum()
        );
        let catalog: Catalog = toml::from_str(&entry).unwrap();
        let target = Target {
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
        };
        locate(&catalog.choose(&target, &[]).unwrap(), buildpack, overrides)
    }

    /// The URL in a buildpack without a bundle.
    fn located(url: &str, overrides: &Overrides) -> Result<(String, Origin), LocateError> {
        let buildpack = tempfile::tempdir().unwrap();
        source(url, buildpack.path(), overrides).map(archive)
    }

    fn archive(source: Source) -> (String, Origin) {
        match source {
            Source::Archive { url, origin } => (url.to_string(), origin),
            Source::Bundle(_) => panic!("a bundle in an empty directory"),
        }
    }

    fn mirror(host: &str, text: &str) -> Overrides {
        let mirror = (host.to_owned(), Mirror::parse("MIRROR", text));
        Overrides {
            mirrors: [mirror].into_iter().collect(),
            ..Overrides::default()
        }
    }

    fn with_mapping(overrides: Overrides, url: &str) -> Overrides {
        let mapping = Mapping {
            file: "/bindings/map".into(),
            url: ArchiveUrl::parse(url),
        };
        Overrides {
            mappings: [(checksum(), mapping)].into(),
            ..overrides
        }
    }

    #[test]
    fn takes_the_url_of_the_catalog_without_overrides() {
        let none = Overrides::default();
        let catalog = (URL.to_owned(), Origin::Catalog);
        assert_eq!(located(URL, &none).unwrap(), catalog);
        let other = mirror("other.com", "https://mirror");
        assert_eq!(located(URL, &other).unwrap(), catalog);
    }

    #[test]
    fn prefers_the_bundle() {
        let buildpack = tempfile::tempdir().unwrap();
        fs::create_dir_all(Bundle::directory(buildpack.path(), checksum())).unwrap();
        let found = source(URL, buildpack.path(), &mirror("default", "https://mirror"));
        assert!(matches!(found.unwrap(), Source::Bundle(_)));
    }

    #[test]
    fn prefers_a_mapping_to_a_mirror() {
        let overrides = with_mapping(mirror("default", "https://mirror"), "http://mapped/w");
        let (url, origin) = located(URL, &overrides).unwrap();
        assert_eq!(url, "http://mapped/w");
        assert_eq!(origin, Origin::Mapping("/bindings/map".into()));
    }

    #[test]
    fn prefers_a_mirror_to_the_catalog_except_for_files() {
        let overrides = mirror("example.com", "https://mirror/x");
        assert_eq!(
            located(URL, &overrides).unwrap(),
            (
                "https://mirror/x/v1/watchexec.tar.xz".to_owned(),
                Origin::Mirror("MIRROR".to_owned())
            )
        );
        let (file, _) = located("file:///w", &mirror("default", "https://m")).unwrap();
        assert_eq!(file, "file:///w");
    }

    #[test]
    fn fails_where_an_override_is_unusable() {
        let mapping = with_mapping(Overrides::default(), "s3://bucket/w");
        assert!(matches!(
            located(URL, &mapping),
            Err(LocateError::Mapping { .. })
        ));
        let mirror = mirror("default", "s3://bucket");
        assert!(matches!(located(URL, &mirror), Err(LocateError::Mirror(_))));
    }
}
