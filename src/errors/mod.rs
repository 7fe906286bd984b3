//! The text of every error that stops a phase: what happened, why, and what to do. The `Display` of
//! an error says why; this module adds the rest.

mod download;

use self::download::download;
use crate::config::{ConfigError, WATCHEXEC_VERSION};
use printable::printable;
use std::io::{self, ErrorKind};
use watchexec_release::archive::UnpackError;
use watchexec_release::catalog::ChooseError;
use watchexec_release::download::DownloadError;
use watchexec_release::requirement::Requirement;
use watchexec_release::text::joined;

/// Everything that stops a phase.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not called as the lifecycle calls it: by a different name, with different arguments, or
    /// without `CNB_BUILDPACK_DIR`.
    #[error("{0}")]
    Usage(String),
    /// buildpack.toml cannot be read, or names an API that this program does not know.
    #[error("{0}")]
    Descriptor(String),
    /// Variables or bindings are invalid.
    #[error("{}", joined(.0, "\n"))]
    Config(Vec<ConfigError>),
    /// A version requirement in the build plan is invalid.
    #[error("{0}")]
    Plan(String),
    /// No release could be chosen.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// An override that applies is invalid.
    #[error("{0}")]
    Locate(String),
    /// The archive cannot be downloaded.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The archive is not a release, or cannot be installed.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A program inside the buildpack is missing or has changed.
    #[error(transparent)]
    Package(io::Error),
    /// A file of a layer cannot be read or written.
    #[error(transparent)]
    Layer(#[from] io::Error),
}

impl From<Error> for libcnb::Error<Error> {
    fn from(error: Error) -> Self {
        Self::BuildpackError(error)
    }
}

/// The text of an error, whether the buildpack's own or libcnb's.
pub(crate) fn text(error: &libcnb::Error<Error>) -> String {
    match error {
        libcnb::Error::BuildpackError(error) => written(&own(error), error),
        // The lifecycle and this buildpack exchange these files, so either of the two, or a full
        // disk, is at fault. Users can tell us, but hardly fix it.
        other => written(
            "Internal error of the Watchexec Buildpack.\n\
             Check that there is free disk space.\n\
             Otherwise report it, with the build log: \
             https://github.com/live-reload/watchexec-buildpack/issues",
            other,
        ),
    }
}

/// Puts the reason between what happened, the first line of a text, and what to do, the others.
fn written(text: &str, why: &impl ToString) -> String {
    let (what, remedies) = text.split_once('\n').unwrap_or_default();
    let why = why.to_string();
    let lines: Vec<String> = why.lines().map(capitalized).collect();
    let end = if lines.len() == 1 { "." } else { "" };
    let (why, remedies) = (lines.join("\n"), remedies.replace('\n', "\n- "));
    let text = format!("Error: {what}\n\n{why}{end}\n\nWhat to do:\n- {remedies}\n");
    let lines = text.lines().map(|line| printable(line).to_string() + "\n");
    lines.collect()
}

/// A line with a capital letter at its start, unless its first word is a name.
fn capitalized(line: &str) -> String {
    let word = line.split(' ').next().unwrap_or_default();
    let is_name = word.bytes().any(|byte| !byte.is_ascii_lowercase());
    let (start, rest) = line.split_at(usize::from(!is_name && !word.is_empty()));
    start.to_uppercase() + rest
}

/// What happened, and below it what to do, a line for each remedy. Why is the error's `Display`.
fn own(error: &Error) -> String {
    let text = match error {
        Error::Config(errors) => return configuration(errors),
        Error::Download(error) => return download(error),
        Error::Layer(error) | Error::Unpack(UnpackError::Install(error)) => return layer(error),
        Error::Choose(ChooseError::NoVersion { requirements, .. }) => {
            return no_version(requirements);
        }
        Error::Usage(_) => {
            "The buildpack was not called as the lifecycle calls it.\n\
             Call it as `bin/detect <platform> <plan>` or as `bin/build <layers> <platform> <plan>`; \
             the program's name decides which of the two it is.\n\
             Set CNB_BUILDPACK_DIR to the buildpack's directory."
        }
        Error::Descriptor(_) => {
            "buildpack.toml is invalid.\n\
             Fix the file, or use the released buildpack."
        }
        Error::Plan(_) => {
            "A buildpack requires watchexec with an invalid version requirement.\n\
             Set BP_WATCHEXEC_VERSION, which overrides the requirement, and report the requirement to the \
             authors of that buildpack."
        }
        Error::Choose(ChooseError::Empty) => {
            "This buildpack has no release of watchexec.\n\
             Add an entry for the target to buildpack.toml (docs/repackaging.md), or use the released \
             buildpack."
        }
        Error::Choose(ChooseError::NoTarget(..)) => {
            "No release of watchexec matches this build.\n\
             Build for one of these targets.\n\
             Or add an entry for the target to buildpack.toml (docs/repackaging.md)."
        }
        Error::Choose(ChooseError::Entry(..)) => {
            "An entry of buildpack.toml is invalid.\n\
             Give the entry a semver `version` and an https, http or file URL as `uri`.\n\
             Give it `checksum = \"sha256:<64 hexadecimal digits>\"`; the release page of watchexec lists \
             the checksums."
        }
        Error::Locate(_) => {
            "A mirror or a mapping for watchexec is invalid.\n\
             Write a mirror as URL or as URL,skip-path=PATH, and a mapping as URL. The URL is an https, \
             http or file URL.\n\
             Or remove it, to use the URL in buildpack.toml."
        }
        Error::Unpack(UnpackError::Unusable(_)) => {
            "The archive has the right checksum, but is not a release of watchexec.\n\
             Set `uri` and `checksum` in buildpack.toml to a release archive of watchexec, a .tar.xz, \
             .tar.gz or .tar."
        }
        Error::Package(_) => {
            "A file of the buildpack is missing or has changed since it was packaged.\n\
             Package the buildpack again, or download it again."
        }
    };
    text.to_owned()
}

/// All settings that cannot be used, in one text.
fn configuration(errors: &[ConfigError]) -> String {
    let mut settings: Vec<&str> = errors.iter().map(|error| error.setting.as_str()).collect();
    settings.dedup();
    let what = match settings.as_slice() {
        [setting] => format!("{setting} is"),
        _ => "Some build settings are".to_owned(),
    };
    format!(
        "{what} invalid.\nCorrect or remove {}.",
        settings.join(", ")
    )
}

fn no_version(requirements: &[Requirement]) -> String {
    let otherwise = match requirements.first().map(|wanted| wanted.by) {
        Some(WATCHEXEC_VERSION) => ", or remove it",
        Some(_) => ", which overrides the requirements of other buildpacks",
        None => "",
    };
    format!(
        "No release of watchexec matches this build.\n\
         Set {WATCHEXEC_VERSION} to one of these versions{otherwise}.\n\
         Or use a version of this buildpack that ships the version you want."
    )
}

fn layer(error: &io::Error) -> String {
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "Make that path writable for the build user."
        }
        ErrorKind::AlreadyExists => "Call bin/build with a layers directory of its own.",
        _ => "Check that 12 MB of disk space is free for layers.",
    };
    format!("Could not write a layer.\n{remedy}")
}

#[cfg(test)]
mod tests;
