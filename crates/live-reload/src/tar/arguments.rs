//! The options of `tar` that tools pass, in all the forms in which they pass them.

use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;
use std::path::PathBuf;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Read an archive.
    Extract,
    /// Write one.
    Create,
}

/// A command line of `tar`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// `-x` or `-c`.
    pub(super) action: Action,
    /// `-f`: the archive; standard input or output where this is `None`.
    pub(super) file: Option<PathBuf>,
    /// `-C`: where members are. A second one is relative to the first.
    pub(super) directory: Option<PathBuf>,
    /// `-z`: the archive to read is compressed.
    pub(super) gzip: bool,
    /// `-v`
    pub(super) verbose: bool,
    /// `-m`: files are as old as their extraction.
    pub(super) touch: bool,
    /// `-p` and its opposite: whether the umask is left out. By default it is for root.
    pub(super) same_permissions: Option<bool>,
    /// `--same-owner` and its opposite. By default root takes owners from the archive.
    pub(super) same_owner: Option<bool>,
    /// What to put into the archive.
    pub(super) members: Vec<PathBuf>,
}

/// A command line that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TarArgumentError {
    /// An option that this tar does not have.
    UnknownOption(String),
    /// An option without its value.
    MissingValue(String),
    /// Neither `-x` nor `-c`.
    NoAction,
    /// Both.
    TwoActions,
    /// `-c` without anything to put into the archive.
    NothingToCreate,
    /// `-c` with `-z`.
    CompressedCreate,
    /// `-x` of some members only.
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
        let mut action = None;
        let mut file = None;
        let mut directory: Option<PathBuf> = None;
        let mut parsed = Self {
            action: Action::Extract,
            file: None,
            directory: None,
            gzip: false,
            verbose: false,
            touch: false,
            same_permissions: None,
            same_owner: None,
            members: Vec::new(),
        };
        let mut parser = Parser::from_args(without_old_form(arguments)?);
        while let Some(argument) = parser.next().map_err(from_lexopt)? {
            match argument {
                Arg::Short('x') | Arg::Long("extract" | "get") => {
                    choose(&mut action, Action::Extract)?;
                }
                Arg::Short('c') | Arg::Long("create") => choose(&mut action, Action::Create)?,
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
                Arg::Value(member) => parsed.members.push(member.into()),
                Arg::Short(name) => return Err(unknown(format!("-{name}"))),
                Arg::Long(name) => return Err(unknown(format!("--{name}"))),
            }
        }
        parsed.action = action.ok_or(TarArgumentError::NoAction)?;
        parsed.file = file.filter(|file| file.as_os_str() != "-");
        parsed.directory = directory;
        match (parsed.action, parsed.members.first()) {
            (Action::Create, None) => Err(TarArgumentError::NothingToCreate),
            // The encoder would be a twentieth of this program.
            (Action::Create, _) if parsed.gzip => Err(TarArgumentError::CompressedCreate),
            (Action::Extract, Some(member)) => Err(TarArgumentError::SomeMembers(member.clone())),
            _ => Ok(parsed),
        }
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

fn choose(action: &mut Option<Action>, chosen: Action) -> Result<(), TarArgumentError> {
    match action.replace(chosen) {
        Some(before) if before != chosen => Err(TarArgumentError::TwoActions),
        _ => Ok(()),
    }
}

fn value(parser: &mut Parser) -> Result<PathBuf, TarArgumentError> {
    parser
        .value()
        .and_then(|value| value.parse_with(|text| Ok::<_, &str>(PathBuf::from(text))))
        .map_err(from_lexopt)
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
