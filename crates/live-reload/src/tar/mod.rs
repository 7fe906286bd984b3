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
//!   restarts it once. A file that the transfer cuts is not written, and an archive that ends within
//!   a header is an error.
//! - Of several entries with the same name only the last one is put in place, and has to be possible.
//! - Existing directories keep their mode and time, and links to directories stay
//!   (`--no-overwrite-dir --keep-directory-symlink`): the user of a run image is often not their
//!   owner, who alone may change them.
//! - Nothing is written through a link of the same archive, and no hard link leads out of the
//!   target directory. GNU tar allows the first where the link stays below the target directory,
//!   and shortens the target of the second.
//! - A new directory gets the mode of the archive, without a set-group-ID bit of the directory above,
//!   which GNU tar lets it inherit.
//! - A modification time that the system cannot represent is ignored: the content matters.
//! - Sparse files in the pax format, and entries that are not files, directories or links, are
//!   refused.

mod arguments;
mod attributes;
mod extract;
mod place;
mod problems;

use arguments::Arguments;
use flate2::read::MultiGzDecoder;
use problems::Problems;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

/// As much as a pipe holds.
const BUFFER: usize = 64 * 1024;

/// Runs `tar` with these arguments, without the program's own name.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut problems = Problems::default();
    if let Err(error) = act(arguments, &mut problems) {
        problems.tell(error);
    }
    problems.exit_code()
}

fn act(arguments: impl Iterator<Item = OsString>, problems: &mut Problems) -> Result<(), String> {
    let arguments = Arguments::parse(arguments)?;
    let directory = arguments.directory.as_deref().unwrap_or(Path::new("."));
    if !directory.is_dir() {
        return Err(format!(
            "{}: Cannot change to it: it is not a directory. Make it first, or name another one with -C.",
            directory.display()
        ));
    }
    input(&arguments)
        .and_then(|input| extract::extract(input, directory, &arguments, problems))
        .map_err(|error| {
            format!(
                "The archive is damaged or has been cut off ({error}). The files before that point \
                 were copied; copy again."
            )
        })
}

/// Opens the archive.
fn input(arguments: &Arguments) -> io::Result<Box<dyn Read>> {
    let input: Box<dyn Read> = match &arguments.file {
        None => Box::new(io::stdin().lock()),
        Some(file) => Box::new(File::open(file)?),
    };
    let mut input = BufReader::with_capacity(BUFFER, input);
    if input.fill_buf()?.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"));
    }
    Ok(if arguments.gzip {
        Box::new(MultiGzDecoder::new(input))
    } else {
        Box::new(input)
    })
}
