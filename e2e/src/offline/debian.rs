//! Packages of Debian, installed where the machine lacks them, or only unpacked.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::command::{as_root, is_on_path, logged, output};
use crate::directories::log;
use harness::cached;

/// Installs these packages if a program is not on PATH.
pub(crate) fn provide(program: &str, packages: &[&str]) -> Result<()> {
    if is_on_path(program) {
        return Ok(());
    }
    update();
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

/// Downloads packages, with the dependencies that the machine lacks, and unpacks them into a
/// directory without installing them: some would start services.
pub(super) fn unpacked(name: &str, packages: &[&str]) -> Result<PathBuf> {
    cached(name, packages, |directory| {
        let archives = directory.join("archives");
        fs::create_dir_all(archives.join("partial"))?;
        update();
        let mut download = as_root("apt-get");
        download
            .args(["install", "--yes", "--download-only", "--reinstall"])
            .arg("--no-install-recommends")
            .args([
                "-o",
                &format!("Dir::Cache::archives={}", archives.display()),
            ]);
        logged(download.args(packages), &log(&format!("apt-{name}")))?;
        for entry in fs::read_dir(&archives)? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "deb") {
                output(Command::new("dpkg-deb").arg("-x").arg(file).arg(directory))?;
            }
        }
        Ok(fs::remove_dir_all(archives)?)
    })
}

/// Updates the lists of packages. Some sources may be unreachable: the installation fails if one of
/// them matters.
fn update() {
    let _ = logged(as_root("apt-get").arg("update"), &log("apt-update"));
}
