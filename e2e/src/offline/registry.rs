//! A registry on loopback.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::command::free_port;
use crate::directories::{log, target};
use crate::running::Running;

/// A running registry in memory, stopped when dropped.
#[derive(Debug)]
pub(crate) struct Registry {
    _process: Running,
    /// The host and port for names of images.
    pub(crate) address: String,
}

impl Registry {
    /// Starts the registry of crane on a free port.
    pub(crate) fn start() -> Result<Self> {
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        // The registry ends even if the suite is killed.
        let mut crane = Command::new("setpriv");
        crane
            .args(["--pdeathsig", "KILL"])
            .arg(target("tools/crane"))
            .args(["registry", "serve", "--address", &address]);
        let mut process =
            Running::start(&mut crane, Stdio::null(), log(&format!("registry-{port}")))?;
        process
            .wait_for("serving on port", 1)
            .context("cannot start a registry")?;
        Ok(Self {
            _process: process,
            address,
        })
    }
}
