//! The options of `tar` that tools pass, in all the forms in which they pass them.

use lexopt::{Arg, Parser};
use std::ffi::OsString;
use std::path::PathBuf;

/// A command line of `tar`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// `-f`: the archive; standard input where this is `None`.
    pub(super) file: Option<PathBuf>,
    /// `-C`: the target directory. A second one is relative to the first.
    pub(super) directory: Option<PathBuf>,
    /// `-z`: the archive is compressed.
    pub(super) gzip: bool,
    /// `-v`
    pub(super) verbose: bool,
    /// `-m`: files are as old as their extraction.
    pub(super) touch: bool,
    /// `-p` and its opposite: whether the umask is left out. By default it is for root.
    pub(super) same_permissions: Option<bool>,
    /// `--same-owner` and its opposite. By default root takes owners from the archive.
    pub(super) same_owner: Option<bool>,
}

/// A command line that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TarArgumentError {
    /// An option that this tar does not have.
    UnknownOption(String),
    /// An option without its value.
    MissingValue(String),
    /// No `-x`.
    NoAction,
    /// `-c`: the exec.d programs of the image have written to standard output before.
    Create,
    /// Some members only.
    SomeMembers(PathBuf),
}

impl Arguments {
    /// Reads a command line, without the program's own name.
    ///
    /// # Errors
    /// The first argument that cannot be used.
    pub(super) fn parse(
        arguments: impl Iterator<Item = OsString>,
    ) -> Result<Self, TarArgumentError> {
        let mut extract = false;
        let mut file = None;
        let mut directory: Option<PathBuf> = None;
        let mut parsed = Self {
            file: None,
            directory: None,
            gzip: false,
            verbose: false,
            touch: false,
            same_permissions: None,
            same_owner: None,
        };
        let mut parser = Parser::from_args(without_old_form(arguments)?);
        while let Some(argument) = parser.next().map_err(from_lexopt)? {
            match argument {
                Arg::Short('x') | Arg::Long("extract" | "get") => extract = true,
                Arg::Short('c') | Arg::Long("create") => return Err(TarArgumentError::Create),
                Arg::Short('f') | Arg::Long("file") => file = Some(value(&mut parser)?),
                Arg::Short('C') | Arg::Long("directory") => {
                    let next = value(&mut parser)?;
                    directory = Some(match directory {
                        Some(first) => first.join(next),
                        None => next,
                    });
                }
                Arg::Short('z') | Arg::Long("gzip" | "gunzip" | "ungzip") => parsed.gzip = true,
                Arg::Short('v') | Arg::Long("verbose") => parsed.verbose = true,
                Arg::Short('m') | Arg::Long("touch") => parsed.touch = true,
                Arg::Short('p') | Arg::Long("preserve-permissions" | "same-permissions") => {
                    parsed.same_permissions = Some(true);
                }
                Arg::Long("no-same-permissions") => parsed.same_permissions = Some(false),
                Arg::Long("same-owner") => parsed.same_owner = Some(true),
                Arg::Short('o') | Arg::Long("no-same-owner") => parsed.same_owner = Some(false),
                // What it does anyhow: files are replaced, directories are kept, owners are
                // numbers.
                Arg::Long(
                    "overwrite"
                    | "unlink-first"
                    | "no-overwrite-dir"
                    | "keep-directory-symlink"
                    | "numeric-owner",
                )
                | Arg::Short('U') => {}
                Arg::Value(member) => return Err(TarArgumentError::SomeMembers(member.into())),
                Arg::Short(name) => return Err(unknown(format!("-{name}"))),
                Arg::Long(name) => return Err(unknown(format!("--{name}"))),
            }
        }
        if !extract {
            return Err(TarArgumentError::NoAction);
        }
        parsed.file = file.filter(|file| file.as_os_str() != "-");
        parsed.directory = directory;
        Ok(parsed)
    }
}

/// Turns the old form of the first argument, letters without a dash whose values follow in their
/// order, as in `tar xfC - DIR`, into the form of today.
fn without_old_form(
    mut arguments: impl Iterator<Item = OsString>,
) -> Result<Vec<OsString>, TarArgumentError> {
    let mut modern = Vec::new();
    let first = arguments.next();
    match first.as_ref().and_then(|first| first.to_str()) {
        Some(letters) if !letters.starts_with('-') => {
            for letter in letters.chars() {
                modern.push(format!("-{letter}").into());
                if matches!(letter, 'f' | 'C') {
                    let value = arguments
                        .next()
                        .ok_or_else(|| TarArgumentError::MissingValue(letter.to_string()))?;
                    modern.push(value);
                }
            }
        }
        _ => modern.extend(first),
    }
    modern.extend(arguments);
    Ok(modern)
}

fn value(parser: &mut Parser) -> Result<PathBuf, TarArgumentError> {
    parser.value().map(PathBuf::from).map_err(from_lexopt)
}

fn unknown(option: String) -> TarArgumentError {
    TarArgumentError::UnknownOption(option)
}

fn from_lexopt(error: lexopt::Error) -> TarArgumentError {
    match error {
        lexopt::Error::MissingValue {
            option: Some(option),
        } => TarArgumentError::MissingValue(option),
        // An option that takes no value was given one: there is no such form of it.
        lexopt::Error::UnexpectedValue { option, value } => {
            unknown(format!("{option}={}", value.to_string_lossy()))
        }
        other => unknown(other.to_string()),
    }
}
