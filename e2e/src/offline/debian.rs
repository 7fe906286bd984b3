//! Packages of Debian that the machine lacks.

use anyhow::{Context, Result};

use crate::command::{as_root, logged};
use crate::directories::log;

/// Installs these packages if a program is not on PATH.
pub(crate) fn provide(program: &str, packages: &[&str]) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|directory| directory.join(program).is_file()) {
        return Ok(());
    }
    // Some package sources may be unreachable. The installation fails if one of them matters.
    let _ = logged(as_root("apt-get").arg("update"), &log("apt-update"));
    let options = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "install"];
    let mut install = as_root("env");
    install
        .args(options)
        .args(["-y", "--no-install-recommends"]);
    logged(install.args(packages), &log(&format!("apt-{program}")))
        .with_context(|| format!("{program} is missing and cannot be installed by apt"))
}

/// The emulator of arm64 for single programs, by its path.
pub(crate) fn emulator() -> Result<&'static str> {
    provide("qemu-aarch64-static", &["qemu-user-static"])?;
    Ok("/usr/bin/qemu-aarch64-static")
}
