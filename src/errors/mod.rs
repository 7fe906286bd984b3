//! The text of every error that stops a phase: what happened, why, and what to do. The `Display` of an
//! error says why; this module adds the rest.

use crate::config::{ConfigError, WATCHEXEC_VERSION};
use crate::layers::watchexec::WatchexecError;
use crate::runtime::RuntimeError;
use std::fmt;
use std::io;
use watchexec_release::archive::UnpackError;
use watchexec_release::catalog::ChooseError;
use watchexec_release::download::{
    Attempt, DownloadError, Failure, Fault, LoginSource, Proxy, StatusCode, TlsFault,
};
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
}

impl From<Error> for libcnb::Error<Error> {
    fn from(error: Error) -> Self {
        Self::BuildpackError(error)
    }
}

/// The text of an error.
pub(crate) struct ErrorText {
    /// The headline: one sentence that says what happened.
    what: String,
    /// Why it happened.
    why: String,
    /// The remedies, a sentence each.
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
                "Check that disk space is left.",
                "Otherwise report it, with the build log: \
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
                "Set {WATCHEXEC_VERSION}, which overrides the requirement, and report the requirement to \
                 the authors of that buildpack."
            )],
        ),
        Error::Choose(error) => choose(error),
        Error::Locate(error) => ErrorText::new(
            "A mirror or a mapping for watchexec is invalid.",
            error,
            [
                "Write a mirror as URL or as URL,skip-path=PATH, and a mapping as URL. The URL is an \
                 https, http or file URL.",
                "Or remove it, to use the URL in buildpack.toml.",
            ],
        ),
        Error::Watchexec(error) => watchexec(error),
        Error::LiveReload(error) => ErrorText::new(
            "Could not write the layer live-reload.",
            error,
            [match error.error.kind() {
                io::ErrorKind::NotFound => {
                    "Package the buildpack again: a program is missing in it.".to_owned()
                }
                _ => for_a_layer(error, "2 MB"),
            }],
        ),
    }
}

fn runtime(error: &RuntimeError) -> ErrorText {
    let (what, remedy) = match error {
        RuntimeError::Usage(_) => (
            "The buildpack was called with the wrong arguments.",
            "Call it as `bin/detect <platform> <plan>` or as `bin/build <layers> <platform> <plan>`; \
             the program's name decides which of the two it is.",
        ),
        RuntimeError::NoBuildpackDirectory(_) => (
            "The buildpack cannot find its own files.",
            "Set CNB_BUILDPACK_DIR to the buildpack's directory, as the lifecycle does.",
        ),
        RuntimeError::Descriptor(_) => (
            "buildpack.toml is invalid.",
            "Fix the file, or use the released buildpack.",
        ),
        RuntimeError::Restart(_) => (
            "Could not restart the buildpack with CNB_TARGET_DISTRO_NAME and CNB_TARGET_DISTRO_VERSION set.",
            "Give the run image the labels io.buildpacks.base.distro.name and \
             io.buildpacks.base.distro.version. Then no restart is needed.",
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
        [setting] => format!("{setting} is invalid."),
        _ => "Some build settings are invalid.".to_owned(),
    };
    let remedy = format!("Correct or remove {}.", settings.join(", "));
    ErrorText::new(what, &Error::Config(errors), [remedy])
}

fn choose(error: &ChooseError) -> ErrorText {
    match error {
        ChooseError::NoTarget { .. } => ErrorText::new(
            "No release of watchexec matches this build.",
            error,
            [
                "Build for one of these targets.",
                "Or add an entry for the target to buildpack.toml (docs/repackaging.md).",
            ],
        ),
        ChooseError::NoVersion { requirements, .. } => {
            let is_own = requirements
                .iter()
                .any(|wanted| wanted.by == WATCHEXEC_VERSION);
            let otherwise = if is_own {
                ", or remove it"
            } else if requirements.is_empty() {
                ""
            } else {
                ", which overrides the requirements of other buildpacks"
            };
            ErrorText::new(
                "No release of watchexec matches this build.",
                error,
                [
                    format!("Set {WATCHEXEC_VERSION} to one of these versions{otherwise}."),
                    "Or use a version of this buildpack that ships the version you want."
                        .to_owned(),
                ],
            )
        }
        ChooseError::Empty => ErrorText::new(
            "This buildpack has no release of watchexec.",
            error,
            [
                "Add an entry to buildpack.toml (docs/repackaging.md), or use the released buildpack.",
            ],
        ),
        ChooseError::Entry { .. } => ErrorText::new(
            "An entry of buildpack.toml is invalid.",
            error,
            [
                "Give the entry a semver `version` and an https, http or file URL as `uri`.",
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
                "Could not write the layer watchexec.",
                error,
                [for_a_layer(error, "10 MB")],
            )
        }
        WatchexecError::Download(error) => download(error),
        WatchexecError::Unpack(error) => ErrorText::new(
            "The archive has the right checksum, but is not a release of watchexec.",
            error,
            [
                "Set `uri` and `checksum` in buildpack.toml to a release archive of watchexec, a .tar.xz, \
                 .tar.gz or .tar.",
            ],
        ),
        WatchexecError::Bundle(error) => ErrorText::new(
            "The watchexec inside the buildpack has changed since it was packaged.",
            error,
            ["Package the buildpack again, or download it again."],
        ),
    }
}

/// What to do about a file of a layer.
fn for_a_layer(error: &FileError, needed: &str) -> String {
    let path = error.path.display();
    match error.error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("Let the user of the build write to {path}.")
        }
        io::ErrorKind::AlreadyExists => {
            format!(
                "Call bin/build with an empty layers directory: {path} is not from this buildpack."
            )
        }
        _ => format!("Check that {needed} of disk space are left for layers."),
    }
}

fn download(error: &DownloadError) -> ErrorText {
    let set_by = error.archive.set_by.as_ref();
    let or_correct = set_by.map(|setting| format!("Or correct or remove {setting}."));
    let (what, mut remedies) = match &error.fault {
        Fault::File(cause) => (
            "Could not read the archive of watchexec.",
            vec![match cause.kind() {
                io::ErrorKind::FileTooLarge => TOO_LARGE.to_owned(),
                io::ErrorKind::PermissionDenied => {
                    "Let the user of the build read the file.".to_owned()
                }
                _ => {
                    "Check that the file exists in the build container. To use a file of the host, \
                      mount it: `pack build --volume`."
                        .to_owned()
                }
            }],
        ),
        Fault::Checksum { hop, .. } => {
            let look = match hop {
                Some(_) => {
                    "Open the URL: if the file has only a few kilobytes, a mirror or a proxy has sent \
                     an error page or a sign-in page."
                }
                None => "Replace the file with the archive that buildpack.toml lists.",
            };
            let remedies = [
                look,
                "If you changed buildpack.toml, compare its `checksum` with the release page of \
                 watchexec.",
                "Otherwise do not use the file: it was changed on its way or at its source.",
            ];
            let what = "The archive of watchexec has the wrong checksum.";
            (what, remedies.map(str::to_owned).to_vec())
        }
        Fault::Requests(attempts) => {
            let mut remedies: Vec<String> = attempts.last().map(of_request).into_iter().collect();
            if set_by.is_none() {
                remedies.push(
                    "Or set BP_DEPENDENCY_MIRROR to a mirror that the build can reach, or give the \
                     archive another URL with a binding of type dependency-mapping."
                        .to_owned(),
                );
            }
            ("Could not download watchexec.", remedies)
        }
    };
    // Users of a mirror or a mapping should look at that one.
    remedies.extend(or_correct);
    if matches!(error.fault, Fault::Requests(_)) {
        let offline = "Or use the offline package of this buildpack, which contains watchexec.";
        remedies.push(offline.to_owned());
    }
    ErrorText::new(what, error, remedies)
}

const TOO_LARGE: &str = "Check that it is a release of watchexec, which has about 3 MB.";

/// What to do about a failed request.
fn of_request(attempt: &Attempt) -> String {
    let Attempt { hop, failure } = attempt;
    let server = hop.url.origin();
    let proxy = hop.proxy.as_ref();
    match failure {
        Failure::Tls {
            server: untrusted,
            fault,
        } => match fault {
            TlsFault::Time { .. } => format!(
                "Renew the certificate of {untrusted}, or correct the clock of the machine that builds."
            ),
            TlsFault::NotTls if *untrusted == server => {
                "Write http:// in the URL, or the port on which the server speaks TLS.".to_owned()
            }
            TlsFault::NotTls => format!("Write http:// in {}.", variable(proxy)),
            TlsFault::SelfSigned => format!(
                "If you trust {untrusted}, add its certificate with a binding of type ca-certificates."
            ),
            TlsFault::Other(_) => {
                "If the server or a proxy has a certificate from a private CA, add the CA certificate \
                 with a binding of type ca-certificates."
                    .to_owned()
            }
        },
        Failure::Proxy(_) => format!(
            "Set {} to an http or https proxy: http://[user:password@]host[:port].",
            variable(proxy)
        ),
        Failure::Status {
            status, by_proxy, ..
        } => match (proxy, *status) {
            (Some(proxy), StatusCode::PROXY_AUTHENTICATION_REQUIRED) => format!(
                "Set {} to the proxy with a user and a password that it accepts: \
                 http://user:password@host:port.",
                proxy.variable
            ),
            (Some(proxy), _) if *by_proxy => format!(
                "Ask for access to {server} through the proxy {proxy}, or add its host to NO_PROXY if the \
                 build can reach it directly."
            ),
            (_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                match &hop.login {
                    Some(LoginSource::Netrc(file)) => {
                        format!("Correct the login for this server in {}.", file.display())
                    }
                    Some(LoginSource::Url) => {
                        "Correct the user name and the password in the URL.".to_owned()
                    }
                    None => "Add credentials for this server to the URL or to a netrc file.".to_owned(),
                }
            }
            (_, StatusCode::NOT_FOUND) => {
                "Check that the server has a file under this path.".to_owned()
            }
            (_, StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS) => {
                "Use a server that may send the file to this network.".to_owned()
            }
            (_, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => TRY_LATER.to_owned(),
            (_, status) if status.is_server_error() => TRY_LATER.to_owned(),
            _ => "Check that this is the URL of a file.".to_owned(),
        },
        Failure::TooLarge(_) => TOO_LARGE.to_owned(),
        Failure::Redirect(_) => {
            "Follow the redirects with `curl --location --head URL`, and set the URL that they should \
             lead to."
                .to_owned()
        }
        Failure::Connect(_) | Failure::Timeout(_) | Failure::Interrupted { .. } => match proxy {
            Some(proxy) => format!("Check that the build can reach the proxy {proxy}, and the proxy {server}."),
            None => {
                "Check that the build can reach this server. Behind a proxy, set HTTPS_PROXY.".to_owned()
            }
        },
        Failure::Other(_) => "Check the URL and the settings of the network.".to_owned(),
    }
}

const TRY_LATER: &str = "Try again later.";

/// The variable that sets the proxy.
fn variable(proxy: Option<&Proxy>) -> &str {
    proxy.map_or("HTTPS_PROXY", |proxy| &proxy.variable)
}

#[cfg(test)]
mod tests;
