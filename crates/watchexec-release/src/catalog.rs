//! The catalog, which is the dependencies of buildpack.toml, and choosing a release from it.

use crate::archive_url::ArchiveUrl;
use crate::checksum::{Checksum, ChecksumError};
use crate::requirement::Requirement;
use crate::text::joined;
use semver::Version;
use serde::Deserialize;
use std::fmt;

/// The `id` of the entries that are watchexec releases. Entries with another id are ignored.
pub const WATCHEXEC: &str = "watchexec";

/// `[metadata]` of buildpack.toml.
#[derive(Debug, Deserialize)]
pub struct Catalog {
    /// The releases that can be installed.
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
}

/// One archive for one target, with the keys that the ecosystem's tools read (the form of
/// Paketo's libpak). Keys that are not named here are ignored.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dependency {
    /// `watchexec`, or the id of a repackager's further entry.
    pub id: String,
    /// Its display name; the `id` by default.
    pub name: Option<String>,
    /// Its semver version.
    pub version: Version,
    /// URL of its archive: https, http or file.
    pub uri: String,
    /// `sha256:<hex>`.
    checksum: Option<String>,
    /// The checksum as bare hex, the older key.
    sha256: Option<String>,
    /// Operating system as Go names it; without one the entry is for every system.
    pub os: Option<String>,
    /// Architecture as Go names it; without one the entry is for every architecture.
    pub arch: Option<String>,
    /// Package URL.
    pub purl: Option<String>,
    /// CPE 2.3 names.
    #[serde(default)]
    pub cpes: Vec<String>,
    /// Licences.
    #[serde(default)]
    pub licenses: Vec<License>,
    /// URL of its source.
    pub source: Option<String>,
    /// `sha256:<hex>` of the source.
    pub source_checksum: Option<String>,
}

/// A licence of a dependency.
#[derive(Debug, Clone, Deserialize)]
pub struct License {
    /// Its SPDX identifier.
    pub r#type: Option<String>,
    /// URL of its text.
    pub uri: Option<String>,
}

impl Dependency {
    /// The checksum that its archive must have.
    ///
    /// # Errors
    /// The checksum is missing, or is not a SHA-256 digest.
    pub fn checksum(&self) -> Result<Checksum, ChecksumError> {
        let checksum = present(self.checksum.as_ref())
            .map(str::parse)
            .transpose()?;
        let sha256 = present(self.sha256.as_ref())
            .map(Checksum::from_hex)
            .transpose()?;
        match (checksum, sha256) {
            (Some(first), Some(second)) if first != second => {
                Err(ChecksumError::Contradictory(first, second))
            }
            (first, second) => first.or(second).ok_or(ChecksumError::Missing),
        }
    }

    /// Whether it runs on this target.
    #[must_use]
    pub fn is_for(&self, target: &Target) -> bool {
        let fits = |wanted: &Option<String>, actual: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == actual)
        };
        fits(&self.os, &target.os) && fits(&self.arch, &target.arch)
    }
}

/// The text of a key, unless that is empty.
fn present(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// The operating system and architecture that the image is built for, as Go names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`, …
    pub arch: String,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.arch)
    }
}

/// The release that a build installs. Its checksum and URL are known to be valid.
#[derive(Debug, Clone)]
pub struct Release<'a> {
    /// Its entry in buildpack.toml.
    pub dependency: &'a Dependency,
    /// The checksum that its archive must have.
    pub checksum: Checksum,
    /// The URL of its archive in buildpack.toml.
    pub url: ArchiveUrl,
    /// The versions that it was chosen from, newest first.
    pub available: Vec<Version>,
}

/// Why no release can be installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// The catalog has no version for the target of the image.
    #[error("buildpack.toml has no watchexec for {target}, only for {}", targets.join(", "))]
    NoTarget {
        /// The target of the image.
        target: Target,
        /// The targets that the catalog has a version for.
        targets: Vec<String>,
    },
    /// No version for the target satisfies the requirements.
    #[error(
        "no release satisfies {}; available for {target}: {}",
        joined(requirements, " and "),
        joined(available, ", ")
    )]
    NoVersion {
        /// The target of the image.
        target: Target,
        /// The versions that are accepted.
        requirements: Vec<Requirement>,
        /// All versions for the target, newest first.
        available: Vec<Version>,
    },
    /// The entry of the chosen release has no usable checksum or URL.
    #[error("the entry for watchexec {version}: {fault}")]
    Entry {
        /// Its version.
        version: Version,
        /// The fault.
        fault: String,
    },
}

impl Catalog {
    /// Chooses the highest version for `target` that satisfies every requirement.
    ///
    /// # Errors
    /// No version does, or the entry of that version is unusable.
    pub fn choose(
        &self,
        target: &Target,
        requirements: &[Requirement],
    ) -> Result<Release<'_>, ChooseError> {
        let mut candidates: Vec<&Dependency> = self
            .dependencies
            .iter()
            .filter(|dependency| dependency.id == WATCHEXEC && dependency.is_for(target))
            .collect();
        // Stable, so that of two entries for one version the first one listed wins.
        candidates.sort_by(|a, b| b.version.cmp(&a.version));
        let available: Vec<Version> = candidates
            .iter()
            .map(|dependency| dependency.version.clone())
            .collect();

        let chosen = candidates.into_iter().find(|dependency| {
            requirements
                .iter()
                .all(|requirement| requirement.matches(&dependency.version))
        });
        let Some(dependency) = chosen else {
            let target = target.clone();
            return Err(if available.is_empty() {
                ChooseError::NoTarget {
                    target,
                    targets: self.targets(),
                }
            } else {
                ChooseError::NoVersion {
                    target,
                    requirements: requirements.to_vec(),
                    available,
                }
            });
        };
        let unusable = |fault| ChooseError::Entry {
            version: dependency.version.clone(),
            fault,
        };
        Ok(Release {
            dependency,
            checksum: dependency
                .checksum()
                .map_err(|error| unusable(error.to_string()))?,
            url: ArchiveUrl::parse(&dependency.uri)
                .map_err(|error| unusable(format!("its uri: {error}")))?,
            available,
        })
    }

    fn targets(&self) -> Vec<String> {
        let mut targets: Vec<String> = self
            .dependencies
            .iter()
            .filter(|dependency| dependency.id == WATCHEXEC)
            .map(|dependency| {
                format!(
                    "{}/{}",
                    dependency.os.as_deref().unwrap_or("*"),
                    dependency.arch.as_deref().unwrap_or("*")
                )
            })
            .collect();
        targets.sort();
        targets.dedup();
        targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../buildpack.toml");

    #[derive(Deserialize)]
    struct Descriptor {
        metadata: Catalog,
    }

    fn shipped() -> Catalog {
        toml::from_str::<Descriptor>(SHIPPED).unwrap().metadata
    }

    fn target(arch: &str) -> Target {
        Target {
            os: "linux".to_owned(),
            arch: arch.to_owned(),
        }
    }

    fn chosen(arch: &str, requirements: &[&str]) -> Result<String, ChooseError> {
        let requirements: Vec<Requirement> = requirements
            .iter()
            .map(|text| Requirement::parse(text, "the build plan").unwrap())
            .collect();
        let catalog = shipped();
        let release = catalog.choose(&target(arch), &requirements)?;
        Ok(release.dependency.version.to_string())
    }

    #[test]
    fn verifies_each_shipped_release_on_both_architectures() {
        for arch in ["amd64", "arm64"] {
            let catalog = shipped();
            let release = catalog.choose(&target(arch), &[]).unwrap();
            assert_eq!(release.available.len(), 3);
        }
        for dependency in shipped().dependencies {
            dependency.checksum().unwrap();
            assert!(dependency.uri.contains("-linux-musl.tar.xz"));
            assert!(dependency.uri.contains(&dependency.version.to_string()));
        }
    }

    #[test]
    fn chooses_the_newest_that_satisfies_all_requirements() {
        assert_eq!(chosen("amd64", &[]).unwrap(), "2.8.0");
        assert_eq!(chosen("arm64", &["2.*"]).unwrap(), "2.8.0");
        assert_eq!(chosen("amd64", &["<2.8"]).unwrap(), "2.7.3");
        assert_eq!(chosen("amd64", &[">=2.5", "<2.7"]).unwrap(), "2.5.1");
    }

    #[test]
    fn lists_the_catalog_where_no_release_matches() {
        let error = |arch, requirements| chosen(arch, requirements).unwrap_err().to_string();
        assert_eq!(
            error("amd64", &["2.8", "2.5"]),
            "no release satisfies \"2.8\" (the build plan) and \"2.5\" (the build plan); available for \
             linux/amd64: 2.8.0, 2.7.3, 2.5.1"
        );
        assert_eq!(
            error("s390x", &[]),
            "buildpack.toml has no watchexec for linux/s390x, only for linux/amd64, linux/arm64"
        );
    }

    #[test]
    fn ignores_other_dependencies_and_other_targets() {
        let only = |change: &dyn Fn(&mut Dependency)| {
            let mut catalog = shipped();
            catalog.dependencies.truncate(1);
            catalog.dependencies.iter_mut().for_each(change);
            catalog
        };
        let other = only(&|dependency| dependency.id = "something-else".to_owned());
        assert!(other.choose(&target("amd64"), &[]).is_err());

        let everywhere = only(&|dependency| {
            dependency.os = None;
            dependency.arch = None;
        });
        assert!(everywhere.choose(&target("riscv64"), &[]).is_ok());
    }

    #[test]
    fn rejects_an_entry_without_a_usable_checksum_or_url() {
        let only = |keys: &str| -> Catalog {
            let entry = format!("[[dependencies]]\nid = 'watchexec'\nversion = '1.0.0'\n{keys}");
            toml::from_str(&entry).unwrap()
        };
        let checksum = Checksum::of(b"");
        for (keys, fault) in [
            ("uri = 'file:///w'", "has neither `checksum` nor `sha256`"),
            (
                &format!("uri = 's3://bucket/w'\nchecksum = '{checksum}'"),
                "its scheme is \"s3\"",
            ),
        ] {
            let catalog = only(keys);
            let error = catalog.choose(&target("amd64"), &[]).unwrap_err();
            assert!(error.to_string().contains(fault), "{error}");
        }
    }

    #[test]
    fn reads_checksums_from_either_key() {
        let entry = |keys: &str| -> Result<Checksum, ChecksumError> {
            let text = format!("id = 'watchexec'\nversion = '1.0.0'\nuri = 'file:///x'\n{keys}");
            toml::from_str::<Dependency>(&text).unwrap().checksum()
        };
        let (one, other) = (Checksum::of(b"1"), Checksum::of(b"2"));
        assert_eq!(entry(&format!("checksum = '{one}'")), Ok(one));
        assert_eq!(entry(&format!("sha256 = '{}'", one.hex())), Ok(one));
        assert_eq!(
            entry(&format!("checksum = '{one}'\nsha256 = '{}'", one.hex())),
            Ok(one)
        );
        assert_eq!(
            entry(&format!("checksum = '{one}'\nsha256 = '{}'", other.hex())),
            Err(ChecksumError::Contradictory(one, other))
        );
        assert_eq!(entry(""), Err(ChecksumError::Missing));
        assert_eq!(
            entry("checksum = ' '\nsha256 = ''"),
            Err(ChecksumError::Missing)
        );
    }
}
