//! The program's entry: what `bin/detect` and `bin/build` share before they part.
//!
//! libcnb's own main function takes Buildpack API 0.10 only. This one also takes 0.12, which
//! passes `CNB_EXEC_ENV` and changes nothing else for this buildpack (CNB buildpack spec,
//! "Changelog"), and then calls libcnb's runtime for the phase.

use crate::error::Error;
use libcnb::data::buildpack::{BuildpackApi, ComponentBuildpackDescriptor};
use libcnb::{
    BuildArgs, Buildpack, DetectArgs, TomlFileError, libcnb_runtime_build, libcnb_runtime_detect,
    read_toml_file,
};
use serde::Deserialize;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The Buildpack APIs that buildpack.toml may name.
pub const SUPPORTED_APIS: [BuildpackApi; 2] = [
    BuildpackApi {
        major: 0,
        minor: 12,
    },
    BuildpackApi {
        major: 0,
        minor: 10,
    },
];

/// Exit status for everything that stops the program, apart from a detect that takes no part.
const FAILED: u8 = 1;

/// A call that is not one of the lifecycle's.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// buildpack.toml names an API that this program does not know.
    #[error("Buildpack API {0}")]
    UnsupportedApi(BuildpackApi),
    /// Called by a name other than `detect` and `build`, or with other arguments than these have.
    #[error("called as {0:?}")]
    Usage(Vec<String>),
    /// `CNB_BUILDPACK_DIR` is not set.
    #[error("CNB_BUILDPACK_DIR: {0}")]
    NoBuildpackDirectory(env::VarError),
    /// buildpack.toml cannot be read.
    #[error("{path}: {error}")]
    Descriptor {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        error: TomlFileError,
    },
    /// The program could not start itself again (see [`with_distribution`]).
    #[error("cannot execute: {0}")]
    Restart(io::Error),
}

/// Runs the phase that the program's name says, and reports an error through
/// [`Buildpack::on_error`].
pub fn run<B: Buildpack<Error = Error>>(buildpack: &B) -> ExitCode {
    match run_phase(buildpack) {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(FAILED)),
        Err(error) => {
            buildpack.on_error(error);
            ExitCode::from(FAILED)
        }
    }
}

fn run_phase<B: Buildpack<Error = Error>>(buildpack: &B) -> libcnb::Result<i32, Error> {
    let arguments: Vec<String> = env::args().collect();
    // The name by which the program was called; its own path is that of the link's target.
    let name = arguments
        .first()
        .map(Path::new)
        .and_then(Path::file_name)
        .and_then(OsStr::to_str);
    match name {
        Some("detect") => {
            let usage = |_| EntryError::Usage(arguments.clone());
            let parsed = DetectArgs::parse(&arguments).map_err(usage).map_err(stop)?;
            let descriptor = descriptor::<B>().map_err(stop)?;
            with_distribution().map_err(stop)?;
            libcnb_runtime_detect(buildpack, descriptor, parsed)
        }
        Some("build") => {
            let usage = |_| EntryError::Usage(arguments.clone());
            let parsed = BuildArgs::parse(&arguments).map_err(usage).map_err(stop)?;
            let descriptor = descriptor::<B>().map_err(stop)?;
            with_distribution().map_err(stop)?;
            libcnb_runtime_build(buildpack, descriptor, parsed)
        }
        _ => Err(stop(EntryError::Usage(arguments))),
    }
}

fn stop(error: EntryError) -> libcnb::Error<Error> {
    libcnb::Error::BuildpackError(Error::Entry(error))
}

/// Reads buildpack.toml; its API first, since a file for another API may have another form.
fn descriptor<B: Buildpack>() -> Result<ComponentBuildpackDescriptor<B::Metadata>, EntryError> {
    #[derive(Deserialize)]
    struct ApiOnly {
        api: BuildpackApi,
    }

    let directory = env::var("CNB_BUILDPACK_DIR").map_err(EntryError::NoBuildpackDirectory)?;
    let path = Path::new(&directory).join("buildpack.toml");
    let unreadable = |error| EntryError::Descriptor {
        path: path.clone(),
        error,
    };
    let ApiOnly { api } = read_toml_file(&path).map_err(unreadable)?;
    if SUPPORTED_APIS.contains(&api) {
        read_toml_file(&path).map_err(unreadable)
    } else {
        Err(EntryError::UnsupportedApi(api))
    }
}

/// Makes sure that the variables of the base image's distribution are set.
///
/// The spec makes them optional, the lifecycle sets them only where the base image has the
/// labels, and libcnb fails without them, although nothing here needs them. Changing the
/// program's own environment is not safe in Rust, so where one is missing the program starts
/// itself again with an empty one. That costs a millisecond, on images without labels only.
fn with_distribution() -> Result<(), EntryError> {
    let missing: Vec<&str> = ["CNB_TARGET_DISTRO_NAME", "CNB_TARGET_DISTRO_VERSION"]
        .into_iter()
        .filter(|name| env::var_os(name).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let mut command = Command::new(env::current_exe().map_err(EntryError::Restart)?);
    command.arg0(arguments.next().unwrap_or_default());
    command.args(arguments);
    command.envs(missing.into_iter().map(|name| (name, "")));
    Err(EntryError::Restart(command.exec()))
}
