//! `tar`, for images that have none: what tools that copy files into a container, and out of it,
//! ask of it.
//!
//! | tool | command |
//! |---|---|
//! | Tilt | `tar -C / -x -f -` |
//! | Skaffold | `tar xmf - -C / --no-same-owner` |
//! | kubectl cp, to the container | `tar [--no-same-permissions --no-same-owner] -xmf - [-C DIR]` |
//! | kubectl cp, from the container | `tar cf - PATH` |
//! | `DevSpace` | `tar xzp -C DIR/.` |
//!
//! Where it differs from GNU tar it is for the sake of a running app:
//! - A file is replaced as a whole, by renaming, and all files of an archive at once when the
//!   archive has ended: the app sees either the old ones or the new ones, and a slow transfer
//!   restarts it once.
//! - Directories that exist are left as they are, as are links to directories: the user of a run
//!   image is often not their owner, who alone may change their mode and time.
//! - Links of the archive are made last, so that nothing is written through them.

mod arguments;
mod create;
mod extract;

use crate::texts::{TarProblem, tell};
pub(crate) use arguments::TarArgumentError;
use arguments::{Action, Arguments};
use flate2::read::MultiGzDecoder;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The exit status of GNU tar for every error; Tilt takes it for "no permission" and says so.
const FAILURE: u8 = 2;

/// Runs `tar` with these arguments, without the program's own name.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut problems = Problems::default();
    match Arguments::parse(arguments) {
        Ok(arguments) => act(&arguments, &mut problems),
        Err(error) => problems.tell(&error.into()),
    }
    problems.exit_code()
}

fn act(arguments: &Arguments, problems: &mut Problems) {
    let directory = arguments.directory.as_deref().unwrap_or(Path::new("."));
    if !directory.is_dir() {
        problems.tell(&TarProblem::Directory(directory.to_owned()));
        return;
    }
    let outcome = match arguments.action {
        Action::Extract => input(arguments)
            .and_then(|input| extract::extract(input, directory, arguments, problems)),
        Action::Create => output(arguments)
            .and_then(|output| create::create(output, directory, arguments, problems)),
    };
    if let Err(error) = outcome {
        problems.tell(&TarProblem::Archive(error));
    }
}

/// The archive to read.
fn input(arguments: &Arguments) -> io::Result<Box<dyn Read>> {
    let input: Box<dyn Read> = match &arguments.file {
        None => Box::new(io::stdin().lock()),
        Some(file) => Box::new(File::open(file)?),
    };
    Ok(if arguments.gzip {
        Box::new(MultiGzDecoder::new(BufReader::new(input)))
    } else {
        Box::new(input)
    })
}

/// The archive to write.
fn output(arguments: &Arguments) -> io::Result<BufWriter<Box<dyn Write>>> {
    let output: Box<dyn Write> = match &arguments.file {
        None => Box::new(io::stdout().lock()),
        Some(file) => Box::new(File::create(file)?),
    };
    Ok(BufWriter::new(output))
}

/// What went wrong so far. One bad entry does not keep the others from being copied.
#[derive(Debug, Default)]
struct Problems {
    count: usize,
}

impl Problems {
    /// Tells people at once.
    fn tell(&mut self, problem: &TarProblem) {
        self.count += 1;
        tell(format_args!("tar: {problem}"));
    }

    /// Tells what went wrong with one member of the archive.
    fn tell_of(&mut self, member: &Path, error: io::Error) {
        self.tell(&TarProblem::Member(member.to_owned(), error));
    }

    fn exit_code(&self) -> ExitCode {
        if self.count == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FAILURE)
        }
    }
}

/// The name of a member, or of a hard link's target, as a path below the target directory: without
/// `/` at the start and without `.`, as GNU tar does. `None` for one that leads out of it.
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
