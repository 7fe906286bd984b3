//! A registry on loopback, for what is published and taken from one.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::server::free_port;

/// How long it may take to start: a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// It ends by itself after this time, should the suite be killed.
const LIFETIME: &str = "10m";

/// A running registry, stopped when dropped. It keeps nothing.
#[derive(Debug)]
pub(crate) struct Registry {
    process: Child,
    address: String,
}

impl Registry {
    /// Starts it on a free port.
    pub(crate) fn start(crane: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let process = Command::new("timeout")
            .arg(LIFETIME)
            .arg(crane)
            .args(["registry", "serve", "--address", &address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a registry")?;
        let registry = Self { process, address };
        let started = Instant::now();
        while TcpStream::connect(&registry.address).is_err() {
            ensure!(
                started.elapsed() < PATIENCE,
                "the registry does not start at {}",
                registry.address
            );
            sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    /// The name of an image there.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Asked, not killed: `timeout` hands that on to the registry.
        if let Ok(id) = i32::try_from(self.process.id())
            && let Some(pid) = Pid::from_raw(id)
        {
            let _ = kill_process(pid, Signal::TERM);
            let _ = self.process.wait();
        }
    }
}
