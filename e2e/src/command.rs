//! Running programs, so that a failure says which one, how it ended and what it printed last.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use fs_err as fs;
use fs_err::File;

/// Runs a command to its end and returns what it printed on standard output, trimmed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {shown}"))?;
    if !output.status.success() {
        bail!(
            "{shown}: {}\n{}",
            output.status,
            last_lines(&String::from_utf8_lossy(
                &[output.stdout, output.stderr].concat()
            ))
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command whose output goes to a file, as it may be long, and only its end to an error.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<()> {
    let status = recorded(command, log)?;
    if !status.success() {
        bail!(
            "{}: {status}\n{}\n(all of it in {})",
            shown(command),
            last_lines(&fs::read_to_string(log)?),
            log.display()
        );
    }
    Ok(())
}

/// Runs a command whose output goes to a file, and leaves it to the caller what its status means.
pub(crate) fn recorded(command: &mut Command, log: &Path) -> Result<ExitStatus> {
    let file = File::create(log)?.into_parts().0;
    command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| format!("cannot run {}", shown(command)))
}

/// Whether a program of this name is on PATH.
pub(crate) fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// The end of a long text, where programs say what went wrong.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
