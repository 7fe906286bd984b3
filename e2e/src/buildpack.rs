//! The buildpack under test, packaged as for its users, and copies of it that offer other
//! dependencies: a repackager edits buildpack.toml in the same way.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;
use toml::{Table, Value};

use crate::architecture::HERE;
use crate::archives::Archive;
use crate::directories::{self, Directories};
use crate::xtask;

/// A dependency that a copy of the buildpack offers.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Its version.
    pub(crate) version: String,
    /// What it is for, as Go names it.
    pub(crate) architecture: &'static str,
    /// Where builds download it.
    pub(crate) uri: String,
    /// What its archive is checked against.
    pub(crate) checksum: String,
}

impl Offer {
    /// An archive for this machine at an address.
    pub(crate) fn new(archive: &Archive, uri: impl Into<String>) -> Self {
        Self {
            version: archive.version.clone(),
            architecture: HERE.name,
            uri: uri.into(),
            checksum: archive.checksum(),
        }
    }
}

/// The packaged buildpack.
#[derive(Debug)]
pub(crate) struct Buildpack {
    /// Where it is.
    pub(crate) directory: PathBuf,
    copies: PathBuf,
}

impl Buildpack {
    /// Packages it from the sources of this checkout, under a name and with further choices of
    /// `cargo xtask package`.
    pub(crate) fn package(name: &str, choices: &[&str], directories: &Directories) -> Result<Self> {
        let directory = directories.target("packages").join(name);
        let output = directory.to_string_lossy();
        let arguments = [&["package", "--output", &output], choices].concat();
        xtask::last_line(&arguments, &format!("xtask-{name}"), directories)?;
        Ok(Self {
            directory,
            copies: directories.target("buildpacks"),
        })
    }

    /// Packages it under a name with the newest watchexec inside.
    pub(crate) fn package_offline(name: &str, directories: &Directories) -> Result<Self> {
        let made = xtask::last_line(&["archive"], "xtask-archive", directories)?;
        let descriptor = Path::new(&made).join("buildpack.toml");
        let archive = Archive::released(directories)?;
        let archive = Path::new(&made).join(&archive.file_name);
        let (archive, descriptor) = (archive.to_string_lossy(), descriptor.to_string_lossy());
        let choices = ["--archive", &archive, "--buildpack-toml", &descriptor];
        Self::package(name, &choices, directories)
    }

    /// A copy that offers just this dependency.
    pub(crate) fn offering(&self, name: &str, offer: &Offer) -> Result<PathBuf> {
        let copy = self.copies.join(name);
        directories::copy(&self.directory, &copy)?;
        let file = copy.join("buildpack.toml");
        fs::write(&file, descriptor(&file, &[offer])?)?;
        Ok(copy)
    }
}

/// A buildpack.toml that offers just these dependencies, each in place of the first one for its
/// architecture, of which it keeps all but what makes it another.
pub(crate) fn descriptor(file: &Path, offers: &[&Offer]) -> Result<String> {
    let mut descriptor: Table = fs::read_to_string(file)?.parse()?;
    offer_only(&mut descriptor, offers)
        .with_context(|| format!("{} has no dependency to put another for", file.display()))?;
    Ok(toml::to_string(&descriptor)?)
}

fn offer_only(descriptor: &mut Table, offers: &[&Offer]) -> Option<()> {
    let dependencies = descriptor
        .get_mut("metadata")?
        .get_mut("dependencies")?
        .as_array_mut()?;
    let changed: Option<Vec<Value>> = offers
        .iter()
        .map(|offer| {
            let mut dependency = dependencies
                .iter()
                .find(|dependency| {
                    dependency.get("arch").and_then(Value::as_str) == Some(offer.architecture)
                })?
                .clone();
            for (key, value) in [
                ("version", &offer.version),
                ("uri", &offer.uri),
                ("checksum", &offer.checksum),
            ] {
                let value = Value::from(value.as_str());
                dependency.as_table_mut()?.insert(key.to_owned(), value);
            }
            Some(dependency)
        })
        .collect();
    *dependencies = changed?;
    Some(())
}
