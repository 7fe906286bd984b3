//! Locating the archive of a release. The first hit wins: inside the buildpack, a mapping, a
//! mirror, the URL in buildpack.toml.

use crate::bundle::Bundle;
use crate::catalog::Release;
use crate::checksum::Checksum;
use crate::mirror;
use crate::safe_url::SafeUrl;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// Mappings and mirrors, which the operator gives in place of the URLs in buildpack.toml.
#[derive(Default)]
pub struct Overrides {
    /// Bindings of type `dependency-mapping`, by their name in lower case: the checksum of an
    /// archive, with or without its algorithm.
    pub mappings: BTreeMap<String, Override>,
    /// Mirrors, by the host that they replace, in lower case.
    pub mirrors: BTreeMap<String, Override>,
}

/// A mapping or a mirror as it was written. It is parsed where it applies, since most overrides are
/// for other buildpacks. It has no `Debug`: it may contain a login.
pub struct Override {
    /// The variable or the file of the binding, for people.
    pub setting: String,
    /// Its value.
    pub text: String,
}

/// The origin of a release.
#[derive(Debug)]
pub enum Source {
    /// Inside the buildpack, ready to install.
    Bundle(Bundle),
    /// An archive that has to be downloaded.
    Archive(Archive),
}

/// The location of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its URL.
    pub url: SafeUrl,
    /// The mapping or mirror that sets the URL in place of buildpack.toml.
    pub set_by: Option<String>,
}

impl fmt::Display for Archive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set_by {
            Some(setting) => write!(formatter, "{} ({setting})", self.url),
            None => self.url.fmt(formatter),
        }
    }
}

/// Locates a release.
///
/// # Errors
/// An override that applies cannot be used. An operator who sets one means it, so the next location
/// is not tried. The text names the variable or the binding's file; the value, which may hold
/// credentials, is not part of it.
pub fn locate(
    release: &Release,
    buildpack_dir: &Path,
    overrides: &Overrides,
) -> Result<Source, String> {
    if let Some(bundle) = Bundle::find(buildpack_dir, release.checksum) {
        return Ok(Source::Bundle(bundle));
    }
    let (found, url) = if let Some(mapping) = overrides.mapping(release.checksum) {
        (mapping, SafeUrl::parse(&mapping.text))
    } else if let Some(mirror) = overrides.mirror(&release.url) {
        (mirror, mirror::rewrite(&mirror.text, &release.url))
    } else {
        let url = release.url.clone();
        return Ok(Source::Archive(Archive { url, set_by: None }));
    };
    let setting = &found.setting;
    let url = url.map_err(|fault| format!("{setting}: {fault}"))?;
    let set_by = Some(setting.clone());
    Ok(Source::Archive(Archive { url, set_by }))
}

impl Overrides {
    /// The mapping for an archive. `:` is not allowed in the names of a Kubernetes secret, so `_`
    /// stands for it.
    pub fn mapping(&self, checksum: Checksum) -> Option<&Override> {
        let names = ["", "sha256:", "sha256_"].map(|kind| format!("{kind}{}", checksum.hex()));
        names.iter().find_map(|name| self.mappings.get(name))
    }

    /// The mirror for a URL: that of its host, else the one for all. A file has no host, and so no
    /// mirror.
    fn mirror(&self, url: &SafeUrl) -> Option<&Override> {
        let hosts = [url.host(), mirror::DEFAULT];
        let mut hosts = hosts.iter().filter(|_| url.file().is_none());
        hosts.find_map(|host| self.mirrors.get(*host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, Target};
    use std::fs;

    const URL: &str = "https://example.com/v1/watchexec.tar.xz";

    fn checksum() -> Checksum {
        Checksum::of(b"archive")
    }

    fn source(url: &str, buildpack: &Path, overrides: &Overrides) -> Result<Source, String> {
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
    fn located(url: &str, overrides: &Overrides) -> Result<(String, Option<String>), String> {
        let buildpack = tempfile::tempdir().unwrap();
        source(url, buildpack.path(), overrides).map(|source| match source {
            Source::Archive(Archive { url, set_by }) => (url.to_string(), set_by),
            Source::Bundle(bundle) => (format!("{bundle:?}"), None),
        })
    }

    fn set(setting: &str, text: &str) -> Override {
        Override {
            setting: setting.to_owned(),
            text: text.to_owned(),
        }
    }

    fn mirror(host: &str, text: &str) -> Overrides {
        Overrides {
            mirrors: [(host.to_owned(), set("MIRROR", text))].into(),
            ..Overrides::default()
        }
    }

    fn with_mapping(overrides: Overrides, url: &str) -> Overrides {
        Overrides {
            mappings: [(checksum().hex(), set("/bindings/map", url))].into(),
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
        let mut both = mirror("default", "https://default");
        both.mirrors.extend(overrides.mirrors);
        let (own, _) = located(URL, &both).unwrap();
        assert_eq!(own, "https://mirror/x/v1/watchexec.tar.xz");
        let (other, _) = located("https://other.com/w", &both).unwrap();
        assert_eq!(other, "https://default/w");
        let (file, _) = located("file:///w", &mirror("default", "https://m")).unwrap();
        assert_eq!(file, "file:///w");
    }

    #[test]
    fn fails_if_an_override_is_unusable() {
        let mapping = with_mapping(Overrides::default(), "s3://bucket/w");
        let mirror = mirror("default", "s3://bucket");
        for (overrides, setting) in [(mapping, "/bindings/map"), (mirror, "MIRROR")] {
            let error = located(URL, &overrides).unwrap_err();
            let start = format!("{setting}: ");
            assert!(error.starts_with(&start), "{error}");
        }
    }
}
