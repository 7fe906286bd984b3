//! The repository's own tasks, as its users call them.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use bench::cargo;
use fs_err as fs;
use fs_err::File;

use crate::command::last_lines;
use crate::directories::Directories;

/// Runs `cargo xtask` and returns the last line of its output, which names what it made.
pub(crate) fn last_line(
    arguments: &[&str],
    log: &str,
    directories: &Directories,
) -> Result<String> {
    let log = directories.log(log);
    let output = cargo()
        .arg("xtask")
        .args(arguments)
        .current_dir(directories.workspace())
        .stdin(Stdio::null())
        .stderr(File::create(&log)?.into_parts().0)
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "cargo xtask {}: {}\n{}\n(all of it in {})",
            arguments.join(" "),
            output.status,
            last_lines(&fs::read_to_string(&log)?),
            log.display()
        );
    }
    let printed = String::from_utf8(output.stdout)?;
    let last = printed
        .lines()
        .last()
        .context("cargo xtask printed nothing")?;
    Ok(last.to_owned())
}
