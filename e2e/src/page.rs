//! A text of the repository, as far as its commands go: blocks between fences, with a comment above
//! that says which case runs them, or why none does.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::directories::Directories;

/// A command block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The line of its first fence.
    pub(crate) line: usize,
    /// What the comment above it says.
    pub(crate) comment: String,
    /// What is in it.
    pub(crate) text: String,
}

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
pub(crate) fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut above = "";
    for (index, line) in markdown.lines().enumerate() {
        let content = line.trim();
        if content.starts_with("```") {
            if let Some(block) = open.take() {
                blocks.push(block);
            } else {
                let comment = above
                    .strip_prefix("<!--")
                    .and_then(|rest| rest.strip_suffix("-->"));
                open = Some(Block {
                    line: index + 1,
                    comment: comment.unwrap_or_default().trim().to_owned(),
                    text: String::new(),
                });
            }
        } else if let Some(block) = &mut open {
            block.text.push_str(content);
            block.text.push('\n');
        }
        above = content;
    }
    blocks.retain(|block| !block.comment.is_empty());
    blocks
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
    let mut found = blocks(&text);
    found.retain(|block| block.comment == comment);
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
