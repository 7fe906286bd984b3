//! The entry of `bin/detect` and `bin/build`.
//!
//! libcnb's own main function takes Buildpack API 0.10 only. This one also takes 0.11, which
//! changes nothing for this buildpack, and 0.12, which adds `exec-env` to buildpack.toml and passes
//! `CNB_EXEC_ENV` (CNB buildpack spec, "Changelog"). It then calls libcnb's runtime for the phase.

use crate::WatchexecBuildpack;
use crate::errors::Error;
use libcnb::data::buildpack::ComponentBuildpackDescriptor;
use libcnb::{BuildArgs, Buildpack, DetectArgs, libcnb_runtime_build, libcnb_runtime_detect};
use printable::printable;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use watchexec_release::catalog::Catalog;
use watchexec_release::descriptor;

/// The Buildpack APIs that buildpack.toml may name.
const SUPPORTED_APIS: [&str; 3] = ["0.10", "0.11", "0.12"];

/// Exit status of every failure. A detect that does not pass has another one.
const FAILED: u8 = 1;

/// Runs the phase that the program's name says, and reports an error through
/// [`Buildpack::on_error`].
pub(crate) fn run(buildpack: &WatchexecBuildpack) -> ExitCode {
    match run_phase(buildpack) {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(FAILED)),
        Err(error) => {
            buildpack.on_error(error);
            ExitCode::from(FAILED)
        }
    }
}

fn run_phase(buildpack: &WatchexecBuildpack) -> libcnb::Result<i32, Error> {
    let arguments: Vec<OsString> = env::args_os().collect();
    // `current_exe` would return the target of the link.
    let name = arguments.first().map(Path::new).and_then(Path::file_name);
    match (name.and_then(OsStr::to_str), arguments.get(1..)) {
        (Some("detect"), Some([platform, plan])) => {
            let arguments = DetectArgs {
                platform_dir_path: platform.into(),
                build_plan_path: plan.into(),
            };
            libcnb_runtime_detect(buildpack, prepare()?, arguments)
        }
        (Some("build"), Some([layers, platform, plan])) => {
            let arguments = BuildArgs {
                layers_dir_path: layers.into(),
                platform_dir_path: platform.into(),
                buildpack_plan_path: plan.into(),
            };
            libcnb_runtime_build(buildpack, prepare()?, arguments)
        }
        _ => {
            let call = arguments.join(OsStr::new(" "));
            Err(Error::Usage(format!("it was called as: {}", printable(&call))).into())
        }
    }
}

/// Completes the environment and reads buildpack.toml.
fn prepare() -> Result<ComponentBuildpackDescriptor<Catalog>, Error> {
    let directory = env::var("CNB_BUILDPACK_DIR");
    let directory = directory.map_err(|why| Error::Usage(format!("CNB_BUILDPACK_DIR: {why}")))?;
    let path = Path::new(&directory).join("buildpack.toml");
    let invalid = |why: String| Error::Descriptor(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| invalid(error.to_string()))?;
    let descriptor = descriptor::parse(&text).map_err(|error| invalid(error.to_string()))?;
    let api = descriptor.api.to_string();
    if !SUPPORTED_APIS.contains(&api.as_str()) {
        let known = SUPPORTED_APIS.join(", ");
        return Err(invalid(format!(
            "api is {api}; this buildpack works with {known}"
        )));
    }
    set_distribution();
    Ok(descriptor)
}

/// Makes sure that the variables of the base image's distribution are set.
///
/// The spec makes them optional, the lifecycle sets them only where the base image has the
/// labels, and libcnb fails without them, although nothing here needs them. Changing the
/// program's own environment is not safe in Rust, so where one is missing the program starts
/// itself again with an empty one. That costs a millisecond, on images without labels only.
fn set_distribution() {
    let missing: Vec<&str> = ["CNB_TARGET_DISTRO_NAME", "CNB_TARGET_DISTRO_VERSION"]
        .into_iter()
        .filter(|name| env::var_os(name).is_none())
        .collect();
    if let Ok(program) = env::current_exe()
        && !missing.is_empty()
    {
        let mut arguments = env::args_os();
        let mut command = Command::new(program);
        command.arg0(arguments.next().unwrap_or_default());
        command.args(arguments);
        command.envs(missing.into_iter().map(|name| (name, "")));
        // This returns only if it fails. libcnb then names the missing variable.
        let _ = command.exec();
    }
}
