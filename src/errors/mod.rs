//! Every error that stops a phase, and its text: what happened, why, and what to do. The `Display` of an
//! error says why.

use crate::config::{ConfigError, WATCHEXEC_VERSION};
use crate::layers::watchexec::WatchexecError;
use crate::runtime::RuntimeError;
use reqwest::StatusCode;
use std::fmt;
use std::io;
use watchexec_release::archive::UnpackError;
use watchexec_release::catalog::ChooseError;
use watchexec_release::download::{DownloadError, Failure};
use watchexec_release::files::FileError;
use watchexec_release::mirror::InvalidOverride;
use watchexec_release::requirement::InvalidRequirement;
use watchexec_release::text::joined;

/// Everything that stops a phase.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A phase was called wrongly.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Variables or bindings are invalid.
    #[error("{}", joined(.0, "\n"))]
    Config(Vec<ConfigError>),
    /// A version requirement in the build plan is invalid.
    #[error(transparent)]
    Plan(#[from] InvalidRequirement),
    /// No release could be chosen.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// An override that applies is invalid.
    #[error(transparent)]
    Locate(#[from] InvalidOverride),
    /// The layer with watchexec could not be provided.
    #[error(transparent)]
    Watchexec(#[from] WatchexecError),
    /// The layer with `live-reload` could not be provided.
    #[error(transparent)]
    LiveReload(#[from] FileError),
    /// The log could not be written.
    #[error(transparent)]
    Log(io::Error),
}

impl From<Error> for libcnb::Error<Error> {
    fn from(error: Error) -> Self {
        Self::BuildpackError(error)
    }
}

/// What a person is told about an error.
pub(crate) struct ErrorText {
    /// What happened, one sentence.
    what: String,
    /// Why, as far as it is known.
    why: String,
    /// What can be done, each a sentence.
    remedies: Vec<String>,
}

impl ErrorText {
    fn new(
        what: impl Into<String>,
        why: &impl fmt::Display,
        remedies: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let why = why.to_string();
        let lines: Vec<String> = why.lines().map(capitalized).collect();
        let end = if lines.len() == 1 { "." } else { "" };
        Self {
            what: what.into(),
            why: lines.join("\n") + end,
            remedies: remedies.into_iter().map(Into::into).collect(),
        }
    }
}

/// A line with a capital letter at its start, unless its first word is a name.
fn capitalized(line: &str) -> String {
    let word = line.split(' ').next().unwrap_or_default();
    let is_name = word.bytes().any(|byte| !byte.is_ascii_lowercase());
    let (start, rest) = line.split_at(usize::from(!is_name && !word.is_empty()));
    start.to_uppercase() + rest
}

impl fmt::Display for ErrorText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "Error: {}", self.what)?;
        writeln!(formatter, "\n{}", self.why)?;
        writeln!(formatter, "\nWhat to do:")?;
        for remedy in &self.remedies {
            writeln!(formatter, "- {remedy}")?;
        }
        Ok(())
    }
}

/// The text of an error, whether the buildpack's own or libcnb's.
pub(crate) fn text(error: &libcnb::Error<Error>) -> ErrorText {
    match error {
        libcnb::Error::BuildpackError(error) => own(error),
        // The lifecycle and this buildpack exchange these files, so either of the two, or a full
        // disk, is at fault. Users can tell us, but hardly fix it.
        other => ErrorText::new(
            "Internal error of the Watchexec Buildpack.",
            other,
            [
                "Check that there is space left on the disk of the build.",
                "Otherwise report it, with the log of the build: \
                 https://github.com/live-reload/watchexec-buildpack/issues",
            ],
        ),
    }
}

fn own(error: &Error) -> ErrorText {
    match error {
        Error::Runtime(error) => runtime(error),
        Error::Config(errors) => configuration(errors),
        Error::Plan(error) => ErrorText::new(
            "A buildpack requires watchexec with an invalid version requirement.",
            error,
            [format!(
                "Set {WATCHEXEC_VERSION}, which overrules it, and tell the authors of the buildpack \
                 that requires watchexec."
            )],
        ),
        Error::Choose(error) => choose(error),
        Error::Locate(error) => ErrorText::new(
            "A mirror or a mapping for watchexec cannot be used.",
            error,
            [
                "Write a mirror as URL or as URL,skip-path=PATH, and a mapping as URL, with an https, \
                 http or file URL.",
                "Or remove it, to use the URL in buildpack.toml.",
            ],
        ),
        Error::Watchexec(error) => watchexec(error),
        Error::LiveReload(error) => ErrorText::new(
            "The layer live-reload cannot be read or written.",
            error,
            [
                "Check that there is space left for layers, about 2 MB.",
                "If the buildpack lacks the file, package it again: bin/live-reload belongs beside bin/build.",
            ],
        ),
        Error::Log(error) => ErrorText::new(
            "The log cannot be written.",
            error,
            ["Check where the standard output of the build goes, and that there is space left."],
        ),
    }
}

fn runtime(error: &RuntimeError) -> ErrorText {
    let (what, remedy) = match error {
        RuntimeError::Usage(_) => (
            "The buildpack was not called as the lifecycle calls it.",
            "Call it as `bin/detect <platform> <plan>` or as `bin/build <layers> <platform> <plan>`; \
             the program's name decides which of the two it is.",
        ),
        RuntimeError::NoBuildpackDirectory(_) => (
            "The buildpack cannot find its own files.",
            "Set CNB_BUILDPACK_DIR to the buildpack's directory, as the lifecycle does.",
        ),
        RuntimeError::Descriptor(_) => (
            "buildpack.toml cannot be used.",
            "Fix the file, or use the released buildpack.",
        ),
        RuntimeError::Restart(_) => (
            "The buildpack could not start itself with the variables it needs.",
            "Give the run image the labels io.buildpacks.base.distro.name and \
             io.buildpacks.base.distro.version, with which no such start is needed.",
        ),
    };
    ErrorText::new(what, error, [remedy])
}

/// All settings that cannot be used, in one text.
fn configuration(errors: &[ConfigError]) -> ErrorText {
    let mut errors = errors.to_vec();
    // A folder of bindings that cannot be read is an error for each type of binding.
    errors.dedup();
    let mut settings: Vec<&str> = errors.iter().map(|error| error.setting.as_str()).collect();
    settings.dedup();
    let what = match settings.as_slice() {
        [setting] => format!("{setting} cannot be used."),
        _ => "Some build settings cannot be used.".to_owned(),
    };
    let remedy = format!("Change or remove {}.", settings.join(", "));
    ErrorText::new(what, &Error::Config(errors), [remedy])
}

fn choose(error: &ChooseError) -> ErrorText {
    match error {
        ChooseError::NoTarget { .. } => ErrorText::new(
            "The build found no watchexec to install.",
            error,
            [
                "Build for another target.",
                "Or add an entry for this one to buildpack.toml (docs/repackaging.md).",
            ],
        ),
        ChooseError::NoVersion { .. } => ErrorText::new(
            "The build found no watchexec to install.",
            error,
            [
                format!("Ask for another version with {WATCHEXEC_VERSION}."),
                "Or use a version of this buildpack that ships the one you want.".to_owned(),
            ],
        ),
        ChooseError::Entry { .. } => ErrorText::new(
            "An entry of buildpack.toml cannot be used.",
            error,
            [
                "Give the entry an https, http or file URL as `uri`.",
                "Give it `checksum = \"sha256:<64 hexadecimal digits>\"`; the release page of watchexec \
                 lists the checksums.",
            ],
        ),
    }
}

fn watchexec(error: &WatchexecError) -> ErrorText {
    match error {
        WatchexecError::Layer(error) | WatchexecError::Unpack(UnpackError::Install(error)) => {
            ErrorText::new(
                "The layer watchexec cannot be read or written.",
                error,
                ["Check that there is space left for layers, about 10 MB."],
            )
        }
        WatchexecError::Download { error, set_by } => download(error, set_by.as_deref()),
        WatchexecError::Unpack(error) => ErrorText::new(
            "The archive matches its checksum, but is not a release of watchexec.",
            error,
            [
                "Name another archive, and its checksum, in buildpack.toml: a .tar.xz, .tar.gz or \
                 .tar as the watchexec project releases them.",
            ],
        ),
        WatchexecError::Bundle(error) => ErrorText::new(
            "The watchexec inside the buildpack is not what was packaged.",
            error,
            ["Package the buildpack again, or download it again from where it is published."],
        ),
    }
}

fn download(error: &DownloadError, set_by: Option<&str>) -> ErrorText {
    let attempts = match error {
        DownloadError::File(_) => {
            return ErrorText::new(
                "The archive of watchexec cannot be read.",
                error,
                [
                    "Check that the file is there in the container in which the buildpack runs; a \
                     file of the host has to be mounted, for example with `pack build --volume`.",
                ],
            );
        }
        DownloadError::Checksum { .. } => {
            return ErrorText::new(
                "The downloaded file is not the watchexec of buildpack.toml.",
                error,
                [
                    "If a mirror or a proxy is in between, check what it answers under this URL: a \
                     few kilobytes are most often an error page.",
                    "If buildpack.toml was changed, check its `checksum` against the release page of \
                     watchexec.",
                    "Otherwise do not use the file: it was changed on its way or at its source.",
                ],
            );
        }
        DownloadError::Requests { attempts, .. } => attempts,
    };
    let first = match attempts.last().map(|attempt| &attempt.failure) {
        Some(Failure::Tls(_)) => {
            "If the certificate of the server or of a proxy is from a private CA, give the build \
             the CA certificate with a binding of type ca-certificates."
        }
        Some(Failure::Proxy(_)) => {
            "Set HTTPS_PROXY, or HTTP_PROXY for an http URL, to an http or https proxy: \
             http://[user:password@]host[:port]."
        }
        Some(Failure::Status { status, .. })
            if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(status) =>
        {
            "Put the credentials that the server asks for into the URL or a netrc file."
        }
        Some(Failure::Status { status, .. }) if *status == StatusCode::NOT_FOUND => {
            "Check that the server has this file, under this path."
        }
        _ => {
            "Check that the build can reach this server; behind a proxy, set HTTPS_PROXY for the \
             build."
        }
    };
    let mut remedies = vec![first.to_owned()];
    match set_by {
        // Whoever set a mirror or a mapping knows how, and has to look at that one.
        Some(setting) => remedies.push(format!("Or change or remove {setting}.")),
        None => remedies.push(
            "Or set BP_DEPENDENCY_MIRROR to a mirror that the build can reach, or map the archive to \
             another URL with a binding of type dependency-mapping."
                .to_owned(),
        ),
    }
    remedies.push(
        "Or use the offline package of this buildpack, which has watchexec inside.".to_owned(),
    );
    ErrorText::new("watchexec could not be downloaded.", error, remedies)
}

#[cfg(test)]
mod tests;
