//! A registry on loopback.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::{free_port, retry};
use crate::directories::target;

/// How long it may take to start, which usually takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running registry in memory, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Registry {
    process: Child,
    /// The host and port for names of images.
    pub(crate) address: String,
}

impl Registry {
    /// Starts the registry of crane on a free port.
    pub(crate) fn start() -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        // The registry ends even if the suite is killed.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(target("tools/crane"))
            .args(["registry", "serve", "--address", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a registry")?;
        let registry = Self { process, address };
        retry(PATIENCE, || Ok(TcpStream::connect(&registry.address)?))?;
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
