//! Texts for releases that cannot be chosen, located, downloaded or installed.

use super::ErrorText;
use crate::config::WATCHEXEC_VERSION;
use crate::lines::{self, failure, size};
use reqwest::StatusCode;
use semver::Version;
use watchexec_release::archive::UnpackError;
use watchexec_release::archive_url::{ArchiveUrl, InvalidUrl};
use watchexec_release::bundle::BundleError;
use watchexec_release::catalog::ChooseError;
use watchexec_release::checksum::{ChecksumError, Mismatch};
use watchexec_release::download::{Attempt, DownloadError, Failure, LARGEST_ARCHIVE};
use watchexec_release::mirror::{InvalidMirror, MirrorProblem};
use watchexec_release::origin::{LocateError, Origin};

pub(super) fn choose(error: &ChooseError) -> ErrorText {
    match error {
        ChooseError::NoMatch {
            target,
            targets,
            available,
            ..
        } if available.is_empty() => ErrorText::new(
            format!("There is no watchexec for {target}."),
            format!("This buildpack has it for {}.", targets.join(", ")),
            [
                "Build for one of these targets.",
                "Or add an entry for this one to buildpack.toml (docs/repackaging.md).",
            ],
        ),
        ChooseError::NoMatch {
            target,
            requirements,
            available,
            ..
        } => {
            let required: Vec<String> = requirements.iter().map(lines::requirement).collect();
            ErrorText::new(
                format!(
                    "There is no watchexec that satisfies {}.",
                    required.join(" and ")
                ),
                format!("For {target} there is {}.", lines::versions(available)),
                [
                    format!("Ask for one of these versions with {WATCHEXEC_VERSION}."),
                    "Or use a version of this buildpack that ships the one you want.".to_owned(),
                ],
            )
        }
        ChooseError::Checksum { version, error } => checksum(version, error),
        ChooseError::Url { version, error } => ErrorText::new(
            format!("The URL of watchexec {version} cannot be used."),
            format!(
                "The `uri` of its entry in buildpack.toml: {}.",
                invalid_url(error)
            ),
            ["Give the entry an https, http or file URL."],
        ),
    }
}

fn checksum(version: &Version, error: &ChecksumError) -> ErrorText {
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
        format!("watchexec {version} cannot be verified."),
        why,
        [
            "Give the entry a `checksum = \"sha256:<64 hexadecimal digits>\"`; the release page of \
             watchexec lists them.",
        ],
    )
}

pub(super) fn locate(error: &LocateError) -> ErrorText {
    match error {
        LocateError::Mapping { file, error } => ErrorText::new(
            "A dependency-mapping for watchexec cannot be used.",
            format!("{}: {}.", file.display(), invalid_url(error)),
            [
                "Give the entry an https, http or file URL.",
                "Or remove the entry, to use the URL in buildpack.toml.",
            ],
        ),
        LocateError::Mirror(InvalidMirror { setting, problem }) => ErrorText::new(
            "The mirror for watchexec cannot be used.",
            format!("{setting}: {}.", mirror_problem(problem)),
            [
                "Write it as URL or as URL,skip-path=PATH, with an https, http or file URL.",
                "Or remove it, to use the URL in buildpack.toml.",
            ],
        ),
    }
}

fn mirror_problem(problem: &MirrorProblem) -> String {
    match problem {
        MirrorProblem::Url(error) => invalid_url(error),
        MirrorProblem::UnknownPart(name) => {
            format!("it has a part {name:?}; the known parts are mirror and skip-path")
        }
        MirrorProblem::NoUrl => "it has no URL".to_owned(),
    }
}

fn invalid_url(error: &InvalidUrl) -> String {
    match error {
        InvalidUrl::NotAUrl(reason) => format!("it is not a URL ({reason})"),
        InvalidUrl::UnknownScheme(scheme) => {
            format!("its scheme is {scheme:?}; https, http and file are accepted")
        }
        InvalidUrl::NotAFile => {
            "a file URL has an absolute path and no host, as in file:///folder/name".to_owned()
        }
    }
}

pub(super) fn download(error: &DownloadError, origin: &Origin) -> ErrorText {
    match error {
        DownloadError::File { path, error } => ErrorText::new(
            "The archive of watchexec cannot be read.",
            format!("{}: {error}.", path.display()),
            [
                "Check that the file is there in the container in which the buildpack runs; a \
                 file of the host has to be mounted, for example with `pack build --volume`.",
            ],
        ),
        DownloadError::FileTooLarge(path) => ErrorText::new(
            "The archive of watchexec is too large to be one.",
            format!(
                "{} has more than {}.",
                path.display(),
                size(LARGEST_ARCHIVE)
            ),
            ["Check the URL: it names another file."],
        ),
        DownloadError::Requests { url, attempts } => requests(url, attempts, origin),
        DownloadError::Checksum { url, mismatch } => wrong_checksum(url, mismatch),
    }
}

fn requests(url: &ArchiveUrl, attempts: &[Attempt], origin: &Origin) -> ErrorText {
    let requests: Vec<String> = attempts
        .iter()
        .enumerate()
        .map(|(index, attempt)| {
            let redirect = match &attempt.redirected_to {
                Some(url) => format!(", redirected to {url}"),
                None => String::new(),
            };
            let number = index + 1;
            format!(
                "  request {number}{redirect}: {}",
                failure(&attempt.failure)
            )
        })
        .collect();
    let from = match origin {
        Origin::Mirror(setting) => format!("From the mirror of {setting}, {url}"),
        Origin::Mapping(file) => format!("From the mapping of {}, {url}", file.display()),
        Origin::Catalog => format!("From {url}"),
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
    match origin {
        // Whoever set a mirror or a mapping knows how, and has to look at that one.
        Origin::Mirror(setting) => {
            remedies.push(format!(
                "Or change or remove {setting}, which sets this mirror."
            ));
        }
        Origin::Mapping(file) => remedies.push(format!(
            "Or change or remove {}, which sets this URL.",
            file.display()
        )),
        Origin::Catalog => remedies.extend([
            "Or set BP_DEPENDENCY_MIRROR to a mirror that the build can reach.".to_owned(),
            "Or map the archive to another URL with a binding of type dependency-mapping."
                .to_owned(),
        ]),
    }
    remedies.push(
        "Or use the offline package of this buildpack, which has watchexec inside.".to_owned(),
    );
    ErrorText::new(
        "watchexec could not be downloaded.",
        format!("{from}:\n{}", requests.join("\n")),
        remedies,
    )
}

fn wrong_checksum(url: &ArchiveUrl, mismatch: &Mismatch) -> ErrorText {
    ErrorText::new(
        "The downloaded file is not the watchexec of buildpack.toml.",
        format!(
            "{url} gave {} with another checksum:\n  expected {}\n  received {}",
            size(mismatch.length),
            mismatch.expected,
            mismatch.actual
        ),
        [
            "If a mirror or a proxy is in between, check what it answers under this URL: a few \
             kilobytes are most often an error page.",
            "If buildpack.toml was changed, check its `checksum` against the release page of \
             watchexec.",
            "Otherwise do not use the file: it was changed on its way or at its source.",
        ],
    )
}

pub(super) fn unpack(error: &UnpackError) -> ErrorText {
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

pub(super) fn bundle(error: &BundleError) -> ErrorText {
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
