//! Locating the archive of a release. The first hit wins: inside the buildpack, a mapping, a mirror,
//! the URL in buildpack.toml.

use crate::bundle::Bundle;
use crate::catalog::Release;
use crate::checksum::Checksum;
use crate::location::{Archive, InvalidOverride};
use crate::mirror::Mirrors;
use std::collections::BTreeMap;
use std::path::Path;

/// Mappings and mirrors, which the operator gives in place of the URLs in buildpack.toml.
#[derive(Default)]
pub struct Overrides {
    /// Bindings of type `dependency-mapping`, by the checksum of the archive. An unusable one
    /// matters only if it applies: other mappings are for other buildpacks.
    pub mappings: BTreeMap<Checksum, Result<Archive, InvalidOverride>>,
    /// Servers that stand for others.
    pub mirrors: Mirrors,
}

/// The origin of a release.
#[derive(Debug)]
pub enum Source {
    /// Inside the buildpack, ready to install.
    Bundle(Bundle),
    /// An archive that has to be downloaded.
    Archive(Archive),
}

/// Locates a release.
///
/// # Errors
/// An override that applies cannot be used.
pub fn locate(
    release: &Release,
    buildpack_dir: &Path,
    overrides: &Overrides,
) -> Result<Source, InvalidOverride> {
    if let Some(bundle) = Bundle::find(buildpack_dir, release.checksum) {
        return Ok(Source::Bundle(bundle));
    }
    if let Some(mapping) = overrides.mappings.get(&release.checksum) {
        return mapping.clone().map(Source::Archive);
    }
    // A file has no host, and so no mirror.
    if release.url.file().is_none()
        && let Some(mirror) = overrides.mirrors.for_host(release.url.host())
    {
        let mirror = mirror.as_ref().map_err(Clone::clone)?;
        return Ok(Source::Archive(mirror.rewrite(&release.url)));
    }
    Ok(Source::Archive(Archive {
        url: release.url.clone(),
        set_by: None,
    }))
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

    fn source(
        url: &str,
        buildpack: &Path,
        overrides: &Overrides,
    ) -> Result<Source, InvalidOverride> {
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
    fn located(
        url: &str,
        overrides: &Overrides,
    ) -> Result<(String, Option<String>), InvalidOverride> {
        let buildpack = tempfile::tempdir().unwrap();
        source(url, buildpack.path(), overrides).map(|source| match source {
            Source::Archive(Archive { url, set_by }) => (url.to_string(), set_by),
            Source::Bundle(bundle) => (format!("{bundle:?}"), None),
        })
    }

    fn mirror(host: &str, text: &str) -> Overrides {
        let mirror = (host.to_owned(), Mirror::parse("MIRROR".to_owned(), text));
        Overrides {
            mirrors: Mirrors([mirror].into()),
            ..Overrides::default()
        }
    }

    fn with_mapping(overrides: Overrides, url: &str) -> Overrides {
        let mapping = Archive::mapped("/bindings/map".to_owned(), url);
        Overrides {
            mappings: [(checksum(), mapping)].into(),
            ..overrides
        }
    }

    #[test]
    fn takes_the_url_of_the_catalog_without_overrides() {
        let none = Overrides::default();
        let catalog = (URL.to_owned(), None);
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
        let (url, set_by) = located(URL, &overrides).unwrap();
        assert_eq!(url, "http://mapped/w");
        assert_eq!(set_by.as_deref(), Some("/bindings/map"));
    }

    #[test]
    fn prefers_a_mirror_to_the_catalog_except_for_files() {
        let overrides = mirror("example.com", "https://mirror/x");
        assert_eq!(
            located(URL, &overrides).unwrap(),
            (
                "https://mirror/x/v1/watchexec.tar.xz".to_owned(),
                Some("MIRROR".to_owned())
            )
        );
        let (file, _) = located("file:///w", &mirror("default", "https://m")).unwrap();
        assert_eq!(file, "file:///w");
    }

    #[test]
    fn fails_where_an_override_is_unusable() {
        let mapping = with_mapping(Overrides::default(), "s3://bucket/w");
        let mirror = mirror("default", "s3://bucket");
        for (overrides, setting) in [(mapping, "/bindings/map"), (mirror, "MIRROR")] {
            let error = located(URL, &overrides).unwrap_err();
            assert_eq!(error.setting, setting);
        }
    }
}
