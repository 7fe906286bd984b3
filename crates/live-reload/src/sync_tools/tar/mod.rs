//! `tar` for images without one: the part that sync tools use.
//!
//! | tool | command |
//! |---|---|
//! | Tilt | `tar -C / -x -f -` |
//! | Skaffold | `tar xmf - -C / --no-same-owner` |
//! | `DevSpace` | `tar xzp -C DIR/.` |
//!
//! For a running app and a restricted user, it differs from GNU tar:
//! - A file is replaced as a whole, by renaming, and all files of an archive at once when the
//!   archive has ended: the app sees either the old ones or the new ones, and a slow transfer
//!   restarts it once. A file that the transfer cuts is not written, and an archive that ends
//!   within a header is an error.
//! - If several entries have the same name, only the last is put in place, and only that one has to
//!   be valid.
//! - Existing directories keep their mode and time, and links to directories stay
//!   (`--no-overwrite-dir --keep-directory-symlink`): the user of a run image is often not their
//!   owner, who alone may change them.
//! - Nothing is written through a link of the same archive, and no hard link leads out of the
//!   target directory. GNU tar allows the first if the link stays below the target directory, and
//!   shortens the target of the second. Other links are followed to directories, unless another
//!   user could have made them (see [`crate::sync_tools::open_directory`]).
//! - Names and pax records above 1 MiB are refused before they are read.
//! - A signal that ends it leaves no temporary file and, until the archive has ended, no new file.
//! - A new directory gets the mode of the archive, without a set-group-ID bit of the directory
//!   above, which GNU tar lets it inherit.
//! - A modification time that the system cannot represent is ignored: the content matters.
//! - Sparse files in the pax format, and entries that are not files, directories or links, are
//!   refused.

mod archive;
mod arguments;
mod attributes;
mod extract;
mod input;
mod place;
mod problems;
mod stages;

use crate::sync_tools::open_directory::open_directory;
use arguments::Arguments;
use printable::printable;
use problems::Problems;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

/// Runs `tar` with these arguments, without the program's own name.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut problems = Problems::default();
    if let Err(error) = act(arguments, &mut problems) {
        problems.log(error);
    }
    problems.exit_code()
}

fn act(arguments: impl Iterator<Item = OsString>, problems: &mut Problems) -> Result<(), String> {
    let arguments = Arguments::parse(arguments)?;
    let directory = arguments.directory.as_deref().unwrap_or(Path::new("."));
    let target = open_directory(directory).map_err(|error| {
        let name = printable(directory);
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => format!(
                "{name}: Not a directory. Create it first, or name a different one with -C."
            ),
            _ => format!("{name}: Cannot open this directory: {error}."),
        }
    })?;
    let damaged = |error| {
        format!(
            "The archive is damaged or has been cut off ({error}). The files before that point \
             were copied; copy again."
        )
    };
    let file = input::open(arguments.file.as_deref());
    let file = file.map_err(|error| format!("Cannot open the archive: {error}."))?;
    let signals = input::Signals::hold_back();
    let signals = signals.map_err(|error| format!("Cannot hold back signals: {error}."))?;
    let result = input::read(&file, arguments.gzip, &signals)
        .and_then(|input| extract::extract(input, target, &arguments, problems));
    result.map_err(|error| {
        if input::is_stop(&error) {
            "Interrupted by a signal before the end of the archive; copy again.".to_owned()
        } else {
            damaged(error)
        }
    })
}
