//! Running programs. Errors name the program, its status and the end of its output.

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Runs a command. Returns its standard output, trimmed.
///
/// # Errors
/// It cannot be run, or fails.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}: is it installed?", shown(command)))?;
    if !output.status.success() {
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        let (shown, end) = (shown(command), last_lines(&printed));
        bail!("{shown}: {}\n{end}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command whose output is for the person who called the task. The last line of a task's own
/// output is its result.
///
/// # Errors
/// It cannot be run, or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run {}: is it installed?", shown(command)))?;
    ensure!(status.success(), "{}: {status}", shown(command));
    Ok(())
}

/// Runs a command with much output, which goes to a file.
///
/// # Errors
/// It cannot be run, or fails.
pub fn logged(command: &mut Command, log: &Path) -> Result<()> {
    let status = recorded(command, log)?;
    ensure!(
        status.success(),
        "{}: {status}\n{}\n(all of it in {})",
        shown(command),
        last_lines(&fs::read_to_string(log)?),
        log.display()
    );
    Ok(())
}

/// Runs a command whose output goes to a file. Returns its status.
///
/// # Errors
/// It cannot be run.
pub fn recorded(command: &mut Command, log: &Path) -> Result<ExitStatus> {
    record(command, log)?
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))
}

/// Sends the output of a command to a file.
///
/// # Errors
/// The file cannot be written.
pub fn record<'a>(command: &'a mut Command, log: &Path) -> Result<&'a mut Command> {
    let file = fs::File::create(log)?.into_parts().0;
    let command = command.stdin(Stdio::null()).stdout(file.try_clone()?);
    Ok(command.stderr(file))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// The end of a long output, where errors are.
pub fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
