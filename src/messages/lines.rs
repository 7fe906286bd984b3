//! The lines of the log.

use super::errors::failure;
use super::size;
use crate::address::Address;
use crate::app_dir::Opened;
use crate::checksum::Checksum;
use crate::companion::Companion;
use crate::configuration::{
    Activation, EXECUTION_ENVIRONMENT, LIVE_RELOAD_ENABLED, UnknownVariable, WATCHEXEC_VERSION,
};
use crate::dependency::{Choice, Platform};
use crate::fetch::Failure;
use crate::layer::Discard;
use crate::locate::Reason;
use crate::network::NetworkError;
use crate::release::Installed;
use crate::requirement::{Origin, Requirement};
use crate::sbom::crates::{Crate, CratesError};
use libcnb::data::buildpack::Buildpack as BuildpackDescription;
use reload_options::Setting;
use reload_options::process_type::ProcessType;
use semver::Version;
use std::path::Path;
use std::time::Duration;

/// Which buildpack speaks.
#[must_use]
pub fn title(buildpack: &BuildpackDescription) -> String {
    let name = buildpack.name.as_deref().unwrap_or(&buildpack.id);
    format!("{name} {}", buildpack.version)
}

/// Which setting turned live reload on or off.
#[must_use]
pub fn activation(activation: &Activation) -> String {
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

/// Which release, for which platform, and why that one.
#[must_use]
pub fn choice(choice: &Choice, platform: &Platform, requirements: &[Requirement]) -> String {
    let version = &choice.dependency.version;
    let from = versions(&choice.available);
    if requirements.is_empty() {
        format!("watchexec {version} for {platform}: the newest of {from}")
    } else {
        let asked: Vec<String> = requirements.iter().map(requirement).collect();
        format!(
            "watchexec {version} for {platform}: the newest of {from} that satisfies {}",
            asked.join(" and ")
        )
    }
}

/// A requirement and who made it.
#[must_use]
pub fn requirement(requirement: &Requirement) -> String {
    match requirement.origin() {
        Origin::Variable => format!("{WATCHEXEC_VERSION}={requirement}"),
        Origin::BuildPlan => format!("\"{requirement}\" of the build plan"),
    }
}

/// Versions as a list.
#[must_use]
pub fn versions(versions: &[Version]) -> String {
    let texts: Vec<String> = versions.iter().map(Version::to_string).collect();
    texts.join(", ")
}

/// A version that the build plan asks for and that the user's own setting overrules.
#[must_use]
pub fn overruled(version: &str) -> String {
    format!("{WATCHEXEC_VERSION} overrules the version {version} of the build plan")
}

/// The cached layer serves.
#[must_use]
pub fn kept(installed: &Installed) -> String {
    format!(
        "Using the cached layer, {} of {}",
        installed.program.file.path(),
        size(installed.program.size)
    )
}

/// The cached layer does not serve.
#[must_use]
pub fn discarded(reasons: &[Discard]) -> String {
    let reasons: Vec<String> = reasons.iter().map(discard).collect();
    format!("Discarding the cached layer: {}", reasons.join("; "))
}

fn discard(reason: &Discard) -> String {
    match reason {
        Discard::Changed { what, from, to } => format!("its {what} was {from} and is now {to}"),
        Discard::Incomplete(path) => format!("its {path} is missing or changed"),
        Discard::OtherForm => "it was made by another version of this buildpack".to_owned(),
    }
}

/// No layer came back from an earlier build.
#[must_use]
pub fn nothing_cached() -> String {
    "There is no cached layer".to_owned()
}

/// The release is inside the buildpack.
#[must_use]
pub fn bundled() -> String {
    "Copying the release that is inside the buildpack".to_owned()
}

/// A file of the bundle was held against its checksum.
#[must_use]
pub fn verified_bundle(installed: &Installed) -> String {
    let program = &installed.program;
    format!("Verified {}: {}", program.file.name(), program.checksum)
}

/// Where the archive is taken from.
#[must_use]
pub fn fetching(address: &Address) -> String {
    format!("Fetching {address}")
}

/// The netrc file that nobody named cannot be used.
#[must_use]
pub fn ignored_netrc(error: &NetworkError) -> String {
    format!("Ignoring {error}")
}

/// Why it is taken from there.
#[must_use]
pub fn located(reason: &Reason) -> String {
    match reason {
        Reason::DependencyUri => "Located by the uri of buildpack.toml".to_owned(),
        Reason::Mapping(path) => format!("Located by the dependency-mapping {}", path.display()),
        Reason::Mirror(setting) => format!("Located by the mirror of {setting}"),
    }
}

/// A slow download goes on. `total` is what the server announced.
#[must_use]
pub fn received(received: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("Received {} of {}", size(received), size(total)),
        None => format!("Received {}", size(received)),
    }
}

/// A request failed and another one follows.
#[must_use]
pub fn retry(reason: &Failure, pause: Duration, retry: usize, retries: usize) -> String {
    format!(
        "Retry {retry} of {retries} in {:.1} s: {}",
        pause.as_secs_f64(),
        failure(reason)
    )
}

/// The archive is the one that buildpack.toml names.
#[must_use]
pub fn verified(checksum: Checksum, length: usize) -> String {
    format!("Verified {}: {checksum}", size(length as u64))
}

/// The files are in the layer.
#[must_use]
pub fn installed(installed: &Installed) -> String {
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
#[must_use]
pub fn described(crates: Option<&[Crate]>) -> String {
    let crates = match crates {
        Some(crates) => format!(", with the {} crates it is made of", crates.len()),
        None => String::new(),
    };
    format!("Described it in CycloneDX, SPDX and Syft SBOMs{crates}")
}

/// The SBOMs say less than they could.
#[must_use]
pub fn unreadable_crates(error: &CratesError) -> String {
    format!("the list of crates inside watchexec cannot be read ({error}); its SBOMs do without it")
}

/// A variable that is none of this buildpack's, although it looks like one.
#[must_use]
pub fn unknown_variable(variable: &UnknownVariable) -> String {
    format!(
        "{} is not a variable of this buildpack; did you mean {}?",
        variable.name, variable.nearest
    )
}

/// What the image can do now that it could not before.
#[must_use]
pub fn usage(required_by_others: bool) -> String {
    if required_by_others {
        "Another buildpack of this build required watchexec and can now restart its process with \
         it"
        .to_owned()
    } else {
        "watchexec is on the PATH of the image; no other buildpack of this build required it"
            .to_owned()
    }
}

/// The processes of the companion, and how to start them.
#[must_use]
pub fn companion(companion: &Companion) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(settings) = &companion.reload {
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
            Setting::Process.variable(),
            ProcessType::RELOAD
        ));
    }
    if companion.sync_tools {
        lines.push(
            "Processes tar and rm serve tools that sync files through a running container"
                .to_owned(),
        );
    }
    lines
}

/// What an image with live reload must not be used for.
#[must_use]
pub fn for_development() -> String {
    "For development only: whoever can write to the app directory decides what the image runs"
        .to_owned()
}

/// The app directory was made writable for the run image's user.
#[must_use]
pub fn opened(app_dir: &Path, opened: &Opened) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependency::{Dependency, choose};
    use crate::release::{InstalledFile, ReleaseFile};
    use insta::assert_snapshot;
    use reload_options::Settings;

    fn platform() -> Platform {
        Platform {
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
        let dependencies = ["2.5.1", "2.8.0"].map(|version| {
            let entry = format!("id = 'watchexec'\nversion = '{version}'\nuri = 'file:///w'");
            toml::from_str::<Dependency>(&entry).unwrap()
        });
        let line = |requirements: &[Requirement]| {
            let chosen = choose(&dependencies, &platform(), requirements).unwrap();
            choice(&chosen, &platform(), requirements)
        };
        assert_snapshot!(line(&[]), @"watchexec 2.8.0 for linux/amd64: the newest of 2.8.0, 2.5.1");
        assert_snapshot!(
            line(&[Requirement::parse("~2.5", Origin::Variable).unwrap()]),
            @"watchexec 2.5.1 for linux/amd64: the newest of 2.8.0, 2.5.1 that satisfies BP_WATCHEXEC_VERSION=~2.5"
        );
        assert_snapshot!(
            line(&[
                Requirement::parse("2.*", Origin::BuildPlan).unwrap(),
                Requirement::parse("<2.8", Origin::BuildPlan).unwrap(),
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
        let changed = Discard::Changed {
            what: "version",
            from: "2.7.3".to_owned(),
            to: "2.8.0".to_owned(),
        };
        assert_snapshot!(
            [
                nothing_cached(),
                kept(&with_license),
                discarded(&[changed, Discard::Incomplete("bin/watchexec")]),
                discarded(&[Discard::OtherForm]),
                bundled(),
                installed(&with_license),
                installed(&without_license),
                described(None),
                described(Some(&[])),
            ].join("\n"),
            @"
        There is no cached layer
        Using the cached layer, bin/watchexec of 9.8 MB
        Discarding the cached layer: its version was 2.7.3 and is now 2.8.0; its bin/watchexec is missing or changed
        Discarding the cached layer: it was made by another version of this buildpack
        Copying the release that is inside the buildpack
        Installed bin/watchexec of 9.8 MB and its licence
        Installed bin/watchexec of 9.8 MB; the archive has no licence
        Described it in CycloneDX, SPDX and Syft SBOMs
        Described it in CycloneDX, SPDX and Syft SBOMs, with the 0 crates it is made of
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
    fn processes() {
        let companion_lines = companion(&Companion {
            reload: Some(Settings::default()),
            sync_tools: true,
        });
        assert_snapshot!(
            [
                vec![usage(false), usage(true)],
                companion_lines,
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
