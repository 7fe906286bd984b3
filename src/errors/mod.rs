//! The text of every error that stops a phase: what happened, why, and what to do. The `Display` of an
//! error says why; this module adds the rest.

use crate::config::{ConfigError, WATCHEXEC_VERSION};
use crate::layers::watchexec::WatchexecError;
use crate::runtime::RuntimeError;
use std::io::ErrorKind;
use watchexec_release::archive::UnpackError;
use watchexec_release::catalog::ChooseError;
use watchexec_release::download::{Attempt, DownloadError, Failure, Fault, StatusCode, TlsFault};
use watchexec_release::files::FileError;
use watchexec_release::location::InvalidOverride;
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

/// What happened, and what to do, a line for each remedy. Why is the error's `Display`.
type Text = (String, String);

/// The text of an error, whether the buildpack's own or libcnb's.
pub(crate) fn text(error: &libcnb::Error<Error>) -> String {
    match error {
        libcnb::Error::BuildpackError(error) => {
            let (what, remedies) = own(error);
            written(&what, error, &remedies)
        }
        // The lifecycle and this buildpack exchange these files, so either of the two, or a full
        // disk, is at fault. Users can tell us, but hardly fix it.
        other => written(
            "Internal error of the Watchexec Buildpack.",
            other,
            "Check that disk space is left.\n\
             Otherwise report it, with the build log: \
             https://github.com/live-reload/watchexec-buildpack/issues",
        ),
    }
}

fn written(what: &str, why: &impl ToString, remedies: &str) -> String {
    let why = why.to_string();
    let lines: Vec<String> = why.lines().map(capitalized).collect();
    let end = if lines.len() == 1 { "." } else { "" };
    let (why, remedies) = (lines.join("\n"), remedies.replace('\n', "\n- "));
    format!("Error: {what}\n\n{why}{end}\n\nWhat to do:\n- {remedies}\n")
}

/// A line with a capital letter at its start, unless its first word is a name.
fn capitalized(line: &str) -> String {
    let word = line.split(' ').next().unwrap_or_default();
    let is_name = word.bytes().any(|byte| !byte.is_ascii_lowercase());
    let (start, rest) = line.split_at(usize::from(!is_name && !word.is_empty()));
    start.to_uppercase() + rest
}

fn own(error: &Error) -> Text {
    let (what, remedies) = match error {
        Error::Runtime(error) => return runtime(error),
        Error::Config(errors) => return configuration(errors),
        Error::Choose(error) => return choose(error),
        Error::Watchexec(error) => return watchexec(error),
        Error::LiveReload(error) => return layer("live-reload", error),
        Error::Plan(_) => (
            "A buildpack requires watchexec with an invalid version requirement.",
            "Set BP_WATCHEXEC_VERSION, which overrides the requirement, and report the requirement to the \
             authors of that buildpack.",
        ),
        Error::Locate(_) => (
            "A mirror or a mapping for watchexec is invalid.",
            "Write a mirror as URL or as URL,skip-path=PATH, and a mapping as URL. The URL is an https, \
             http or file URL.\n\
             Or remove it, to use the URL in buildpack.toml.",
        ),
    };
    (what.to_owned(), remedies.to_owned())
}

fn runtime(error: &RuntimeError) -> Text {
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
    (what.to_owned(), remedy.to_owned())
}

/// All settings that cannot be used, in one text.
fn configuration(errors: &[ConfigError]) -> Text {
    let mut settings: Vec<&str> = errors.iter().map(|error| error.setting.as_str()).collect();
    settings.dedup();
    let what = match settings.as_slice() {
        [setting] => format!("{setting} is invalid."),
        _ => "Some build settings are invalid.".to_owned(),
    };
    (what, format!("Correct or remove {}.", settings.join(", ")))
}

fn choose(error: &ChooseError) -> Text {
    let what = match error {
        ChooseError::Entry(..) => "An entry of buildpack.toml is invalid.",
        ChooseError::Empty => "This buildpack has no release of watchexec.",
        _ => "No release of watchexec matches this build.",
    };
    let add = "dd an entry for the target to buildpack.toml (docs/repackaging.md)";
    let remedies = match error {
        ChooseError::Empty => format!("A{add}, or use the released buildpack."),
        ChooseError::NoTarget(..) => format!("Build for one of these targets.\nOr a{add}."),
        ChooseError::NoVersion { requirements, .. } => {
            let otherwise = match requirements.first().map(|wanted| wanted.by) {
                Some(WATCHEXEC_VERSION) => ", or remove it",
                Some(_) => ", which overrides the requirements of other buildpacks",
                None => "",
            };
            format!(
                "Set {WATCHEXEC_VERSION} to one of these versions{otherwise}.\n\
                 Or use a version of this buildpack that ships the version you want."
            )
        }
        ChooseError::Entry(..) => {
            "Give the entry a semver `version` and an https, http or file URL as `uri`.\n\
             Give it `checksum = \"sha256:<64 hexadecimal digits>\"`; the release page of watchexec lists \
             the checksums."
                .to_owned()
        }
    };
    (what.to_owned(), remedies)
}

fn watchexec(error: &WatchexecError) -> Text {
    let (what, remedy) = match error {
        WatchexecError::Layer(error) | WatchexecError::Unpack(UnpackError::Install(error)) => {
            return layer("watchexec", error);
        }
        WatchexecError::Download(error) => return download(error),
        WatchexecError::Unpack(_) => (
            "The archive has the right checksum, but is not a release of watchexec.",
            "Set `uri` and `checksum` in buildpack.toml to a release archive of watchexec, a .tar.xz, \
             .tar.gz or .tar.",
        ),
        WatchexecError::Bundle(_) => (
            "The watchexec inside the buildpack has changed since it was packaged.",
            "Package the buildpack again, or download it again.",
        ),
    };
    (what.to_owned(), remedy.to_owned())
}

fn layer(name: &str, error: &FileError) -> Text {
    let path = error.path.display();
    let remedy = match error.error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("Let the user of the build write to {path}.")
        }
        ErrorKind::AlreadyExists => {
            format!("Call bin/build with a layers directory without {path}.")
        }
        ErrorKind::NotFound if name == "live-reload" => {
            "Package the buildpack again, or download it again.".to_owned()
        }
        _ => "Check that 12 MB of disk space are left for layers.".to_owned(),
    };
    (format!("Could not write the layer {name}."), remedy)
}

fn download(error: &DownloadError) -> Text {
    let (what, remedy) = match &error.fault {
        Fault::File(cause) => {
            let remedy = match cause.kind() {
                ErrorKind::FileTooLarge => TOO_LARGE,
                ErrorKind::PermissionDenied => "Let the user of the build read the file.",
                _ => {
                    "Check that the file exists in the build container. To use a file of the host, \
                     mount it: `pack build --volume`."
                }
            };
            (
                "Could not read the archive of watchexec.",
                remedy.to_owned(),
            )
        }
        Fault::Checksum(_, hop) => {
            let look = match hop {
                Some(_) => {
                    "Open the URL: if the file has only a few kilobytes, a mirror or a proxy has sent \
                     an error page or a sign-in page."
                }
                None => "Replace the file with the archive that buildpack.toml lists.",
            };
            let remedies = format!(
                "{look}\n\
                 If you changed buildpack.toml, compare its `checksum` with the release page of watchexec.\n\
                 Otherwise do not use the file: it was changed on its way or at its source."
            );
            ("The archive of watchexec has the wrong checksum.", remedies)
        }
        Fault::Requests(attempts) => {
            let remedy = attempts.last().map(of_request).unwrap_or_default();
            ("Could not download watchexec.", remedy)
        }
    };
    let is_server = matches!(error.fault, Fault::Requests(_));
    let elsewhere = match &error.archive.set_by {
        // Users of a mirror or a mapping should look at that one.
        Some(setting) => format!("\nOr correct or remove {setting}."),
        None if is_server => {
            "\nOr set BP_DEPENDENCY_MIRROR to a mirror that the build can reach, or give the archive \
             another URL with a binding of type dependency-mapping."
                .to_owned()
        }
        None => String::new(),
    };
    let offline = "\nOr use the offline package of this buildpack, which contains watchexec.";
    let offline = if is_server { offline } else { "" };
    (what.to_owned(), remedy + &elsewhere + offline)
}

const TOO_LARGE: &str = "Check that it is a release of watchexec, which has about 3 MB.";

/// What to do about a failed request.
fn of_request(Attempt { hop, failure }: &Attempt) -> String {
    use StatusCode as Code;
    let server = hop.url.origin();
    let words = match (failure, &hop.proxy) {
        (Failure::Tls(TlsFault::Time(_), server), _) => {
            return format!(
                "Renew the certificate of {server}, or correct the clock of this machine."
            );
        }
        (Failure::Tls(TlsFault::NotTls, other), Some(proxy)) if *other != server => {
            return format!("Write http:// in {}.", proxy.variable);
        }
        (Failure::Tls(TlsFault::NotTls, _), _) => {
            "Write http:// in the URL, or the port on which the server speaks TLS."
        }
        (Failure::Tls(TlsFault::Ca, _), _) => {
            "Let the CA sign a certificate for the server, or make one that is not a CA's (`openssl req \
             -x509 -addext basicConstraints=critical,CA:FALSE`); add the signer's certificate with a \
             binding of type ca-certificates."
        }
        (Failure::Tls(..), _) => {
            "If the server or a proxy has a certificate from a private CA, add the CA certificate with a \
             binding of type ca-certificates."
        }
        (Failure::Other(_), Some(proxy)) if proxy.url.is_err() => {
            let form = "http://[user:password@]host[:port]";
            return format!("Set {} to an http or https proxy: {form}.", proxy.variable);
        }
        // tinyproxy answers a wrong password with the status of a server.
        (
            Failure::ProxyStatus(Code::PROXY_AUTHENTICATION_REQUIRED | Code::UNAUTHORIZED, _),
            Some(proxy),
        ) => {
            let form = "http://user:password@host:port";
            return format!(
                "Set {} with a login that the proxy accepts: {form}.",
                proxy.variable
            );
        }
        (Failure::ProxyStatus(..), Some(proxy)) => {
            return format!(
                "Ask for access to {server} through the proxy {proxy}, or add the host to NO_PROXY if the \
                 build can reach it directly."
            );
        }
        (Failure::Status(status, ..), _) => match (*status, &hop.login) {
            (Code::UNAUTHORIZED | Code::FORBIDDEN, Some(login)) => {
                return format!("Correct the login for {server} in {login}.");
            }
            (Code::UNAUTHORIZED | Code::FORBIDDEN, None) => {
                "Add credentials for this server to the URL or to a netrc file."
            }
            (Code::NOT_FOUND, _) => "Check that the server has a file under this path.",
            (Code::UNAVAILABLE_FOR_LEGAL_REASONS, _) => {
                "Use a server that may send the file to this network."
            }
            (Code::REQUEST_TIMEOUT | Code::TOO_MANY_REQUESTS, _) => "Try again later.",
            (status, _) if status.is_server_error() => "Try again later.",
            _ => "Check that this is the URL of a file.",
        },
        (Failure::TooLarge(_), _) => TOO_LARGE,
        (Failure::Redirect(_), _) => {
            "Follow the redirects with `curl --location --head URL`, and set the URL that they should \
             lead to."
        }
        (_, Some(proxy)) => {
            return format!(
                "Check that the build can reach the proxy {proxy}, and the proxy {server}."
            );
        }
        (_, None) => "Check that the build can reach this server. Behind a proxy, set HTTPS_PROXY.",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests;
