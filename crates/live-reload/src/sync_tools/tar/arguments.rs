//! The options of `tar` that tools pass, in all the forms in which they pass them.

use lexopt::{Arg, Error, Parser};
use printable::printable;
use std::ffi::OsString;
use std::path::PathBuf;

const KNOWN: &str = "This tar is part of live-reload and serves tools that sync files. It accepts \
                     -x, -f, -C, -z, -v, -m, -p, -o and -U, their long forms, --same-owner, \
                     --no-same-permissions, --overwrite, --no-overwrite-dir, \
                     --keep-directory-symlink and --numeric-owner. For more, use a run image with \
                     a tar of its own.";

const NO_CREATE: &str = "-c is not supported: the output of the image's exec.d programs would end \
                         up in the archive. This tar, which is part of live-reload, only \
                         extracts. To copy files out of the container use `docker cp`, or a run \
                         image with a tar of its own.";

/// A command line of `tar`.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// `-f`: the archive; standard input where this is `None`.
    pub(super) file: Option<PathBuf>,
    /// `-C`: the target directory. A second one is relative to the first.
    pub(super) directory: Option<PathBuf>,
    /// `-z`: the archive is compressed.
    pub(super) gzip: bool,
    /// `-v`: the names of all members are printed.
    pub(super) verbose: bool,
    /// `-m`: files are as old as their extraction.
    pub(super) touch: bool,
    /// `-p` and its opposite: whether the umask is left out. By default it is for root.
    pub(super) same_permissions: Option<bool>,
    /// `--same-owner` and its opposite. By default root takes owners from the archive.
    pub(super) same_owner: Option<bool>,
}

impl Arguments {
    /// Reads a command line, without the program's own name.
    ///
    /// # Errors
    /// A message for the user about the first argument that cannot be used.
    pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        Self::read(arguments).map_err(|error| match error {
            Error::MissingValue {
                option: Some(option),
            } => format!("option '{option}' requires a value"),
            Error::UnexpectedArgument(member) => format!(
                "unknown argument '{}': an archive can only be extracted as a whole",
                printable(&member)
            ),
            Error::UnexpectedOption(option) => {
                format!("unknown option '{}'\n{KNOWN}", printable(&option))
            }
            // There is no such form of an option that takes no value.
            Error::UnexpectedValue { option, value } => {
                let value = printable(&value);
                format!("unknown option '{option}={value}'\n{KNOWN}")
            }
            other => other.to_string(),
        })
    }

    fn read(arguments: impl Iterator<Item = OsString>) -> Result<Self, Error> {
        let mut extract = false;
        let mut parsed = Self::default();
        let mut parser = Parser::from_args(without_old_form(arguments)?);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Short('x') | Arg::Long("extract" | "get") => extract = true,
                // The exec.d programs of the image have written to standard output before.
                Arg::Short('c') | Arg::Long("create") => return Err(NO_CREATE.into()),
                Arg::Short('f') | Arg::Long("file") => parsed.file = Some(parser.value()?.into()),
                Arg::Short('C') | Arg::Long("directory") => {
                    let directory = parsed.directory.get_or_insert_default();
                    directory.push(parser.value()?);
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
                // No effect, since it is always so: files are replaced, directories are kept,
                // owners are numbers.
                Arg::Long(
                    "overwrite"
                    | "unlink-first"
                    | "no-overwrite-dir"
                    | "keep-directory-symlink"
                    | "numeric-owner",
                )
                | Arg::Short('U') => {}
                other => return Err(other.unexpected()),
            }
        }
        if !extract {
            return Err(format!("-x is missing: this tar only extracts\n{KNOWN}").into());
        }
        parsed.file = parsed.file.filter(|file| file.as_os_str() != "-");
        Ok(parsed)
    }
}

/// Turns the old form of the first argument, letters without a dash whose values follow in their
/// order, as in `tar xfC - DIR`, into the form of today.
fn without_old_form(mut arguments: impl Iterator<Item = OsString>) -> Result<Vec<OsString>, Error> {
    let mut modern = Vec::new();
    let first = arguments.next();
    match first.as_ref().and_then(|first| first.to_str()) {
        Some(letters) if !letters.starts_with('-') => {
            for letter in letters.chars() {
                modern.push(format!("-{letter}").into());
                if matches!(letter, 'f' | 'C') {
                    modern.push(arguments.next().ok_or_else(|| Error::MissingValue {
                        option: Some(letter.to_string()),
                    })?);
                }
            }
        }
        _ => modern.extend(first),
    }
    modern.extend(arguments);
    Ok(modern)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn rejected(arguments: &[&str]) -> String {
        Arguments::parse(arguments.iter().map(OsString::from)).unwrap_err()
    }

    #[test]
    fn names_unknown_options_and_the_known_ones() {
        assert_snapshot!(rejected(&["-x", "--exclude=x"]), @"
        unknown option '--exclude'
        This tar is part of live-reload and serves tools that sync files. It accepts -x, -f, -C, -z, -v, -m, -p, -o and -U, their long forms, --same-owner, --no-same-permissions, --overwrite, --no-overwrite-dir, --keep-directory-symlink and --numeric-owner. For more, use a run image with a tar of its own.
        ");
        for (arguments, option) in [
            (["-x", "-k"], "'-k'"),
            (["-x", "--touch=now"], "'--touch=now'"),
            (["xk", "-"], "'-k'"),
        ] {
            let text = rejected(&arguments);
            assert!(
                text.starts_with(&format!("unknown option {option}\n")),
                "{text}"
            );
        }
    }

    #[test]
    fn names_other_unusable_arguments() {
        let texts = [
            rejected(&["-x", "-f"]),
            rejected(&["xf"]),
            rejected(&["-f", "-"]),
            rejected(&["-c"]),
            rejected(&["-x", "a/b"]),
        ];
        assert_snapshot!(texts.join("\n"), @"
        option '-f' requires a value
        option 'f' requires a value
        -x is missing: this tar only extracts
        This tar is part of live-reload and serves tools that sync files. It accepts -x, -f, -C, -z, -v, -m, -p, -o and -U, their long forms, --same-owner, --no-same-permissions, --overwrite, --no-overwrite-dir, --keep-directory-symlink and --numeric-owner. For more, use a run image with a tar of its own.
        -c is not supported: the output of the image's exec.d programs would end up in the archive. This tar, which is part of live-reload, only extracts. To copy files out of the container use `docker cp`, or a run image with a tar of its own.
        unknown argument 'a/b': an archive can only be extracted as a whole
        ");
    }
}
