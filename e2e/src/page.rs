//! A text of the repository, as far as its commands go: blocks between fences, with a comment above
//! that says which case runs them, or why none does.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::blocks::{self, Block};
use crate::directories::Directories;

impl Block {
    /// Its commands one by one; a line that ends with `\` goes on in the next one.
    pub(crate) fn commands(&self) -> Vec<String> {
        let mut commands = Vec::new();
        let mut command = String::new();
        for line in self.text.lines() {
            command.push_str(line);
            command.push('\n');
            if !line.ends_with('\\') {
                commands.push(std::mem::take(&mut command));
            }
        }
        commands
    }
}

/// The command blocks of a text in Markdown.
pub(crate) fn blocks(markdown: &str) -> Result<Vec<Block>> {
    let mut blocks = blocks::blocks(markdown, |_, _| ()).context("a text ends inside a block")?;
    blocks.retain(Block::has_commands);
    Ok(blocks)
}

/// Those that have this comment above them, in their order.
pub(crate) fn blocks_with(comment: &str, markdown: &str) -> Result<Vec<Block>> {
    let mut blocks = blocks(markdown)?;
    blocks.retain(|block| block.comment.as_deref() == Some(comment));
    Ok(blocks)
}

/// The edit that a text asks for: the file, and what to write into it.
pub(crate) fn edit(markdown: &str) -> Option<(&str, &str)> {
    let (_, rest) = markdown.split_once("Write `")?;
    let (code, rest) = rest.split_once("` into `")?;
    let (file, _) = rest.split_once('`')?;
    Some((file, code))
}

/// The blocks of commands that have this comment above them in a page, in their order.
pub(crate) fn commands(
    directories: &Directories,
    page: &str,
    comment: &str,
) -> Result<Vec<String>> {
    let text = fs::read_to_string(directories.workspace().join(page))?;
    let found = blocks_with(comment, &text)?;
    ensure!(!found.is_empty(), "{page} has no commands with {comment:?}");
    Ok(found.into_iter().map(|block| block.text).collect())
}

/// A shell that runs commands in a folder up to the first one that fails. Its `pack` and `crane`
/// are the suite's, and it has no engine: what it needs has to be there.
pub(crate) fn shell(directories: &Directories, folder: &Path, commands: &str) -> Result<Command> {
    let mut shell = shell_with(&directories.target("bin"), directories, folder, commands)?;
    shell.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    Ok(shell)
}

/// Such a shell, with these programs before others of their names.
pub(crate) fn shell_with(
    programs: &Path,
    directories: &Directories,
    folder: &Path,
    commands: &str,
) -> Result<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-e", "-u", "-c", commands])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(path)?)
        .env("PACK_HOME", directories.target("pack-home"));
    Ok(shell)
}
