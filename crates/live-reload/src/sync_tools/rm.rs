//! `rm`, for images without one: with `rm -rf [--] PATH…`, sync tools delete files in a container
//! that were deleted or renamed on the host.

use super::open_directory::open_directory;
use crate::output::{log, print};
use lexopt::{Arg, Parser};
use printable::printable;
use rustix::fs::{AtFlags, FileType, statat, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The end of the error for an unknown option.
const KNOWN: &str = "This rm is part of live-reload and serves tools that sync files. It accepts \
                     -r, -f, -v and their long forms. For more, use a run image with an rm of its \
                     own.";

/// A command line of `rm`.
#[derive(Debug, Default)]
struct Arguments {
    /// `-r`: directories with everything in them.
    recursive: bool,
    /// `-f`: missing files are no error.
    force: bool,
    /// `-v`
    verbose: bool,
    paths: Vec<PathBuf>,
}

/// Runs `rm` with these arguments, without the program's own name. The exit status is that of GNU
/// rm: 1 if anything could not be removed.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            log(format_args!("rm: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let mut exit_code = ExitCode::SUCCESS;
    for path in &arguments.paths {
        match remove(path, arguments.recursive) {
            Ok(()) if arguments.verbose => print(format_args!("removed '{}'", printable(path))),
            Ok(()) => {}
            Err(error) if arguments.force && is_missing(&error) => {}
            Err(error) => {
                log(format_args!(
                    "rm: cannot remove '{}': {error}",
                    printable(path)
                ));
                exit_code = ExitCode::FAILURE;
            }
        }
    }
    exit_code
}

impl Arguments {
    fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut parser = Parser::from_args(arguments);
        let unknown = |error| {
            let option = match error {
                lexopt::Error::UnexpectedOption(option) => option,
                other => other.to_string(),
            };
            format!("unknown option '{}'\n{KNOWN}", printable(&option))
        };
        while let Some(argument) = parser.next().map_err(unknown)? {
            match argument {
                Arg::Short('r' | 'R') | Arg::Long("recursive") => parsed.recursive = true,
                Arg::Short('f') | Arg::Long("force") => parsed.force = true,
                Arg::Short('v') | Arg::Long("verbose") => parsed.verbose = true,
                Arg::Value(path) => parsed.paths.push(path.into()),
                option => return Err(unknown(option.unexpected())),
            }
        }
        if parsed.paths.is_empty() && !parsed.force {
            return Err("missing operand: name the paths to remove".to_owned());
        }
        Ok(parsed)
    }
}

/// Removes a file, a link itself, or a directory with everything in it.
fn remove(path: &Path, recursive: bool) -> io::Result<()> {
    // A link's name with `/` at its end means the link's target, which must stay.
    let plain = without_slashes(path);
    if plain.as_os_str().is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let name = plain.file_name().filter(|_| !is_relative_to_itself(plain));
    let Some(name) = name else {
        return Err(io::Error::other("this rm never removes '.', '..' or '/'"));
    };
    let above = open_directory(plain.parent().unwrap_or(Path::new("")))?;
    let metadata = statat(&above, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(metadata.st_mode) {
        FileType::Directory if recursive => {
            // The standard library follows no link that takes the place of a directory, and passes
            // over what someone else has removed; but it takes a path, not a directory that has
            // been opened.
            let above = Path::new("/proc/self/fd").join(above.as_raw_fd().to_string());
            fs::remove_dir_all(above.join(name))
        }
        FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
        // Compared as texts: as paths they are equal.
        FileType::Symlink if plain.as_os_str() != path.as_os_str() => {
            Err(io::Error::other("it is a link, not a directory"))
        }
        _ => Ok(unlinkat(&above, name, AtFlags::empty())?),
    }
}

/// The path without `/` at its end, except for that of the root directory.
fn without_slashes(path: &Path) -> &Path {
    let mut bytes = path.as_os_str().as_bytes();
    while let Some(shorter) = bytes.strip_suffix(b"/")
        && !shorter.is_empty()
    {
        bytes = shorter;
    }
    Path::new(OsStr::from_bytes(bytes))
}

/// Whether it ends in `.` or `..`, whose directory GNU rm refuses to remove from inside.
fn is_relative_to_itself(path: &Path) -> bool {
    let last = path
        .as_os_str()
        .as_bytes()
        .rsplit(|byte| *byte == b'/')
        .next();
    matches!(last, Some(b"." | b".."))
}

/// Whether the path does not exist: no such name, or a file where a directory would have to be.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(arguments: &[&str]) -> String {
        Arguments::parse(arguments.iter().map(OsString::from)).unwrap_err()
    }

    #[test]
    fn rejects_unknown_options_and_missing_paths() {
        insta::assert_snapshot!(rejected(&["-i", "a"]), @"
        unknown option '-i'
        This rm is part of live-reload and serves tools that sync files. It accepts -r, -f, -v and their long forms. For more, use a run image with an rm of its own.
        ");
        assert_eq!(
            rejected(&["-r"]),
            "missing operand: name the paths to remove"
        );
    }
}
