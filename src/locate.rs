//! Locating: where the archive of the chosen dependency is taken from. The first hit wins:
//! inside the buildpack, a mapping, a mirror, the dependency's own address.

use crate::address::{Address, InvalidAddress, Place};
use crate::bindings::Entries;
use crate::bundle::Bundle;
use crate::checksum::Checksum;
use crate::dependency::Dependency;
use crate::mirror::{InvalidMirror, Mirrors};
use std::path::{Path, PathBuf};

/// The places that the operator named instead of the dependencies' own.
#[derive(Default)]
pub struct Substitutes {
    /// Bindings of type `dependency-mapping`: from a checksum to an address.
    pub mappings: Entries,
    /// Servers that stand for others.
    pub mirrors: Mirrors,
}

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
    /// A binding maps the archive's checksum to it. Carries the binding's file.
    Mapping(PathBuf),
    /// It is a mirror's. Carries the variable or the binding's file that sets the mirror.
    Mirror(String),
    /// It is the dependency's own `uri`.
    DependencyUri,
}

impl Source {
    /// Whether taking it costs neither network nor time.
    #[must_use]
    pub fn is_inside_buildpack(&self) -> bool {
        matches!(self, Self::Bundle(_))
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
    /// A mapping.
    #[error("{path}: {error}")]
    Mapping {
        /// The binding's file.
        path: PathBuf,
        /// What is wrong.
        error: InvalidAddress,
    },
    /// A mirror.
    #[error(transparent)]
    Mirror(#[from] InvalidMirror),
}

/// Finds the place to take `dependency` from.
///
/// # Errors
/// A place that was named cannot be used.
pub fn locate(
    dependency: &Dependency,
    checksum: Checksum,
    buildpack_dir: &Path,
    substitutes: &Substitutes,
) -> Result<Source, LocateError> {
    if let Some(bundle) = Bundle::find(buildpack_dir, checksum) {
        return Ok(Source::Bundle(bundle));
    }
    let (address, reason) = if let Some(mapped) = mapped(&substitutes.mappings, checksum)? {
        mapped
    } else {
        let own = Address::parse(&dependency.uri).map_err(|error| LocateError::Uri {
            version: dependency.version.to_string(),
            error,
        })?;
        mirrored(&substitutes.mirrors, &own)?.unwrap_or((own, Reason::DependencyUri))
    };
    Ok(Source::Archive { address, reason })
}

/// The address that a binding maps a checksum to. Its name may have the algorithm before it;
/// `:` is not allowed in the names of a Kubernetes secret, so `_` stands for it.
fn mapped(
    mappings: &Entries,
    checksum: Checksum,
) -> Result<Option<(Address, Reason)>, LocateError> {
    let hex = checksum.hex();
    let entry = [
        hex.clone(),
        format!("sha256:{hex}"),
        format!("sha256_{hex}"),
    ]
    .iter()
    .find_map(|name| mappings.get(name));
    let Some(entry) = entry else {
        return Ok(None);
    };
    let address = Address::parse(&entry.content).map_err(|error| LocateError::Mapping {
        path: entry.path.clone(),
        error,
    })?;
    Ok(Some((address, Reason::Mapping(entry.path.clone()))))
}

/// The address at the mirror of an address' host. A file has no host, and no mirror.
fn mirrored(mirrors: &Mirrors, own: &Address) -> Result<Option<(Address, Reason)>, LocateError> {
    let Place::Server(url) = own.place() else {
        return Ok(None);
    };
    let Some(mirror) = mirrors.for_host(url.host_str().unwrap_or_default()) else {
        return Ok(None);
    };
    let address = mirror.rewrite(&url)?;
    Ok(Some((address, Reason::Mirror(mirror.setting().to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::Bindings;
    use crate::environment::Environment;
    use std::fs;

    const URI: &str = "https://example.com/v1/watchexec.tar.xz";

    fn checksum() -> Checksum {
        Checksum::of(b"archive")
    }

    fn source(
        uri: &str,
        buildpack: &Path,
        substitutes: &Substitutes,
    ) -> Result<Source, LocateError> {
        let entry = format!("id = 'watchexec'\nversion = '2.8.0'\nuri = '{uri}'");
        let dependency: Dependency = toml::from_str(&entry).unwrap();
        locate(&dependency, checksum(), buildpack, substitutes)
    }

    fn described(source: Source) -> (String, Reason) {
        match source {
            Source::Archive { address, reason } => (address.to_string(), reason),
            Source::Bundle(_) => panic!("a bundle out of nothing"),
        }
    }

    /// Where an archive would come from, in a buildpack that has none inside.
    fn address(uri: &str, substitutes: &Substitutes) -> Result<(String, Reason), LocateError> {
        let buildpack = tempfile::tempdir().unwrap();
        source(uri, buildpack.path(), substitutes).map(described)
    }

    /// Substitutes from variables, and from bindings given as `binding/entry`.
    fn substitutes(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Substitutes {
        let platform = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = platform.path().join("bindings").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let environment = Environment::of(variables);
        let bindings = Bindings::locate(&environment, platform.path());
        let mirrors = bindings.of_type("dependency-mirror").unwrap();
        Substitutes {
            mappings: bindings.of_type("dependency-mapping").unwrap(),
            mirrors: Mirrors::collect(&environment, &mirrors),
        }
    }

    #[test]
    fn without_anything_else_it_is_the_uri() {
        let none = Substitutes::default();
        assert_eq!(
            address(URI, &none).unwrap(),
            (URI.to_owned(), Reason::DependencyUri)
        );
        assert!(address("ftp://example.com/w", &none).is_err());
    }

    #[test]
    fn what_is_inside_the_buildpack_comes_first() {
        let buildpack = tempfile::tempdir().unwrap();
        let mirror = substitutes(&[("BP_DEPENDENCY_MIRROR", "https://mirror")], &[]);
        let folder = Bundle::directory(buildpack.path(), checksum());
        fs::create_dir_all(&folder).unwrap();
        let found = source(URI, buildpack.path(), &mirror).unwrap();
        assert!(matches!(found, Source::Bundle(_)));
        assert!(found.is_inside_buildpack());
    }

    #[test]
    fn a_mapping_comes_before_a_mirror_in_each_spelling_of_its_key() {
        let hex = checksum().hex();
        for key in [
            hex.clone(),
            hex.to_uppercase(),
            format!("sha256:{hex}"),
            format!("sha256_{hex}"),
        ] {
            let found = address(
                URI,
                &substitutes(
                    &[("BP_DEPENDENCY_MIRROR", "https://mirror")],
                    &[
                        ("map/type", "dependency-mapping"),
                        (&format!("map/{key}"), "http://mapped/w\n"),
                        ("map/0123", "http://other/w"),
                    ],
                ),
            );
            let (address, reason) = found.unwrap();
            assert_eq!(address, "http://mapped/w", "{key}");
            assert!(matches!(reason, Reason::Mapping(_)));
        }
    }

    #[test]
    fn a_mirror_comes_before_the_uri() {
        let mirror = substitutes(
            &[("BP_DEPENDENCY_MIRROR_EXAMPLE_COM", "https://mirror/x")],
            &[],
        );
        assert_eq!(
            address(URI, &mirror).unwrap(),
            (
                "https://mirror/x/v1/watchexec.tar.xz".to_owned(),
                Reason::Mirror("BP_DEPENDENCY_MIRROR_EXAMPLE_COM".to_owned())
            )
        );
        let (other, reason) = address("https://other.com/w", &mirror).unwrap();
        assert_eq!(other, "https://other.com/w");
        assert_eq!(reason, Reason::DependencyUri);
        let (file, _) = address(
            "file:///w",
            &substitutes(&[("BP_DEPENDENCY_MIRROR", "https://m")], &[]),
        )
        .unwrap();
        assert_eq!(file, "file:///w");
    }

    #[test]
    fn a_substitute_that_cannot_be_used_is_no_way_back_to_the_uri() {
        let hex = checksum().hex();
        let mapping = substitutes(
            &[],
            &[
                ("map/type", "dependency-mapping"),
                (&format!("map/{hex}"), "s3://bucket/w"),
            ],
        );
        assert!(matches!(
            address(URI, &mapping),
            Err(LocateError::Mapping { .. })
        ));
        let mirror = substitutes(&[("BP_DEPENDENCY_MIRROR", "s3://bucket")], &[]);
        assert!(matches!(address(URI, &mirror), Err(LocateError::Mirror(_))));
    }
}
