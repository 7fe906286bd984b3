//! What the figures are held against: the programs that a person would do the same with.

use crate::packages::Packages;
use crate::server::Server;
use anyhow::{Context, Result, ensure};
use fs_err as fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The start of a program that does nothing.
pub(crate) fn start() -> Result<Duration> {
    let started = Instant::now();
    run(&mut Command::new("/bin/true"))?;
    Ok(started.elapsed())
}

/// Checks a program, and puts it where it belongs.
pub(crate) fn bundled(program: &Path) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    run(Command::new("sha256sum").arg(program))?;
    run(Command::new("cp").arg(program).arg(folder.path()))?;
    Ok(started.elapsed())
}

/// Downloads the archive, checks it, and takes the program out.
pub(crate) fn download(server: &Server, packages: &Packages) -> Result<Duration> {
    let folder = packages.scratch()?;
    let name = packages.archive.file_name().context("no name")?;
    let file = folder.join(name);
    let member = format!(
        "{}/watchexec",
        name.display().to_string().trim_end_matches(".tar.xz")
    );
    let url = format!("{}/{}", server.address(), name.display());
    let started = Instant::now();
    run(Command::new("curl")
        .args(["-sSf", "-o"])
        .arg(&file)
        .arg(url))?;
    run(Command::new("sha256sum").arg(&file))?;
    let mut xz = Command::new("xz")
        .arg("-dc")
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run xz")?;
    let decoded = xz.stdout.take().context("xz has no output")?;
    run(Command::new("tar")
        .arg("-C")
        .arg(&folder)
        .arg("-x")
        .arg(member)
        .stdin(decoded))?;
    // It ends by a signal where tar stops reading after the last entry.
    xz.wait()?;
    let duration = started.elapsed();
    fs::remove_dir_all(folder)?;
    Ok(duration)
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let status = command
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {name}, which is the reference"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}
