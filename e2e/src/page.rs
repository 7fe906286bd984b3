//! What the texts of the repository tell people to type, typed.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::platform::Platform;

/// The blocks of commands that have this comment above them in a page, in their order.
pub(crate) fn commands(platform: &Platform, page: &str, comment: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(platform.directories.workspace().join(page))?;
    let start = format!("<!-- {comment} -->\n```sh\n");
    let blocks: Vec<String> = text
        .split(&start)
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()))
        .collect();
    ensure!(
        !blocks.is_empty(),
        "{page} has no commands with {comment:?}"
    );
    Ok(blocks)
}

/// A shell that runs commands in a folder up to the first one that fails. Its `pack` and `crane`
/// are the suite's, and it has no engine: what it needs has to be there.
pub(crate) fn shell(platform: &Platform, folder: &Path, commands: &str) -> Result<Command> {
    let programs = platform.directories.target("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-e", "-u", "-c", commands])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path)?)
        .env("PACK_HOME", platform.directories.target("pack-home"))
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    Ok(shell)
}
