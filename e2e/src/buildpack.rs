//! The buildpack under test, packaged as for its users, and copies of it that offer other
//! dependencies: a repackager edits buildpack.toml in the same way.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use toml::{Table, Value};

use crate::archives::Archive;
use crate::command::output;
use crate::directories::Directories;
use crate::xtask;

/// A dependency that a copy of the buildpack offers.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Its version.
    pub(crate) version: String,
    /// Where builds download it.
    pub(crate) uri: String,
    /// What its archive is checked against.
    pub(crate) checksum: String,
}

impl Offer {
    /// An archive at an address.
    pub(crate) fn new(archive: &Archive, uri: impl Into<String>) -> Self {
        Self {
            version: archive.version.clone(),
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

    /// A copy that offers just this dependency.
    pub(crate) fn offering(&self, name: &str, offer: &Offer) -> Result<PathBuf> {
        let copy = self.copies.join(name);
        fs::create_dir_all(&self.copies)?;
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        output(
            Command::new("cp")
                .arg("--archive")
                .arg(&self.directory)
                .arg(&copy),
        )?;
        let file = copy.join("buildpack.toml");
        let mut descriptor: Table = fs::read_to_string(&file)?.parse()?;
        offer_only(&mut descriptor, offer)
            .with_context(|| format!("{} has no dependency to put another for", file.display()))?;
        fs::write(&file, toml::to_string(&descriptor)?)?;
        Ok(copy)
    }
}

/// Leaves one dependency: the first, which keeps all but what makes it another.
fn offer_only(descriptor: &mut Table, offer: &Offer) -> Option<()> {
    let dependencies = descriptor
        .get_mut("metadata")?
        .get_mut("dependencies")?
        .as_array_mut()?;
    dependencies.truncate(1);
    let dependency = dependencies.first_mut()?.as_table_mut()?;
    for (key, value) in [
        ("version", &offer.version),
        ("uri", &offer.uri),
        ("checksum", &offer.checksum),
    ] {
        dependency.insert(key.to_owned(), Value::from(value.as_str()));
    }
    Some(())
}
