//! The catalog, which is the dependencies of buildpack.toml, and choosing a release from it.

use crate::checksum::{Checksum, ChecksumError};
use crate::requirement::Requirement;
use crate::safe_url::SafeUrl;
use crate::text::joined;
use semver::Version;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use toml::Table;

/// The `id` of the entries that are watchexec releases. Entries with a different id are ignored.
pub const WATCHEXEC: &str = "watchexec";

/// `[metadata]` of buildpack.toml.
#[derive(Debug, Deserialize)]
pub struct Catalog {
    /// The releases that can be installed.
    #[serde(default)]
    pub dependencies: Vec<Entry>,
}

/// An entry of the catalog. It is parsed once it is known to be for the build: entries for other
/// programs and targets may have any form.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Entry(Table);

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
    source_checksum: Option<String>,
    /// The checksum of the source as bare hex, the older key.
    source_sha256: Option<String>,
}

/// A licence of a dependency.
#[derive(Debug, Clone, Deserialize)]
pub struct License {
    /// Its SPDX identifier.
    pub r#type: Option<String>,
    /// URL of its text.
    pub uri: Option<String>,
}

impl Entry {
    /// Whether it is a release of watchexec.
    pub fn is_watchexec(&self) -> bool {
        self.text("id") == Some(WATCHEXEC)
    }

    /// Parses the entry.
    ///
    /// # Errors
    /// A key is missing or has a value of a different form.
    pub fn parse(&self) -> Result<Dependency, toml::de::Error> {
        let mut dependency: Dependency = self.0.clone().try_into()?;
        dependency.arch = self.arch().map(str::to_owned);
        Ok(dependency)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// The architecture, which libpak's entries have in their package URL.
    fn arch(&self) -> Option<&str> {
        self.text("arch").or_else(|| {
            let (_, qualifiers) = self.text("purl")?.split_once('?')?;
            let mut qualifiers = qualifiers.split(['&', '#']);
            qualifiers.find_map(|qualifier| qualifier.strip_prefix("arch="))
        })
    }
}

impl Dependency {
    /// The checksum that its archive must have.
    ///
    /// # Errors
    /// The checksum is missing, or is not a SHA-256 digest.
    pub fn checksum(&self) -> Result<Checksum, ChecksumError> {
        checksum(self.checksum.as_ref(), self.sha256.as_ref())
    }

    /// The checksum of its source, if there is a valid one.
    pub fn source_checksum(&self) -> Option<Checksum> {
        checksum(self.source_checksum.as_ref(), self.source_sha256.as_ref()).ok()
    }

    /// Whether it runs on this target.
    pub fn is_for(&self, target: &Target) -> bool {
        target.is_one_of(self.os.as_deref(), self.arch.as_deref())
    }
}

/// The checksum of both keys, which may be empty.
fn checksum(checksum: Option<&String>, hex: Option<&String>) -> Result<Checksum, ChecksumError> {
    let is_present = |text: &&str| !text.is_empty();
    let [checksum, hex] = [checksum, hex].map(|key| key.map(|text| text.trim()).filter(is_present));
    let checksum = checksum.map(str::parse).transpose()?;
    let hex = hex.map(Checksum::from_hex).transpose()?;
    let why = match (checksum, hex) {
        (Some(first), Some(second)) if first != second => {
            format!("its `checksum` {first} and its `sha256` {second} differ")
        }
        (Some(checksum), _) | (None, Some(checksum)) => return Ok(checksum),
        (None, None) => "it has neither `checksum` nor `sha256`".to_owned(),
    };
    Err(ChecksumError(why))
}

/// The operating system and architecture that the image is built for, as Go names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// `linux`.
    pub os: String,
    /// `amd64`, `arm64`, …
    pub arch: String,
}

impl Target {
    fn is_one_of(&self, os: Option<&str>, arch: Option<&str>) -> bool {
        os.is_none_or(|os| os == self.os) && arch.is_none_or(|arch| arch == self.arch)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.arch)
    }
}

/// The release that a build installs. Its checksum and URL are known to be valid.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its entry in buildpack.toml.
    pub dependency: Dependency,
    /// The checksum that its archive must have.
    pub checksum: Checksum,
    /// The URL of its archive in buildpack.toml.
    pub url: SafeUrl,
    /// The versions that it was chosen from, newest first.
    pub available: Vec<Version>,
}

/// Why no release can be installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// The catalog has no release.
    #[error("buildpack.toml has no entry with the id watchexec in [[metadata.dependencies]]")]
    Empty,
    /// The catalog has no version for this target, only for the others.
    #[error("buildpack.toml has no watchexec for {0}, only for {others}", others = .1.join(", "))]
    NoTarget(Target, Vec<String>),
    /// No version for the target satisfies the requirements.
    #[error(
        "{}; available for {target}: {}",
        unsatisfied(requirements),
        joined(available, ", ")
    )]
    NoVersion {
        /// The target of the image.
        target: Target,
        /// The versions that are accepted; without a requirement, all that are no pre-releases.
        requirements: Vec<Requirement>,
        /// All versions for the target, newest first.
        available: Vec<Version>,
    },
    /// An entry for the target, named by its version or place, cannot be used.
    #[error("{0}: {1}")]
    Entry(String, String),
}

fn unsatisfied(requirements: &[Requirement]) -> String {
    match requirements {
        [] => "every release is a pre-release, which is installed only on request".to_owned(),
        _ => format!("no release satisfies {}", joined(requirements, " and ")),
    }
}

impl Catalog {
    /// Chooses the highest version for `target` that satisfies every requirement, and that is no
    /// pre-release if there is no requirement.
    ///
    /// # Errors
    /// No version does, or an entry for the target is unusable.
    pub fn choose(
        &self,
        target: &Target,
        requirements: &[Requirement],
    ) -> Result<Release, ChooseError> {
        let releases = (1..)
            .zip(&self.dependencies)
            .filter(|(_, entry)| entry.is_watchexec());
        let mut targets = BTreeSet::new();
        let mut candidates = Vec::new();
        for (number, entry) in releases {
            let (os, arch) = (entry.text("os"), entry.arch());
            targets.insert(format!("{}/{}", os.unwrap_or("*"), arch.unwrap_or("*")));
            if target.is_one_of(os, arch) {
                candidates.push(entry.parse().map_err(|error| {
                    let entry = format!("entry {number} of [[metadata.dependencies]]");
                    ChooseError::Entry(entry, error.message().to_owned())
                })?);
            }
        }
        if targets.is_empty() {
            return Err(ChooseError::Empty);
        } else if candidates.is_empty() {
            let targets = targets.into_iter().collect();
            return Err(ChooseError::NoTarget(target.clone(), targets));
        }
        // Stable, so that of two entries for one version the first one listed wins.
        candidates.sort_by(|a, b| b.version.cmp(&a.version));
        let mut available: Vec<Version> =
            candidates.iter().map(|one| one.version.clone()).collect();
        let wanted = |version: &Version| match requirements {
            [] => version.pre.is_empty(),
            all => all.iter().all(|requirement| requirement.matches(version)),
        };
        let Some(index) = available.iter().position(wanted) else {
            return Err(ChooseError::NoVersion {
                target: target.clone(),
                requirements: requirements.to_vec(),
                available,
            });
        };
        if requirements.is_empty() {
            available.retain(wanted);
        }
        let dependency = candidates.swap_remove(index);
        let unusable = |fault| {
            let entry = format!("the entry for watchexec {}", dependency.version);
            ChooseError::Entry(entry, fault)
        };
        let url = SafeUrl::parse(&dependency.uri);
        let url = url.map_err(|fault| unusable(format!("its uri: {fault}")))?;
        let checksum = dependency.checksum();
        let checksum = checksum.map_err(|ChecksumError(why)| unusable(why))?;
        Ok(Release {
            dependency,
            checksum,
            url,
            available,
        })
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
        let mut entries = Vec::new();
        for version in ["2.8.0", "2.7.3", "2.5.1"] {
            entries.extend(["amd64", "arm64"].map(|arch| {
                format!(
                    "id = 'watchexec'\nversion = '{version}'\nos = 'linux'\narch = '{arch}'\nUSABLE"
                )
            }));
        }
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let catalog = catalog(&entries);
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
        for entry in shipped().dependencies {
            let dependency = entry.parse().unwrap();
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
    fn lists_the_catalog_when_no_release_matches() {
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

    /// A catalog with an entry for each of these sets of keys.
    fn catalog(entries: &[&str]) -> Catalog {
        let usable = format!("uri = 'file:///w'\nchecksum = '{}'", Checksum::of(b""));
        let entries: Vec<String> = entries
            .iter()
            .map(|keys| format!("[[dependencies]]\n{}\n", keys.replace("USABLE", &usable)))
            .collect();
        toml::from_str(&entries.concat()).unwrap()
    }

    #[test]
    fn does_not_parse_entries_for_other_programs_and_targets() {
        let catalog = catalog(&[
            "id = 'jre'\nversion = '17.0'\nlicenses = ['MIT']",
            "id = 17",
            "id = 'watchexec'\nos = 'windows'\nversion = 'latest'",
            "id = 'watchexec'\narch = 'arm64'\nuri = 1",
            "id = 'watchexec'\nversion = '2.8.0'\nos = 'linux'\narch = 'amd64'\nUSABLE",
        ]);
        let release = catalog.choose(&target("amd64"), &[]).unwrap();
        assert_eq!(release.dependency.version.to_string(), "2.8.0");
    }

    #[test]
    fn uses_an_entry_without_target_for_every_target() {
        let catalog = catalog(&["id = 'watchexec'\nversion = '2.8.0'\nUSABLE"]);
        assert!(catalog.choose(&target("riscv64"), &[]).is_ok());
    }

    #[test]
    fn reads_the_architecture_from_the_package_url() {
        let entry = |arch: &str, name: &str| {
            format!(
                "id = 'watchexec'\nversion = '2.8.0'\nname = '{name}'\n\
                 purl = 'pkg:generic/watchexec@2.8.0?os=linux&arch={arch}#a'\nUSABLE"
            )
        };
        let catalog = catalog(&[&entry("arm64", "for arm"), &entry("amd64", "for amd")]);
        for (arch, name) in [("arm64", "for arm"), ("amd64", "for amd")] {
            let release = catalog.choose(&target(arch), &[]).unwrap();
            assert_eq!(release.dependency.name.as_deref(), Some(name));
        }
        let error = catalog.choose(&target("s390x"), &[]).unwrap_err();
        assert!(
            error.to_string().ends_with("only for */amd64, */arm64"),
            "{error}"
        );
    }

    #[test]
    fn reads_the_checksum_of_the_source_from_either_key() {
        let source = Checksum::of(b"source");
        let keys = [
            ("source-sha256", source.hex()),
            ("source-checksum", source.to_string()),
        ];
        for (key, text) in keys {
            let entry = format!("id = 'watchexec'\nversion = '2.8.0'\nUSABLE\n{key} = '{text}'");
            let release = catalog(&[&entry]).choose(&target("amd64"), &[]).unwrap();
            assert_eq!(release.dependency.source_checksum(), Some(source));
        }
    }

    #[test]
    fn takes_a_pre_release_only_if_it_is_asked_for() {
        let entry = |version| format!("id = 'watchexec'\nversion = '{version}'\nUSABLE");
        let entries = ["2.8.0-next.1", "2.8.0", "2.8.0+linux.1", "2.9.0-rc.1"].map(entry);
        let catalog = catalog(&entries.each_ref().map(String::as_str));
        let chosen = |requirements: &[&str]| {
            let requirements: Vec<Requirement> = requirements
                .iter()
                .map(|text| Requirement::parse(text, "VERSION").unwrap())
                .collect();
            let release = catalog.choose(&target("amd64"), &requirements)?;
            Ok::<_, ChooseError>(release.dependency.version.to_string())
        };
        assert_eq!(chosen(&[]).unwrap(), "2.8.0+linux.1");
        assert_eq!(chosen(&["2.*"]).unwrap(), "2.8.0+linux.1");
        for wanted in ["2.8.0-next.1", "2.8.0", "2.8.0+linux.1", "2.9.0-rc.1"] {
            assert_eq!(chosen(&[wanted]).unwrap(), wanted);
        }
        let release = catalog.choose(&target("amd64"), &[]).unwrap();
        assert_eq!(joined(&release.available, " "), "2.8.0+linux.1 2.8.0");
    }

    #[test]
    fn says_what_a_catalog_lacks() {
        let error = |entries: &[&str]| {
            let error = catalog(entries).choose(&target("amd64"), &[]).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            error(&["id = 'jre'"]),
            "buildpack.toml has no entry with the id watchexec in [[metadata.dependencies]]"
        );
        assert_eq!(
            error(&["id = 'watchexec'\nversion = '2.9.0-rc.1'\nUSABLE"]),
            "every release is a pre-release, which is installed only on request; available for linux/amd64: \
             2.9.0-rc.1"
        );
        let checksum = Checksum::of(b"");
        for (keys, fault) in [
            (
                "version = '1.0.0'\nuri = 'file:///w'",
                "has neither `checksum` nor `sha256`",
            ),
            (
                &format!("version = '1.0.0'\nuri = 's3://bucket/w'\nchecksum = '{checksum}'"),
                "its scheme is \"s3\"",
            ),
            (
                "version = '1.0.0'",
                "entry 2 of [[metadata.dependencies]]: missing field `uri`",
            ),
            ("version = '17.0'\nUSABLE", "unexpected end"),
        ] {
            let entry = format!("id = 'watchexec'\n{keys}");
            let error = error(&["id = 'jre'", &entry]);
            assert!(error.contains(fault), "{error}");
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
            Err(ChecksumError(format!(
                "its `checksum` {one} and its `sha256` {other} differ"
            )))
        );
        for none in ["", "checksum = ' '\nsha256 = ''"] {
            let missing = "it has neither `checksum` nor `sha256`".to_owned();
            assert_eq!(entry(none), Err(ChecksumError(missing)));
        }
    }
}
