//! `tar` for images that have none, as far as tools that sync files into a container need it.
//!
//! | tool | command |
//! |---|---|
//! | Tilt | `tar -C / -x -f -` |
//! | Skaffold | `tar xmf - -C / --no-same-owner` |
//! | `DevSpace` | `tar xzp -C DIR/.` |
//!
//! It differs from GNU tar where a running app or a restricted user needs something else:
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
mod extract;
mod problem;

use crate::texts::tell;
use arguments::Arguments;
use flate2::read::MultiGzDecoder;
use problem::Problem;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit status of GNU tar for every error. Tilt reports it as a missing permission.
const FAILURE: u8 = 2;

/// As much as a pipe holds.
const BUFFER: usize = 64 * 1024;

/// Runs `tar` with these arguments, without the program's own name.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut problems = Problems::default();
    match Arguments::parse(arguments) {
        Ok(arguments) => act(&arguments, &mut problems),
        Err(error) => problems.tell(&Problem::Arguments(error)),
    }
    problems.exit_code()
}

fn act(arguments: &Arguments, problems: &mut Problems) {
    let directory = arguments.directory.as_deref().unwrap_or(Path::new("."));
    if !directory.is_dir() {
        problems.tell(&Problem::Directory(directory.to_owned()));
        return;
    }
    let outcome =
        input(arguments).and_then(|input| extract::extract(input, directory, arguments, problems));
    if let Err(error) = outcome {
        problems.tell(&Problem::Archive(error));
    }
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

/// Reports problems as they occur and counts them. One bad entry does not keep the others from
/// being copied.
#[derive(Debug, Default)]
struct Problems {
    count: usize,
}

impl Problems {
    fn tell(&mut self, problem: &Problem) {
        self.count = self.count.saturating_add(1);
        tell(format_args!("tar: {problem}"));
    }

    fn tell_of(&mut self, member: &Path, error: io::Error) {
        self.tell(&Problem::Member(member.to_owned(), error));
    }

    fn exit_code(&self) -> ExitCode {
        if self.count == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FAILURE)
        }
    }
}

/// Turns the name of a member, or the target of a hard link, into a path below the target directory:
/// without `/` at the start and without `.`, as GNU tar does. `None` if it contains `..`.
fn below(name: &Path) -> Option<PathBuf> {
    use std::path::Component;
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => return None,
        }
    }
    Some(path)
}
