//! The watchexec archives that builds are given: the real one, and ones that are wrong in a way.

use std::env::consts::ARCH;
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use sha2::{Digest, Sha256};
use tar::{Builder, Header};
use toml::Table;

use crate::directories::Directories;
use crate::xtask;

/// An archive's bytes, under its version.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The version of watchexec that it is for.
    pub(crate) version: String,
    /// The name to serve it by.
    pub(crate) file_name: String,
    /// What is in the file.
    pub(crate) contents: Vec<u8>,
}

impl Archive {
    /// The archive of the newest release, as xtask downloads or makes it.
    pub(crate) fn released(directories: &Directories) -> Result<Self> {
        let directory = xtask::last_line(&["archive"], "xtask-archive", directories)?;
        let descriptor = fs::read_to_string(Path::new(&directory).join("buildpack.toml"))?;
        let descriptor: Table = descriptor.parse()?;
        let (version, uri) = local_dependency(&descriptor)
            .context("no dependency in the buildpack.toml of xtask archive is a file")?;
        let file_name = uri.rsplit('/').next().unwrap_or(uri);
        Ok(Self {
            version: version.to_owned(),
            file_name: file_name.to_owned(),
            contents: fs::read(Path::new(&directory).join(file_name))?,
        })
    }

    /// An archive without compression whose only executable is this script.
    pub(crate) fn with_script(version: &str, name: &str, script: &str) -> Result<Self> {
        Self::with_program(version, name, script.as_bytes())
    }

    /// The same with any program.
    pub(crate) fn with_program(version: &str, name: &str, program: &[u8]) -> Result<Self> {
        let folder = format!("watchexec-{version}-{ARCH}-unknown-linux-musl");
        let mut builder = Builder::new(Vec::new());
        for (file, mode, contents) in [
            (name, 0o755, program),
            ("LICENSE", 0o644, b"Apache License 2.0\n"),
        ] {
            let mut header = Header::new_gnu();
            header.set_mode(mode);
            header.set_size(contents.len() as u64);
            builder.append_data(&mut header, format!("{folder}/{file}"), contents)?;
        }
        Ok(Self {
            version: version.to_owned(),
            file_name: format!("{folder}.tar"),
            contents: builder.into_inner()?,
        })
    }

    /// The checksum as buildpack.toml has it.
    pub(crate) fn checksum(&self) -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(&self.contents)))
    }
}

/// Version and address of the dependency whose archive is on this machine.
fn local_dependency(descriptor: &Table) -> Option<(&str, &str)> {
    let dependencies = descriptor
        .get("metadata")?
        .get("dependencies")?
        .as_array()?;
    dependencies
        .iter()
        .filter_map(|entry| Some((entry.get("version")?.as_str()?, entry.get("uri")?.as_str()?)))
        .find(|(_, uri)| uri.starts_with("file://"))
}
