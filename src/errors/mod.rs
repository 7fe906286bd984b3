//! Every error that stops a phase, and its text: what happened, why, and what to do.

mod release;
mod settings;

use crate::config::{ConfigError, InvalidValue};
use crate::layers::LayerError;
use crate::layers::live_reload::LiveReloadError;
use crate::layers::watchexec::WatchexecError;
use crate::log::LogError;
use crate::runtime::{RuntimeError, SUPPORTED_APIS};
use std::ffi::OsStr;
use std::fmt;
use watchexec_release::catalog::ChooseError;
use watchexec_release::checksum::CopyError;
use watchexec_release::origin::LocateError;
use watchexec_release::requirement::InvalidRequirement;

/// Everything that stops a phase.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The call.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Settings.
    #[error("{0:?}")]
    Config(Vec<ConfigError>),
    /// Choosing a release.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// Locating it.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The layer with watchexec.
    #[error(transparent)]
    Watchexec(#[from] WatchexecError),
    /// The layer with `live-reload` and its processes.
    #[error(transparent)]
    LiveReload(#[from] LiveReloadError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<Vec<ConfigError>> for Error {
    fn from(errors: Vec<ConfigError>) -> Self {
        Self::Config(errors)
    }
}

impl From<InvalidValue> for Error {
    fn from(error: InvalidValue) -> Self {
        Self::Config(vec![error.into()])
    }
}

impl From<InvalidRequirement> for Error {
    fn from(error: InvalidRequirement) -> Self {
        Self::Config(vec![error.into()])
    }
}

impl From<Error> for libcnb::Error<Error> {
    fn from(error: Error) -> Self {
        Self::BuildpackError(error)
    }
}

/// What a person is told about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        why: impl Into<String>,
        remedies: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
            remedies: remedies.into_iter().map(Into::into).collect(),
        }
    }
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

/// Where to report a fault of the buildpack itself.
const ISSUES: &str = "https://github.com/live-reload/watchexec-buildpack/issues";

/// The text of an error, whether the buildpack's own or libcnb's.
pub(crate) fn text(error: &libcnb::Error<Error>) -> ErrorText {
    match error {
        libcnb::Error::BuildpackError(error) => own(error),
        // The lifecycle and this buildpack exchange these files, so either of the two, or a full
        // disk, is at fault. Users can tell us, but hardly fix it.
        other => internal(other),
    }
}

fn internal(error: &impl fmt::Display) -> ErrorText {
    ErrorText::new(
        "Internal error of the Watchexec Buildpack.",
        format!("{error}."),
        [
            "Check that there is space left on the disk of the build.".to_owned(),
            format!("Otherwise report it, with the log of the build: {ISSUES}"),
        ],
    )
}

fn own(error: &Error) -> ErrorText {
    match error {
        Error::Runtime(error) => runtime(error),
        Error::Config(errors) => settings::configuration(errors),
        Error::Choose(error) => release::choose(error),
        Error::Locate(error) => release::locate(error),
        Error::Watchexec(error) => match error {
            WatchexecError::Layer(error) => layer("watchexec", error),
            WatchexecError::Download { error, origin } => release::download(error, origin),
            WatchexecError::Unpack(error) => release::unpack(error),
            WatchexecError::Bundle(error) => release::bundle(error),
        },
        Error::LiveReload(error) => live_reload(error),
        Error::Log(LogError(error)) => ErrorText::new(
            "The log cannot be written.",
            format!("{error}."),
            ["Check where the standard output of the build goes, and that there is space left."],
        ),
    }
}

fn layer(name: &str, error: &LayerError) -> ErrorText {
    ErrorText::new(
        format!("The layer {name} cannot be read or written."),
        format!("{error}."),
        ["Check that there is space left for layers, about 10 MB."],
    )
}

fn runtime(error: &RuntimeError) -> ErrorText {
    match error {
        RuntimeError::UnsupportedApi(api) => ErrorText::new(
            format!("buildpack.toml is written for Buildpack API {api}."),
            format!(
                "This buildpack works with the Buildpack APIs {}.",
                list(&SUPPORTED_APIS)
            ),
            [
                "Set `api` in buildpack.toml to \"0.12\", or to \"0.10\" for a lifecycle older \
                 than 0.21.",
            ],
        ),
        RuntimeError::Usage(arguments) => ErrorText::new(
            "The buildpack was not called as the lifecycle calls it.",
            format!(
                "It was called as: {}",
                arguments.join(OsStr::new(" ")).display()
            ),
            [
                "Call it as `bin/detect <platform> <plan>` or as `bin/build <layers> <platform> \
                 <plan>`; the program's name decides which of the two it is.",
            ],
        ),
        RuntimeError::NoBuildpackDirectory(error) => ErrorText::new(
            "The buildpack cannot find its own files.",
            format!("CNB_BUILDPACK_DIR: {error}."),
            ["Set CNB_BUILDPACK_DIR to the buildpack's directory, as the lifecycle does."],
        ),
        RuntimeError::Descriptor { path, error } => ErrorText::new(
            "buildpack.toml cannot be used.",
            format!("{}: {error}", path.display()),
            ["Fix the file, or use the released buildpack."],
        ),
        RuntimeError::Restart(error) => ErrorText::new(
            "The buildpack could not start itself with the variables it needs.",
            format!("{error}."),
            [
                "Give the run image the labels io.buildpacks.base.distro.name and \
                 io.buildpacks.base.distro.version, with which no such start is needed.",
            ],
        ),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn live_reload(error: &LiveReloadError) -> ErrorText {
    match error {
        LiveReloadError::Layer(error) => layer("live-reload", error),
        LiveReloadError::Program { path, error } => ErrorText::new(
            "The program of the reload process cannot be copied to its layer.",
            format!("{}: {error}.", path.display()),
            [match error {
                CopyError::Read(_) => {
                    "Package the buildpack again: bin/live-reload belongs beside bin/build."
                }
                CopyError::Write(_) => "Check that there is space left for layers, about 2 MB.",
            }],
        ),
        LiveReloadError::ProcessType(error) => internal(error),
    }
}

#[cfg(test)]
mod tests;
