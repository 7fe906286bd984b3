//! The lines of the log. They are all here, so that the same thing has the same name everywhere, and
//! a changed text shows in the snapshot tests.

use crate::app_dir::Opened;
use crate::config::{
    Activation, EXECUTION_ENVIRONMENT, LIVE_RELOAD_ENABLED, UnknownVariable, WATCHEXEC_VERSION,
};
use libcnb::data::buildpack::Buildpack;
use reload_options::process_type::ProcessType;
use reload_options::{Setting, Settings};
use semver::Version;
use std::path::Path;
use std::time::Duration;
use watchexec_release::archive_url::ArchiveUrl;
use watchexec_release::catalog::{Release, Target};
use watchexec_release::checksum::Checksum;
use watchexec_release::download::{Failure, NetrcError};
use watchexec_release::files::Installed;
use watchexec_release::origin::Origin;
use watchexec_release::requirement::{RequiredBy, Requirement};
use watchexec_release::sbom::crates::{Crate, CratesError};

/// A difference between the layer of an earlier build and the wanted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A recorded value.
    Value {
        what: &'static str,
        from: String,
        to: String,
    },
    /// A file that is missing or differs.
    File(&'static str),
    /// Metadata of another form, written by another version of this buildpack.
    OtherForm,
}

pub(crate) fn title(buildpack: &Buildpack) -> String {
    let name = buildpack.name.as_deref().unwrap_or(&buildpack.id);
    format!("{name} {}", buildpack.version)
}

/// Which setting turned live reload on or off.
pub(crate) fn activation(activation: &Activation) -> String {
    match activation {
        Activation::OnByFlag(value) => {
            format!("Live reload is on: {LIVE_RELOAD_ENABLED}={value}")
        }
        Activation::OnByExecutionEnvironment => {
            format!("Live reload is on: {EXECUTION_ENVIRONMENT}=development")
        }
        Activation::OffByFlag(value) => {
            format!("Live reload is off: {LIVE_RELOAD_ENABLED}={value}")
        }
        Activation::Off => format!(
            "Live reload is off: set {LIVE_RELOAD_ENABLED}=true, or build for the execution \
             environment development, to turn it on"
        ),
    }
}

/// The release, the target, and why this version.
pub(crate) fn choice(release: &Release, target: &Target, requirements: &[Requirement]) -> String {
    let version = &release.dependency.version;
    let from = versions(&release.available);
    if requirements.is_empty() {
        format!("watchexec {version} for {target}: the newest of {from}")
    } else {
        let required: Vec<String> = requirements.iter().map(requirement).collect();
        format!(
            "watchexec {version} for {target}: the newest of {from} that satisfies {}",
            required.join(" and ")
        )
    }
}

/// A requirement and who asked for it.
pub(crate) fn requirement(requirement: &Requirement) -> String {
    match requirement.by() {
        RequiredBy::Variable => format!("{WATCHEXEC_VERSION}={requirement}"),
        RequiredBy::BuildPlan => format!("\"{requirement}\" of the build plan"),
    }
}

/// Versions as a list.
pub(crate) fn versions(versions: &[Version]) -> String {
    let texts: Vec<String> = versions.iter().map(Version::to_string).collect();
    texts.join(", ")
}

/// A version that the build plan asks for and that the user's own setting overrules.
pub(crate) fn overruled(version: &str) -> String {
    format!("{WATCHEXEC_VERSION} overrules the version {version} of the build plan")
}

pub(crate) fn kept(installed: &Installed) -> String {
    format!(
        "Reusing the layer of an earlier build: {}, {}",
        installed.program.file.path(),
        size(installed.program.size)
    )
}

pub(crate) fn invalidated(changes: &[Change]) -> String {
    let changes: Vec<String> = changes
        .iter()
        .map(|change| match change {
            Change::Value { what, from, to } => format!("its {what} was {from} and is now {to}"),
            Change::File(path) => format!("its {path} is missing or changed"),
            Change::OtherForm => "it was made by another version of this buildpack".to_owned(),
        })
        .collect();
    format!(
        "Discarding the layer of an earlier build: {}",
        changes.join("; ")
    )
}

pub(crate) fn nothing_restored() -> String {
    "No layer of an earlier build was restored".to_owned()
}

pub(crate) fn bundled() -> String {
    "Copying the release that is inside the buildpack".to_owned()
}

pub(crate) fn verified_bundle(installed: &Installed) -> String {
    let program = &installed.program;
    format!("Verified {}: {}", program.file.name(), program.checksum)
}

pub(crate) fn downloading(version: &Version, url: &ArchiveUrl) -> String {
    format!("Downloading watchexec {version} from {url}")
}

/// The netrc file that nobody named cannot be used.
pub(crate) fn ignored_netrc(error: &NetrcError) -> String {
    format!("Ignoring {error}")
}

/// What gave the URL.
pub(crate) fn located(origin: &Origin) -> String {
    match origin {
        Origin::Catalog => "Located by the uri of buildpack.toml".to_owned(),
        Origin::Mapping(path) => format!("Located by the dependency-mapping {}", path.display()),
        Origin::Mirror(setting) => format!("Located by the mirror of {setting}"),
    }
}

/// A slow download goes on. `total` is what the server announced.
pub(crate) fn received(received: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("Received {} of {}", size(received), size(total)),
        None => format!("Received {}", size(received)),
    }
}

/// A request failed and another one follows.
pub(crate) fn retry(reason: &Failure, pause: Duration, retry: usize, retries: usize) -> String {
    format!(
        "Retry {retry} of {retries} in {:.1} s: {}",
        pause.as_secs_f64(),
        failure(reason)
    )
}

/// The archive is the one that buildpack.toml names.
pub(crate) fn verified(checksum: Checksum, length: usize) -> String {
    format!("Verified {}: {checksum}", size(length as u64))
}

/// The files are in the layer.
pub(crate) fn installed(installed: &Installed) -> String {
    let program = &installed.program;
    let license = match installed.license {
        Some(_) => " and its licence",
        None => "; the archive has no licence",
    };
    format!(
        "Installed {} of {}{license}",
        program.file.path(),
        size(program.size)
    )
}

/// The SBOMs are written.
pub(crate) fn described(crates: Option<&[Crate]>) -> String {
    let crates = match crates {
        Some(crates) => format!(", with its {} crates", crates.len()),
        None => String::new(),
    };
    format!("Wrote SBOMs: CycloneDX, SPDX, Syft{crates}")
}

/// The SBOMs say less than they could.
pub(crate) fn unreadable_crates(error: &CratesError) -> String {
    format!("the list of crates inside watchexec cannot be read ({error}); its SBOMs do without it")
}

/// A variable that is none of this buildpack's, although it looks like one.
pub(crate) fn unknown_variable(variable: &UnknownVariable) -> String {
    format!(
        "{} is not a variable of this buildpack; did you mean {}?",
        variable.name, variable.nearest
    )
}

/// What the image can do now that it could not before.
pub(crate) fn usage(required_by_others: bool) -> String {
    if required_by_others {
        "Another buildpack of this build required watchexec and can now restart its process with \
         it"
        .to_owned()
    } else {
        "watchexec is on the PATH of the image; no other buildpack of this build required it"
            .to_owned()
    }
}

/// The processes, and how to start them.
pub(crate) fn processes(reload: Option<&Settings>, sync_tools: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(settings) = reload {
        lines.push(format!(
            "Process {} restarts the process {} when files change, and is the default one unless \
             a later buildpack sets another",
            ProcessType::RELOAD,
            settings.process
        ));
        lines.push(format!(
            "To start it in any case: docker run --entrypoint {0} IMAGE, or pack build \
             --default-process {0}",
            ProcessType::RELOAD
        ));
        lines.push(format!(
            "To restart another process: {}=TYPE at build, or docker run --entrypoint {} IMAGE \
             TYPE",
            Setting::PROCESS.variable,
            ProcessType::RELOAD
        ));
    }
    if sync_tools {
        lines.push(
            "Processes tar and rm serve tools that sync files through a running container"
                .to_owned(),
        );
    }
    lines
}

/// What an image with live reload must not be used for.
pub(crate) fn for_development() -> String {
    "For development only: whoever can write to the app directory decides what the image runs"
        .to_owned()
}

/// The app directory was made writable for the run image's user.
pub(crate) fn opened(app_dir: &Path, opened: &Opened) -> Vec<String> {
    /// How many of the failures are named; a directory that cannot be changed at all has many.
    const NAMED: usize = 3;

    let changed: Vec<String> = [
        (opened.files, "file", "files"),
        (opened.directories, "directory", "directories"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
    .collect();
    let mut lines = Vec::new();
    if !changed.is_empty() {
        lines.push(format!(
            "Made {} in {} group-writable",
            changed.join(" and "),
            app_dir.display()
        ));
    }
    for (path, error) in opened.failed.iter().take(NAMED) {
        lines.push(format!(
            "Could not make {} group-writable: {error}; syncing to it may fail",
            path.display()
        ));
    }
    if let more @ 1.. = opened.failed.len().saturating_sub(NAMED) {
        lines.push(format!("Could not make {more} more group-writable"));
    }
    lines
}

/// How a request failed, as a part of a sentence.
pub(crate) fn failure(failure: &Failure) -> String {
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

/// A number of bytes as people write it: decimal units, one digit after the point.
pub(crate) fn size(bytes: u64) -> String {
    // Exact up to 2^53 bytes, of which one digit is shown.
    #[expect(clippy::cast_precision_loss)]
    let count = bytes as f64;
    if bytes < 1_000 {
        format!("{bytes} bytes")
    } else if bytes < 1_000_000 {
        format!("{:.1} kB", count / 1e3)
    } else {
        format!("{:.1} MB", count / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use watchexec_release::catalog::Catalog;
    use watchexec_release::files::{InstalledFile, ReleaseFile};

    fn target() -> Target {
        Target {
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
        }
    }

    fn file(file: ReleaseFile, size: u64) -> InstalledFile {
        InstalledFile {
            file,
            size,
            checksum: Checksum::of(b""),
        }
    }

    #[test]
    fn activations() {
        let lines: Vec<String> = [
            Activation::OnByFlag("1".to_owned()),
            Activation::OnByExecutionEnvironment,
            Activation::OffByFlag("F".to_owned()),
            Activation::Off,
        ]
        .iter()
        .map(activation)
        .collect();
        assert_snapshot!(lines.join("\n"), @"
        Live reload is on: BP_LIVE_RELOAD_ENABLED=1
        Live reload is on: CNB_EXEC_ENV=development
        Live reload is off: BP_LIVE_RELOAD_ENABLED=F
        Live reload is off: set BP_LIVE_RELOAD_ENABLED=true, or build for the execution environment development, to turn it on
        ");
    }

    #[test]
    fn choices() {
        let entry = |version| {
            format!(
                "[[dependencies]]\nid = 'watchexec'\nversion = '{version}'\nuri = 'file:///w'\n\
                 checksum = '{}'\n",
                Checksum::of(b"")
            )
        };
        let catalog: Catalog = toml::from_str(&(entry("2.5.1") + &entry("2.8.0"))).unwrap();
        let line = |requirements: &[Requirement]| {
            let chosen = catalog.choose(&target(), requirements).unwrap();
            choice(&chosen, &target(), requirements)
        };
        assert_snapshot!(line(&[]), @"watchexec 2.8.0 for linux/amd64: the newest of 2.8.0, 2.5.1");
        assert_snapshot!(
            line(&[Requirement::parse("~2.5", RequiredBy::Variable).unwrap()]),
            @"watchexec 2.5.1 for linux/amd64: the newest of 2.8.0, 2.5.1 that satisfies BP_WATCHEXEC_VERSION=~2.5"
        );
        assert_snapshot!(
            line(&[
                Requirement::parse("2.*", RequiredBy::BuildPlan).unwrap(),
                Requirement::parse("<2.8", RequiredBy::BuildPlan).unwrap(),
            ]),
            @r#"watchexec 2.5.1 for linux/amd64: the newest of 2.8.0, 2.5.1 that satisfies "2.*" of the build plan and "<2.8" of the build plan"#
        );
    }

    #[test]
    fn layers() {
        let with_license = Installed {
            program: file(ReleaseFile::Program, 9_812_345),
            license: Some(file(ReleaseFile::License, 11_000)),
        };
        let without_license = Installed {
            license: None,
            ..with_license.clone()
        };
        let changed = Change::Value {
            what: "version",
            from: "2.7.3".to_owned(),
            to: "2.8.0".to_owned(),
        };
        assert_snapshot!(
            [
                nothing_restored(),
                kept(&with_license),
                invalidated(&[changed, Change::File("bin/watchexec")]),
                invalidated(&[Change::OtherForm]),
                bundled(),
                installed(&with_license),
                installed(&without_license),
                described(None),
                described(Some(&[])),
            ].join("\n"),
            @"
        No layer of an earlier build was restored
        Reusing the layer of an earlier build: bin/watchexec, 9.8 MB
        Discarding the layer of an earlier build: its version was 2.7.3 and is now 2.8.0; its bin/watchexec is missing or changed
        Discarding the layer of an earlier build: it was made by another version of this buildpack
        Copying the release that is inside the buildpack
        Installed bin/watchexec of 9.8 MB and its licence
        Installed bin/watchexec of 9.8 MB; the archive has no licence
        Wrote SBOMs: CycloneDX, SPDX, Syft
        Wrote SBOMs: CycloneDX, SPDX, Syft, with its 0 crates
        "
        );
    }

    #[test]
    fn warnings() {
        let variable = UnknownVariable {
            name: "BP_LIVE_RELOAD_WATCHES".to_owned(),
            nearest: "BP_LIVE_RELOAD_WATCH",
        };
        assert_snapshot!(
            [
                unknown_variable(&variable),
                unreadable_crates(&CratesError::TooLarge(1)),
            ]
            .join("\n")
        );
    }

    #[test]
    fn processes_and_usage() {
        let processes = processes(Some(&Settings::default()), true);
        assert_snapshot!(
            [
                vec![usage(false), usage(true)],
                processes,
                vec![for_development()]
            ]
            .concat()
            .join("\n")
        );
    }

    #[test]
    fn writable_app_directory() {
        let broken = |name: &str| {
            let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
            (Path::new("/workspace").join(name), error)
        };
        let lines = |files, directories, failed: &[&str]| {
            opened(
                Path::new("/workspace"),
                &Opened {
                    files,
                    directories,
                    failed: failed.iter().map(|name| broken(name)).collect(),
                },
            )
        };
        assert_eq!(lines(0, 0, &[]), [""; 0]);
        assert_snapshot!(
            [
                lines(1, 0, &[]),
                lines(0, 1, &[]),
                lines(12, 2, &["a", "b", "c", "d", "e"]),
            ]
            .concat()
            .join("\n")
        );
    }

    #[test]
    fn downloads() {
        assert_snapshot!(
            [
                received(1_000_000, Some(3_068_756)),
                received(999, None),
                retry(&Failure::Connect("connection refused".to_owned()), Duration::from_millis(1_234), 1, 4),
            ].join("\n"),
            @"
        Received 1.0 MB of 3.1 MB
        Received 999 bytes
        Retry 1 of 4 in 1.2 s: no connection (connection refused)
        "
        );
    }
}
