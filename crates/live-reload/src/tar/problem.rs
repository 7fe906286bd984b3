//! What can go wrong, in the words that the user of a sync tool reads.

use super::arguments::TarArgumentError;
use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

/// Something that `tar` could not do. Printed after `tar: `.
#[derive(Debug)]
pub(super) enum Problem {
    /// The arguments cannot be used.
    Arguments(TarArgumentError),
    /// The directory of `-C` does not exist.
    Directory(PathBuf),
    /// One member of the archive cannot be extracted.
    Member(PathBuf, io::Error),
    /// The archive cannot be read.
    Archive(io::Error),
}

impl Display for Problem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments(error) => arguments(f, error),
            Self::Directory(directory) => write!(
                f,
                "{}: Cannot change to it: it is not a directory. Make it first, or name another \
                 one with -C.",
                directory.display()
            ),
            Self::Member(path, error) => member(f, path, error),
            Self::Archive(error) => write!(
                f,
                "The archive is damaged or has been cut off ({error}). The files before that \
                 point were copied; copy again."
            ),
        }
    }
}

fn arguments(f: &mut Formatter<'_>, error: &TarArgumentError) -> fmt::Result {
    const KNOWN: &str = "This tar is part of live-reload and serves tools that sync files. It \
                         accepts -x, -f, -C, -z, -v, -m, -p, -o and -U, their long forms, \
                         --same-owner, --no-same-permissions, --overwrite, --no-overwrite-dir, \
                         --keep-directory-symlink and --numeric-owner. For more, use a run image \
                         with a tar of its own.";
    match error {
        TarArgumentError::UnknownOption(option) => {
            write!(f, "unknown option '{option}'\n{KNOWN}")
        }
        TarArgumentError::MissingValue(option) => {
            write!(f, "option '{option}' requires a value")
        }
        TarArgumentError::NoAction => {
            write!(f, "-x is missing: this tar only extracts\n{KNOWN}")
        }
        TarArgumentError::Create => write!(
            f,
            "-c is not supported: the output of the image's exec.d programs would end up in the \
             archive. This tar, which is part of live-reload, only extracts. To copy files out of \
             the container use `docker cp`, or a run image with a tar of its own."
        ),
        TarArgumentError::SomeMembers(member) => write!(
            f,
            "unknown argument '{}': an archive can only be extracted as a whole",
            member.display()
        ),
    }
}

/// A missing permission is the most frequent problem, and Tilt looks for that text.
fn member(f: &mut Formatter<'_>, path: &Path, error: &io::Error) -> fmt::Result {
    write!(f, "{}: Cannot be copied: {error}", path.display())?;
    if error.kind() == io::ErrorKind::PermissionDenied {
        write!(
            f,
            ". The user of the container may not write there: build the image with live reload \
             on, which lets the group of the build user do so, and start the container as a user \
             of that group"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn an_unknown_option() {
        let error = TarArgumentError::UnknownOption("--exclude=x".to_owned());
        assert_snapshot!(Problem::Arguments(error), @"
        unknown option '--exclude=x'
        This tar is part of live-reload and serves tools that sync files. It accepts -x, -f, -C, -z, -v, -m, -p, -o and -U, their long forms, --same-owner, --no-same-permissions, --overwrite, --no-overwrite-dir, --keep-directory-symlink and --numeric-owner. For more, use a run image with a tar of its own.
        ");
    }

    #[test]
    fn other_arguments() {
        let texts = [
            TarArgumentError::MissingValue("-f".to_owned()),
            TarArgumentError::NoAction,
            TarArgumentError::Create,
            TarArgumentError::SomeMembers("a/b".into()),
        ]
        .map(|error| Problem::Arguments(error).to_string());
        assert_snapshot!(texts.join("\n"), @"
        option '-f' requires a value
        -x is missing: this tar only extracts
        This tar is part of live-reload and serves tools that sync files. It accepts -x, -f, -C, -z, -v, -m, -p, -o and -U, their long forms, --same-owner, --no-same-permissions, --overwrite, --no-overwrite-dir, --keep-directory-symlink and --numeric-owner. For more, use a run image with a tar of its own.
        -c is not supported: the output of the image's exec.d programs would end up in the archive. This tar, which is part of live-reload, only extracts. To copy files out of the container use `docker cp`, or a run image with a tar of its own.
        unknown argument 'a/b': an archive can only be extracted as a whole
        ");
    }

    #[test]
    fn a_missing_directory() {
        assert_snapshot!(Problem::Directory("/srv".into()), @"/srv: Cannot change to it: it is not a directory. Make it first, or name another one with -C.");
    }

    #[test]
    fn a_member_that_cannot_be_copied() {
        let error = io::Error::from_raw_os_error(2);
        assert_snapshot!(Problem::Member("a/b".into(), error), @"a/b: Cannot be copied: No such file or directory (os error 2)");
    }

    #[test]
    fn a_member_that_may_not_be_written() {
        let error = io::Error::from_raw_os_error(13);
        assert_snapshot!(Problem::Member("a/b".into(), error), @"a/b: Cannot be copied: Permission denied (os error 13). The user of the container may not write there: build the image with live reload on, which lets the group of the build user do so, and start the container as a user of that group");
    }

    #[test]
    fn a_damaged_archive() {
        assert_snapshot!(Problem::Archive(io::Error::other("unexpected end of file")), @"The archive is damaged or has been cut off (unexpected end of file). The files before that point were copied; copy again.");
    }
}
