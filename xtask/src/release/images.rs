//! The images of a release as OCI layouts, with the digests that they have in any registry: only
//! what was made here is pushed and signed, whatever a registry answers.

use crate::command::run;
use anyhow::{Context, Result, ensure};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// A registry in memory, which no other machine can reach. It ends when it is dropped.
pub(super) struct Registry {
    process: Child,
    address: String,
}

impl Registry {
    /// Starts crane's.
    pub(super) fn start() -> Result<Self> {
        let mut process = Command::new("crane")
            .args(["registry", "serve", "--address", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run crane: is it installed?")?;
        let errors = process.stderr.take().context("crane has no output")?;
        let mut registry = Self {
            process,
            address: String::new(),
        };
        let mut errors = BufReader::new(errors);
        let mut line = String::new();
        errors.read_line(&mut line)?;
        let port = line.trim().rsplit(' ').next().unwrap_or_default();
        ensure!(
            line.contains("serving on port"),
            "crane did not start a registry: {line}"
        );
        registry.address = format!("127.0.0.1:{port}");
        // The registry logs each request.
        thread::spawn(move || io::copy(&mut errors, &mut io::sink()));
        Ok(registry)
    }

    /// Writes the image of a package, an index of one image for each architecture, into a
    /// directory.
    pub(super) fn layout(&self, package: &Path, directory: &Path) -> Result<()> {
        let image = format!("{}/package", self.address);
        super::pack(package, &image, &["--publish"])?;
        run(Command::new("crane")
            .args(["pull", "--format", "oci", &image])
            .arg(directory))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
