//! The repository's own tasks, as its users call them.

use anyhow::{Context, Result};
use bench::xtask;
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
    let progress = File::create(&log)?.into_parts().0;
    xtask(directories.workspace(), arguments, progress).with_context(|| {
        let printed = fs::read_to_string(&log).unwrap_or_default();
        format!("{}\n(all of it in {})", last_lines(&printed), log.display())
    })
}
