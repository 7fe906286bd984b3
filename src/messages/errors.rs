//! The texts of errors: what happened, why, and what to do.

use super::{lines, size};
use crate::address::{Address, InvalidAddress};
use crate::bindings::BindingError;
use crate::bundle::BundleError;
use crate::checksum::{ChecksumError, CopyError, Mismatch};
use crate::companion::CompanionError;
use crate::configuration::{ConfigurationError, InvalidValue, WATCHEXEC_VERSION};
use crate::dependency::NoMatch;
use crate::entry::{EntryError, SUPPORTED_APIS};
use crate::error::Error;
use crate::fetch::{Attempt, Failure, FetchError};
use crate::locate::{LocateError, Reason};
use crate::mirror::{InvalidMirror, InvalidMirrorReason};
use crate::network::{NETRC, NetworkError};
use crate::requirement::{InvalidRequirement, Origin};
use crate::unpack::UnpackError;
use reload_options::InvalidSetting;
use reqwest::StatusCode;
use std::ffi::OsStr;
use std::fmt;

/// What a person is told about an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorText {
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

/// The text of an error, whether the buildpack's own or one that libcnb found.
#[must_use]
pub fn text(error: &libcnb::Error<Error>) -> ErrorText {
    match error {
        libcnb::Error::BuildpackError(error) => own(error),
        other => ErrorText::new(
            "The files that the build platform and the buildpack exchange cannot be read or \
             written.",
            format!("{other}."),
            [
                "Check that the platform follows the Cloud Native Buildpacks specification, and \
                 that there is space left for layers.",
            ],
        ),
    }
}

fn own(error: &Error) -> ErrorText {
    match error {
        Error::Entry(error) => entry(error),
        Error::Configuration(errors) => configuration(errors),
        Error::NoMatch(error) => no_match(error),
        Error::Checksum { version, error } => checksum(version, error),
        Error::Locate(error) => locate(error),
        Error::Fetch { error, reason } => fetch(error, reason),
        Error::Unpack(error) => unpack(error),
        Error::Bundle(error) => bundle(error),
        Error::Companion(error) => companion(error),
        Error::Log(error) => ErrorText::new(
            "The log cannot be written.",
            format!("{error}."),
            ["Check where the standard output of the build goes, and that there is space left."],
        ),
    }
}

fn entry(error: &EntryError) -> ErrorText {
    match error {
        EntryError::UnsupportedApi(api) => ErrorText::new(
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
        EntryError::Usage(arguments) => ErrorText::new(
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
        EntryError::NoBuildpackDirectory(error) => ErrorText::new(
            "The buildpack cannot find its own files.",
            format!("CNB_BUILDPACK_DIR: {error}."),
            ["Set CNB_BUILDPACK_DIR to the buildpack's directory, as the lifecycle does."],
        ),
        EntryError::Descriptor { path, error } => ErrorText::new(
            "buildpack.toml cannot be used.",
            format!("{}: {error}", path.display()),
            ["Mend the file, or use the released buildpack."],
        ),
        EntryError::Restart(error) => ErrorText::new(
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

/// All settings that cannot be used, in one text.
fn configuration(errors: &[ConfigurationError]) -> ErrorText {
    let mut settings: Vec<(Option<&str>, ErrorText)> = errors
        .iter()
        .map(|error| (variable(error), setting(error)))
        .collect();
    // A folder of bindings that cannot be read is an error for each type of binding.
    settings.dedup();
    if let [(_, text)] = settings.as_slice() {
        return text.clone();
    }

    let mut variables = Vec::new();
    let (mut reasons, mut remedies) = (Vec::new(), Vec::new());
    for (variable, text) in settings {
        reasons.push(text.why);
        match variable {
            Some(variable) => variables.push(variable),
            None => remedies.extend(text.remedies),
        }
    }
    variables.dedup();
    remedies.dedup();
    if !variables.is_empty() {
        let variables = list(&variables);
        remedies.insert(
            0,
            format!("Change {variables}, or leave out what is not needed."),
        );
    }
    ErrorText::new(
        "Some build settings cannot be used.",
        reasons.join("\n"),
        remedies,
    )
}

fn setting(error: &ConfigurationError) -> ErrorText {
    match error {
        ConfigurationError::InvalidValue(error) => invalid_value(error),
        ConfigurationError::InvalidSetting(error) => invalid_setting(error),
        ConfigurationError::InvalidRequirement(error) => invalid_requirement(error),
        ConfigurationError::Binding(error) => binding(error),
        ConfigurationError::Network(error) => network(error),
    }
}

/// The variable whose value is the error, if it is one's.
fn variable(error: &ConfigurationError) -> Option<&str> {
    match error {
        ConfigurationError::InvalidValue(error)
        | ConfigurationError::Network(NetworkError::InvalidValue(error)) => Some(&error.variable),
        ConfigurationError::InvalidSetting(error) => Some(error.name()),
        ConfigurationError::InvalidRequirement(error) if error.origin == Origin::Variable => {
            Some(WATCHEXEC_VERSION)
        }
        ConfigurationError::Network(NetworkError::Proxy(variable)) => Some(variable),
        _ => None,
    }
}

fn invalid_value(error: &InvalidValue) -> ErrorText {
    let InvalidValue {
        variable,
        value,
        accepted,
    } = error;
    ErrorText::new(
        format!("{variable} has a value that cannot be used."),
        format!("{variable} is {value:?}. Accepted: {accepted}."),
        [format!("Change {variable}, or leave it out.")],
    )
}

fn invalid_setting(error: &InvalidSetting) -> ErrorText {
    let name = error.name();
    ErrorText::new(
        format!("{name} has a value that cannot be used."),
        format!(
            "{name} is {:?}, which {}. Accepted: {}.",
            error.value,
            error.why,
            error.setting.accepted()
        ),
        [format!("Change {name}, or leave it out.")],
    )
}

fn companion(error: &CompanionError) -> ErrorText {
    match error {
        CompanionError::Program { path, error } => ErrorText::new(
            "The program of the reload process cannot be put into its layer.",
            format!("{}: {error}.", path.display()),
            [match error {
                CopyError::Read(_) => {
                    "Package the buildpack again: bin/live-reload belongs into it, beside \
                     bin/build."
                }
                CopyError::Write(_) => "Check that there is space left for layers, about 2 MB.",
            }],
        ),
        CompanionError::ProcessType(error) => ErrorText::new(
            "A process cannot be contributed.",
            format!("{error}."),
            ["Report it to the authors of this buildpack: no input should bring this about."],
        ),
    }
}

fn invalid_requirement(error: &InvalidRequirement) -> ErrorText {
    let (what, subject, remedy) = match error.origin {
        Origin::Variable => (
            format!("{WATCHEXEC_VERSION} is not a version requirement."),
            WATCHEXEC_VERSION,
            format!("Change {WATCHEXEC_VERSION}, or leave it out for the newest version."),
        ),
        Origin::BuildPlan => (
            "A buildpack asks for a version of watchexec in a form that is not known.".to_owned(),
            "It",
            format!(
                "Set {WATCHEXEC_VERSION}, which overrules it, and tell the authors of the \
                 buildpack that requires watchexec."
            ),
        ),
    };
    ErrorText::new(
        what,
        format!(
            "{subject} is {:?}: {}. Accepted: versions such as 2.8.0, 2.8 or 2.*, and comparisons such \
             as ~2.7, ^2, or >=2.5, <2.8.",
            error.text, error.reason
        ),
        [remedy],
    )
}

fn binding(error: &BindingError) -> ErrorText {
    let (why, remedy) = match error {
        BindingError::Unreadable { path, error } => (
            format!("{}: {error}.", path.display()),
            "Let the build's user read the binding; its entries must be text.",
        ),
        BindingError::Duplicate {
            kind,
            first,
            second,
        } => (
            format!(
                "Two bindings of type {kind} have the same entry: {} and {}.",
                first.display(),
                second.display()
            ),
            "Remove one of the two.",
        ),
    };
    ErrorText::new(
        "The service bindings of the build cannot be used.",
        why,
        [remedy],
    )
}

fn network(error: &NetworkError) -> ErrorText {
    match error {
        NetworkError::InvalidValue(error) => invalid_value(error),
        NetworkError::Proxy(variable) => ErrorText::new(
            format!("{variable} is not the address of a proxy."),
            format!(
                "The value of {variable} is not shown, since it may hold a password. Accepted: \
                 http://[user:password@]host[:port], or https:// before it."
            ),
            [format!("Change {variable}, or leave it out.")],
        ),
        NetworkError::Certificate(path) => ErrorText::new(
            "A certificate of a ca-certificates binding cannot be used.",
            format!("{} has no certificate in PEM form.", path.display()),
            [
                "Give the certificate as text that starts with -----BEGIN CERTIFICATE-----; \
                 `openssl x509 -inform der -in FILE` writes it so.",
            ],
        ),
        NetworkError::Netrc { path, reason } => ErrorText::new(
            "The netrc file cannot be used.",
            format!("{NETRC} names {}: {reason}.", path.display()),
            [
                "Fix the file: `machine HOST login USER password PASSWORD` for each host. Or set \
                 NETRC to another one.",
            ],
        ),
    }
}

fn no_match(error: &NoMatch) -> ErrorText {
    let NoMatch {
        platform,
        requirements,
        available,
        platforms,
    } = error;
    if available.is_empty() {
        return ErrorText::new(
            format!("There is no watchexec for {platform}."),
            format!("This buildpack has it for {}.", platforms.join(", ")),
            [
                "Build for one of these platforms.",
                "Or add an entry for this one to buildpack.toml (docs/repackaging.md).",
            ],
        );
    }
    let asked: Vec<String> = requirements.iter().map(lines::requirement).collect();
    ErrorText::new(
        format!(
            "There is no watchexec that satisfies {}.",
            asked.join(" and ")
        ),
        format!("For {platform} there is {}.", lines::versions(available)),
        [
            format!("Ask for one of these versions with {WATCHEXEC_VERSION}."),
            "Or use a version of this buildpack that ships the wanted one.".to_owned(),
        ],
    )
}

fn checksum(version: &str, error: &ChecksumError) -> ErrorText {
    let why = match error {
        ChecksumError::Missing => {
            "Its entry in buildpack.toml has neither `checksum` nor `sha256`.".to_owned()
        }
        ChecksumError::UnknownKind(text) => {
            format!(
                "Its entry in buildpack.toml has the checksum {text:?}, whose kind is not known."
            )
        }
        ChecksumError::Malformed(text) => format!(
            "Its entry in buildpack.toml has the checksum {text:?}, which is not 64 hexadecimal \
             digits."
        ),
        ChecksumError::Contradictory(first, second) => {
            format!("Its entry in buildpack.toml has two: {first} and {second}.")
        }
    };
    ErrorText::new(
        format!("watchexec {version} has no checksum it could be verified by."),
        why,
        [
            "Give the entry a `checksum = \"sha256:<64 hexadecimal digits>\"`; the release page of \
             watchexec lists them.",
        ],
    )
}

fn locate(error: &LocateError) -> ErrorText {
    match error {
        LocateError::Uri { version, error } => ErrorText::new(
            format!("The address of watchexec {version} cannot be used."),
            format!(
                "The `uri` of its entry in buildpack.toml: {}.",
                invalid_address(error)
            ),
            ["Give the entry an https, http or file address."],
        ),
        LocateError::Mapping { path, error } => ErrorText::new(
            "A dependency-mapping for watchexec cannot be used.",
            format!("{}: {}.", path.display(), invalid_address(error)),
            [
                "Give the entry an https, http or file address.",
                "Or remove the entry, to take the archive from where buildpack.toml says.",
            ],
        ),
        LocateError::Mirror(InvalidMirror { setting, reason }) => ErrorText::new(
            "The mirror for watchexec cannot be used.",
            format!("{setting}: {}.", invalid_mirror(reason)),
            [
                "Write it as ADDRESS or as ADDRESS,skip-path=PATH, with an https, http or file \
                 address.",
                "Or remove it, to take the archive from where buildpack.toml says.",
            ],
        ),
    }
}

fn invalid_mirror(reason: &InvalidMirrorReason) -> String {
    match reason {
        InvalidMirrorReason::Address(error) => invalid_address(error),
        InvalidMirrorReason::UnknownPart(name) => {
            format!("it has a part {name:?}, and known are mirror and skip-path")
        }
        InvalidMirrorReason::NoAddress => "it has no address".to_owned(),
    }
}

fn invalid_address(error: &InvalidAddress) -> String {
    match error {
        InvalidAddress::NotAUri(reason) => format!("it is not a URI ({reason})"),
        InvalidAddress::UnknownScheme(scheme) => {
            format!("its scheme is {scheme:?}, and known are https, http and file")
        }
        InvalidAddress::NotAFile => {
            "a file address has an absolute path and no host, as in file:///folder/name".to_owned()
        }
    }
}

fn fetch(error: &FetchError, reason: &Reason) -> ErrorText {
    match error {
        FetchError::File { path, error } => ErrorText::new(
            "The archive of watchexec cannot be read.",
            format!("{}: {error}.", path.display()),
            [
                "Check that the file is there in the container in which the buildpack runs; a \
                 file of the host has to be mounted, for example with `pack build --volume`.",
            ],
        ),
        FetchError::FileTooLarge(path) => ErrorText::new(
            "The archive of watchexec is too large to be one.",
            format!(
                "{} has more than {}.",
                path.display(),
                size(crate::fetch::LARGEST_ARCHIVE)
            ),
            ["Check the address: it names another file."],
        ),
        FetchError::Download { address, attempts } => download(address, attempts, reason),
        FetchError::Checksum { address, mismatch } => wrong_checksum(address, mismatch),
    }
}

fn download(address: &Address, attempts: &[Attempt], reason: &Reason) -> ErrorText {
    let requests: Vec<String> = attempts
        .iter()
        .enumerate()
        .map(|(index, attempt)| {
            let redirect = match &attempt.redirected_to {
                Some(address) => format!(", redirected to {address}"),
                None => String::new(),
            };
            let number = index + 1;
            format!(
                "  request {number}{redirect}: {}",
                failure(&attempt.failure)
            )
        })
        .collect();
    let place = match reason {
        Reason::Mirror(setting) => format!("From the mirror of {setting}, {address}"),
        Reason::Mapping(path) => format!("From the mapping of {}, {address}", path.display()),
        Reason::DependencyUri => format!("From {address}"),
    };
    let why = format!("{place}:\n{}", requests.join("\n"));
    let first = match attempts.last().map(|attempt| &attempt.failure) {
        Some(Failure::Tls(_)) => {
            "If a proxy or an own server is signed by an own authority, give the build its \
             certificate with a binding of type ca-certificates."
        }
        Some(Failure::Proxy(_)) => {
            "Set HTTPS_PROXY, or HTTP_PROXY for an http address, to an http or https proxy: \
             http://[user:password@]host[:port]."
        }
        Some(Failure::Status { status, .. })
            if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(status) =>
        {
            "Give the address, or a netrc file, the credentials that the server asks for."
        }
        Some(Failure::Status { status, .. }) if *status == StatusCode::NOT_FOUND => {
            "Check that the server has this file, under this path."
        }
        _ => {
            "Check that the build may reach this address; behind a proxy set HTTPS_PROXY for the \
             build."
        }
    };
    let mut remedies = vec![first.to_owned()];
    match reason {
        // To name another place is no advice for who has named this one.
        Reason::Mirror(setting) => {
            remedies.push(format!(
                "Or change or remove {setting}, which names this mirror."
            ));
        }
        Reason::Mapping(path) => remedies.push(format!(
            "Or change or remove {}, which names this address.",
            path.display()
        )),
        Reason::DependencyUri => remedies.extend([
            "Set BP_DEPENDENCY_MIRROR to a mirror that the build can reach.".to_owned(),
            "Or map the archive to another address with a binding of type dependency-mapping."
                .to_owned(),
        ]),
    }
    remedies.push(
        "Or use the offline package of this buildpack, which has watchexec inside.".to_owned(),
    );
    ErrorText::new("watchexec could not be downloaded.", why, remedies)
}

/// How a request failed, as a part of a sentence.
pub(super) fn failure(failure: &Failure) -> String {
    match failure {
        Failure::Connect(reason) => format!("no connection ({reason})"),
        Failure::Tls(reason) => format!("no trusted connection ({reason})"),
        Failure::Timeout(limit) => limit.to_string(),
        Failure::Status { status, .. } => format!("the server answered {status}"),
        Failure::Interrupted { received, reason } => {
            format!("the connection ended after {} ({reason})", size(*received))
        }
        Failure::TooLarge(limit) => {
            format!("the server sends more than {}", size(*limit))
        }
        Failure::Redirect(rule) => format!("the server {rule}"),
        Failure::Proxy(scheme) => format!("{scheme} proxies are not supported"),
        Failure::Other(reason) => reason.clone(),
    }
}

fn wrong_checksum(address: &Address, mismatch: &Mismatch) -> ErrorText {
    ErrorText::new(
        "What was fetched is not the watchexec that buildpack.toml names.",
        format!(
            "From {address} came {} with another checksum:\n  expected {}\n  received {}",
            size(mismatch.length),
            mismatch.expected,
            mismatch.actual
        ),
        [
            "If a mirror or a proxy is in between, check what it answers under this address: a \
             few kilobytes are most often an error page.",
            "If buildpack.toml was changed, check its `checksum` against the release page of \
             watchexec.",
            "Otherwise do not use what came: it was changed on its way or at its source.",
        ],
    )
}

fn unpack(error: &UnpackError) -> ErrorText {
    let why = match error {
        UnpackError::UnknownFormat => {
            "Its first bytes are those of neither xz, gzip nor tar.".to_owned()
        }
        UnpackError::Damaged(error) => format!("It is cut or damaged: {error}."),
        UnpackError::TooManyEntries(limit) => format!("It has more than {limit} entries."),
        UnpackError::TooLarge(limit) => format!("It decodes to more than {}.", size(*limit)),
        UnpackError::Duplicate(name) => format!("It has two files {name}."),
        UnpackError::NotAFile(name) => format!("Its {name} is a link or a device, not a file."),
        UnpackError::NoProgram => {
            "It has no file watchexec, neither at its top nor in a folder at its top.".to_owned()
        }
        UnpackError::Write(error) => {
            return ErrorText::new(
                "watchexec cannot be written to its layer.",
                format!("{error}."),
                ["Check that there is space left for layers, about 10 MB."],
            );
        }
    };
    ErrorText::new(
        "The archive has the right checksum and yet is no release of watchexec.",
        why,
        [
            "Name another archive, and its checksum, in buildpack.toml: a .tar.xz, .tar.gz or .tar \
             as the watchexec project releases them.",
        ],
    )
}

fn bundle(error: &BundleError) -> ErrorText {
    let why = match error {
        BundleError::List { path, error } => format!("{}: {error}", path.display()),
        BundleError::Unreadable { path, error } => format!("{}: {error}.", path.display()),
        BundleError::Changed { path, mismatch } => format!(
            "{} has another checksum than when it was packaged:\n  expected {}\n  found    {}",
            path.display(),
            mismatch.expected,
            mismatch.actual
        ),
        BundleError::Write(error) => {
            return ErrorText::new(
                "watchexec cannot be written to its layer.",
                format!("{error}."),
                ["Check that there is space left for layers, about 10 MB."],
            );
        }
    };
    ErrorText::new(
        "The watchexec inside the buildpack is not what was packaged.",
        why,
        ["Package the buildpack again, or take it again from where it is published."],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Checksum;
    use crate::dependency::Platform;
    use crate::fetch::Timeout;
    use crate::requirement::Requirement;
    use insta::assert_snapshot;
    use libcnb::data::buildpack::BuildpackApi;
    use reload_options::Settings;
    use std::env::VarError;
    use std::io;
    use std::path::PathBuf;
    use std::time::Duration;

    fn shown(error: impl Into<Error>) -> String {
        text(&libcnb::Error::BuildpackError(error.into())).to_string()
    }

    fn fetching(error: FetchError) -> String {
        let reason = Reason::DependencyUri;
        shown(Error::Fetch { error, reason })
    }

    fn address() -> Address {
        Address::parse("https://user:secret@example.com/watchexec.tar.xz?token=secret").unwrap()
    }

    fn broken(text: &str) -> io::Error {
        io::Error::other(text.to_owned())
    }

    fn mismatch() -> Mismatch {
        Mismatch {
            expected: Checksum::of(b"expected"),
            actual: Checksum::of(b"actual"),
            length: 1_234,
        }
    }

    fn broken_toml() -> toml::de::Error {
        toml::from_str::<toml::Table>("a =").unwrap_err()
    }

    #[test]
    fn platform_files() {
        assert_snapshot!(text(&libcnb::Error::CannotReadBuildpackPlan(
            broken("permission denied").into()
        )));
    }

    #[test]
    fn unsupported_api() {
        let api = BuildpackApi { major: 0, minor: 9 };
        assert_snapshot!(shown(EntryError::UnsupportedApi(api)));
    }

    #[test]
    fn usage() {
        assert_snapshot!(shown(EntryError::Usage(vec!["watchexec-buildpack".into()])));
    }

    #[test]
    fn no_buildpack_directory() {
        assert_snapshot!(shown(EntryError::NoBuildpackDirectory(
            VarError::NotPresent
        )));
    }

    #[test]
    fn descriptor() {
        assert_snapshot!(shown(EntryError::Descriptor {
            path: PathBuf::from("/cnb/buildpacks/watchexec/buildpack.toml"),
            error: broken_toml().into(),
        }));
    }

    #[test]
    fn restart() {
        assert_snapshot!(shown(EntryError::Restart(broken("no such file"))));
    }

    #[test]
    fn invalid_flag() {
        assert_snapshot!(shown(InvalidValue {
            variable: "BP_LIVE_RELOAD_ENABLED".to_owned(),
            value: "yes".to_owned(),
            accepted: "true or false".to_owned(),
        }));
    }

    #[test]
    fn invalid_settings() {
        let invalid = |name: &str, value: &str| {
            let errors =
                Settings::from_variables(|other| (other == name).then(|| value.to_owned()));
            errors
                .unwrap_err()
                .into_iter()
                .map(ConfigurationError::from)
        };
        let signal = || invalid("BP_LIVE_RELOAD_SIGNAL", "STOP");
        assert_snapshot!("invalid_setting", shown(signal().collect::<Vec<_>>()));

        let unreadable = || {
            ConfigurationError::from(BindingError::Unreadable {
                path: PathBuf::from("/bindings"),
                error: broken("permission denied"),
            })
        };
        let settings = invalid("BP_LIVE_RELOAD_IGNORE", "[a:[b")
            .chain(signal())
            .chain([unreadable(), unreadable()]);
        assert_snapshot!("invalid_settings", shown(settings.collect::<Vec<_>>()));
        assert_eq!(
            shown(vec![unreadable(), unreadable()]),
            shown(vec![unreadable()])
        );
    }

    #[test]
    fn log() {
        assert_snapshot!(shown(Error::Log(broken("no space left"))));
    }

    #[test]
    fn companions() {
        let path = PathBuf::from("/bin/live-reload");
        for (name, error) in [
            ("companion_read", CopyError::Read(broken("no such file"))),
            ("companion_write", CopyError::Write(broken("no space left"))),
        ] {
            let path = path.clone();
            assert_snapshot!(name, shown(CompanionError::Program { path, error }));
        }
    }

    #[test]
    fn invalid_requirements() {
        let invalid = |origin| shown(Requirement::parse("latest", origin).unwrap_err());
        assert_snapshot!(
            "invalid_requirement_of_the_variable",
            invalid(Origin::Variable)
        );
        assert_snapshot!(
            "invalid_requirement_of_the_plan",
            invalid(Origin::BuildPlan)
        );
    }

    #[test]
    fn no_match() {
        let no_match = |available: &[&str]| {
            shown(NoMatch {
                platform: Platform {
                    os: "linux".to_owned(),
                    arch: "amd64".to_owned(),
                },
                requirements: vec![Requirement::parse("9.*", Origin::Variable).unwrap()],
                available: available.iter().map(|text| text.parse().unwrap()).collect(),
                platforms: vec!["linux/arm64".to_owned()],
            })
        };
        assert_snapshot!("no_version", no_match(&["2.8.0", "2.7.3"]));
        assert_snapshot!("no_platform", no_match(&[]));
    }

    #[test]
    fn checksums() {
        for (name, error) in [
            ("checksum_missing", ChecksumError::Missing),
            (
                "checksum_unknown",
                ChecksumError::UnknownKind("md5:0".to_owned()),
            ),
            (
                "checksum_malformed",
                ChecksumError::Malformed("zz".to_owned()),
            ),
            (
                "checksum_contradictory",
                ChecksumError::Contradictory(Checksum::of(b"1"), Checksum::of(b"2")),
            ),
        ] {
            let version = "2.8.0".to_owned();
            assert_snapshot!(name, shown(Error::Checksum { version, error }));
        }
    }

    #[test]
    fn uris() {
        for (name, error) in [
            ("uri_none", InvalidAddress::NotAUri("empty host".to_owned())),
            (
                "uri_scheme",
                InvalidAddress::UnknownScheme("ftp".to_owned()),
            ),
            ("uri_file", InvalidAddress::NotAFile),
        ] {
            let version = "2.8.0".to_owned();
            assert_snapshot!(name, shown(LocateError::Uri { version, error }));
        }
    }

    #[test]
    fn files() {
        let path = PathBuf::from("/archives/watchexec.tar.xz");
        assert_snapshot!(
            "file_unreadable",
            fetching(FetchError::File {
                path: path.clone(),
                error: broken("no such file")
            })
        );
        assert_snapshot!("file_too_large", fetching(FetchError::FileTooLarge(path)));
    }

    #[test]
    fn downloads() {
        let redirected = Attempt {
            failure: Failure::Connect("host not found".to_owned()),
            redirected_to: Some(Address::parse("https://cdn.example.com/w?sig=secret").unwrap()),
        };
        let status = |code: u16| Failure::Status {
            status: StatusCode::from_u16(code).unwrap(),
            retry_after: None,
        };
        let limit = Duration::from_secs(10);
        for (name, failures) in [
            (
                "download_broken_network",
                vec![
                    Failure::Connect("connection refused".to_owned()),
                    Failure::Timeout(Timeout::Connect(limit)),
                    Failure::Timeout(Timeout::ResponseHeader(limit)),
                    Failure::Timeout(Timeout::Stall(limit)),
                    Failure::Interrupted {
                        received: 1_000_000,
                        reason: "connection reset".to_owned(),
                    },
                    status(503),
                    Failure::Timeout(Timeout::Total(limit)),
                ],
            ),
            (
                "download_tls",
                vec![Failure::Tls("unknown issuer".to_owned())],
            ),
            ("download_forbidden", vec![status(403)]),
            ("download_not_found", vec![status(404)]),
            ("download_too_large", vec![Failure::TooLarge(128 << 20)]),
            (
                "download_redirect",
                vec![Failure::Redirect(
                    "redirected from https to http".to_owned(),
                )],
            ),
            ("download_proxy", vec![Failure::Proxy("socks5".to_owned())]),
            (
                "download_other",
                vec![Failure::Other("no runtime".to_owned())],
            ),
        ] {
            let error = fetching(FetchError::Download {
                address: address(),
                attempts: failures.into_iter().map(Attempt::from).collect(),
            });
            assert!(!error.contains("secret"), "{error}");
            assert_snapshot!(name, error);
        }
        let error = fetching(FetchError::Download {
            address: address(),
            attempts: vec![redirected],
        });
        assert!(!error.contains("secret"), "{error}");
        assert_snapshot!("download_redirected", error);
        let path = PathBuf::from("/platform/bindings/map/0123");
        for (name, reason) in [
            (
                "download_mirror",
                Reason::Mirror("BP_DEPENDENCY_MIRROR".to_owned()),
            ),
            ("download_mapping", Reason::Mapping(path)),
        ] {
            let error = FetchError::Download {
                address: address(),
                attempts: vec![Failure::Connect("connection refused".to_owned()).into()],
            };
            assert_snapshot!(name, shown(Error::Fetch { error, reason }));
        }
    }

    #[test]
    fn bindings() {
        let path = PathBuf::from("/platform/bindings/map/key");
        for (name, error) in [
            (
                "binding_unreadable",
                BindingError::Unreadable {
                    path: path.clone(),
                    error: broken("permission denied"),
                },
            ),
            (
                "binding_duplicate",
                BindingError::Duplicate {
                    kind: "dependency-mapping",
                    first: path,
                    second: PathBuf::from("/platform/bindings/other/key"),
                },
            ),
        ] {
            assert_snapshot!(name, shown(vec![ConfigurationError::from(error)]));
        }
    }

    #[test]
    fn networks() {
        for (name, error) in [
            (
                "network_proxy",
                NetworkError::Proxy("HTTPS_PROXY".to_owned()),
            ),
            (
                "network_certificate",
                NetworkError::Certificate(PathBuf::from("/platform/bindings/ca/own.pem")),
            ),
            (
                "network_netrc",
                NetworkError::Netrc {
                    path: PathBuf::from("/secrets/netrc"),
                    reason: "no such file".to_owned(),
                },
            ),
        ] {
            assert_snapshot!(name, shown(vec![ConfigurationError::from(error)]));
        }
    }

    #[test]
    fn substitutes() {
        let mirror = |reason| InvalidMirror {
            setting: "BP_DEPENDENCY_MIRROR".to_owned(),
            reason,
        };
        let scheme = InvalidAddress::UnknownScheme("s3".to_owned());
        for (name, error) in [
            (
                "substitute_mapping",
                LocateError::Mapping {
                    path: PathBuf::from("/platform/bindings/map/0123"),
                    error: scheme.clone(),
                },
            ),
            (
                "substitute_mirror_address",
                mirror(InvalidMirrorReason::Address(scheme)).into(),
            ),
            (
                "substitute_mirror_part",
                mirror(InvalidMirrorReason::UnknownPart("token".to_owned())).into(),
            ),
            (
                "substitute_mirror_empty",
                mirror(InvalidMirrorReason::NoAddress).into(),
            ),
        ] {
            assert_snapshot!(name, shown(error));
        }
    }

    #[test]
    fn wrong_checksum() {
        let error = fetching(FetchError::Checksum {
            address: address(),
            mismatch: mismatch(),
        });
        assert!(!error.contains("secret"), "{error}");
        assert_snapshot!(error);
    }

    #[test]
    fn archives() {
        for (name, error) in [
            ("archive_format", UnpackError::UnknownFormat),
            (
                "archive_damaged",
                UnpackError::Damaged(broken("unexpected end")),
            ),
            ("archive_entries", UnpackError::TooManyEntries(10)),
            ("archive_large", UnpackError::TooLarge(1_000_000)),
            ("archive_duplicate", UnpackError::Duplicate("watchexec")),
            ("archive_link", UnpackError::NotAFile("watchexec")),
            ("archive_without_program", UnpackError::NoProgram),
            ("archive_write", UnpackError::Write(broken("no space left"))),
        ] {
            assert_snapshot!(name, shown(error));
        }
    }

    #[test]
    fn bundles() {
        let path = PathBuf::from("/cnb/dependencies/0123/bin/watchexec");
        for (name, error) in [
            (
                "bundle_list",
                BundleError::List {
                    path: path.clone(),
                    error: broken_toml(),
                },
            ),
            (
                "bundle_unreadable",
                BundleError::Unreadable {
                    path: path.clone(),
                    error: broken("no such file"),
                },
            ),
            (
                "bundle_changed",
                BundleError::Changed {
                    path,
                    mismatch: mismatch(),
                },
            ),
            ("bundle_write", BundleError::Write(broken("no space left"))),
        ] {
            assert_snapshot!(name, shown(error));
        }
    }
}
