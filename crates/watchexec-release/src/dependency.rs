//! The dependencies of buildpack.toml, and choosing one of them.

use crate::checksum::{Checksum, ChecksumError};
use crate::requirement::Requirement;
use semver::Version;
use serde::Deserialize;
use std::fmt;

/// The `id` of the entries that are watchexec releases. A repackager's further entries are left
/// alone.
pub const WATCHEXEC: &str = "watchexec";

/// `[metadata]` of buildpack.toml.
#[derive(Debug, Deserialize)]
pub struct BuildpackMetadata {
    /// The releases that can be installed.
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
}

/// One archive for one platform, with the keys that the ecosystem's tools read (the form of
/// Paketo's libpak). Keys that are not named here are ignored.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dependency {
    /// What it is, `watchexec`.
    pub id: String,
    /// Its name for people; the `id` where it has none.
    pub name: Option<String>,
    /// Its semver version.
    pub version: Version,
    /// Where its archive is: https, http or file.
    pub uri: String,
    /// `sha256:<hex>`.
    checksum: Option<String>,
    /// The same as bare hex, the older key.
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
    /// Where its source is.
    pub source: Option<String>,
    /// `sha256:<hex>` of the source.
    pub source_checksum: Option<String>,
}

/// A licence of a dependency.
#[derive(Debug, Clone, Deserialize)]
pub struct License {
    /// Its SPDX identifier.
    pub r#type: Option<String>,
    /// Where its text is.
    pub uri: Option<String>,
}

impl Dependency {
    /// The checksum that its archive must have.
    ///
    /// # Errors
    /// There is none, or it is not a SHA-256 digest.
    pub fn checksum(&self) -> Result<Checksum, ChecksumError> {
        let present = |text: &Option<String>| {
            text.as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        match (present(&self.checksum), present(&self.sha256)) {
            (None, None) => Err(ChecksumError::Missing),
            (Some(checksum), None) => checksum.parse(),
            (None, Some(digits)) => Checksum::from_hex(&digits),
            (Some(checksum), Some(digits)) => {
                let (first, second) = (checksum.parse()?, Checksum::from_hex(&digits)?);
                if first == second {
                    Ok(first)
                } else {
                    Err(ChecksumError::Contradictory(first, second))
                }
            }
        }
    }

    fn is_for(&self, platform: &Platform) -> bool {
        let fits = |wanted: &Option<String>, actual: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == actual)
        };
        fits(&self.os, &platform.os) && fits(&self.arch, &platform.arch)
    }
}

/// The operating system and architecture that the image is built for, as Go names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`, …
    pub arch: String,
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.arch)
    }
}

/// The dependency that a build installs, and what it was chosen from.
#[derive(Debug)]
pub struct Choice<'a> {
    /// The chosen one.
    pub dependency: &'a Dependency,
    /// All versions there are for the platform, newest first.
    pub available: Vec<Version>,
}

/// No dependency can be installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no watchexec for {platform} satisfies {requirements:?}")]
pub struct NoMatch {
    /// What the image is built for.
    pub platform: Platform,
    /// What was asked for.
    pub requirements: Vec<Requirement>,
    /// All versions there are for the platform, newest first.
    pub available: Vec<Version>,
    /// The platforms that buildpack.toml has any version for.
    pub platforms: Vec<String>,
}

/// Chooses the highest version for `platform` that satisfies every requirement.
///
/// # Errors
/// There is none.
pub fn choose<'a>(
    dependencies: &'a [Dependency],
    platform: &Platform,
    requirements: &[Requirement],
) -> Result<Choice<'a>, NoMatch> {
    let mut candidates: Vec<&Dependency> = dependencies
        .iter()
        .filter(|dependency| dependency.id == WATCHEXEC && dependency.is_for(platform))
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
    match chosen {
        Some(dependency) => Ok(Choice {
            dependency,
            available,
        }),
        None => Err(NoMatch {
            platform: platform.clone(),
            requirements: requirements.to_vec(),
            available,
            platforms: platforms_of(dependencies),
        }),
    }
}

fn platforms_of(dependencies: &[Dependency]) -> Vec<String> {
    let mut platforms: Vec<String> = dependencies
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
    platforms.sort();
    platforms.dedup();
    platforms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::Origin;

    const SHIPPED: &str = include_str!("../../../buildpack.toml");

    #[derive(Deserialize)]
    struct Descriptor {
        metadata: BuildpackMetadata,
    }

    fn shipped() -> Vec<Dependency> {
        let descriptor: Descriptor = toml::from_str(SHIPPED).unwrap();
        descriptor.metadata.dependencies
    }

    fn platform(arch: &str) -> Platform {
        Platform {
            os: "linux".to_owned(),
            arch: arch.to_owned(),
        }
    }

    fn chosen(arch: &str, requirements: &[&str]) -> Result<String, NoMatch> {
        let requirements: Vec<Requirement> = requirements
            .iter()
            .map(|text| Requirement::parse(text, Origin::BuildPlan).unwrap())
            .collect();
        choose(&shipped(), &platform(arch), &requirements)
            .map(|choice| choice.dependency.version.to_string())
    }

    #[test]
    fn each_shipped_release_can_be_verified_on_both_architectures() {
        for arch in ["amd64", "arm64"] {
            let dependencies = shipped();
            let choice = choose(&dependencies, &platform(arch), &[]).unwrap();
            assert_eq!(choice.available.len(), 3);
        }
        for dependency in shipped() {
            dependency.checksum().unwrap();
            assert!(dependency.uri.contains("-linux-musl.tar.xz"));
            assert!(dependency.uri.contains(&dependency.version.to_string()));
        }
    }

    #[test]
    fn the_newest_that_satisfies_all_requirements_is_chosen() {
        assert_eq!(chosen("amd64", &[]).unwrap(), "2.8.0");
        assert_eq!(chosen("arm64", &["2.*"]).unwrap(), "2.8.0");
        assert_eq!(chosen("amd64", &["<2.8"]).unwrap(), "2.7.3");
        assert_eq!(chosen("amd64", &[">=2.5", "<2.7"]).unwrap(), "2.5.1");
    }

    #[test]
    fn no_match_says_what_there_is() {
        let error = chosen("amd64", &["2.8", "2.5"]).unwrap_err();
        assert_eq!(error.available.len(), 3);
        let error = chosen("s390x", &[]).unwrap_err();
        assert_eq!(error.available, []);
        assert_eq!(error.platforms, ["linux/amd64", "linux/arm64"]);
    }

    #[test]
    fn other_dependencies_and_other_platforms_are_no_candidates() {
        let mut other = shipped().remove(0);
        other.id = "something-else".to_owned();
        assert!(choose(&[other], &platform("amd64"), &[]).is_err());

        let mut everywhere = shipped().remove(0);
        everywhere.os = None;
        everywhere.arch = None;
        assert!(choose(&[everywhere], &platform("riscv64"), &[]).is_ok());
    }

    #[test]
    fn a_release_has_one_checksum_or_none_that_counts() {
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
