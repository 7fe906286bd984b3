//! `bin/detect` and `bin/build` of the Watchexec Buildpack. The functions below are in the order of
//! a build:
//!
//! 1. [`config`] reads the variables and the bindings, and [`plan`] the build plan;
//! 2. [`watchexec_release`] chooses and locates a release, and [`layers::watchexec`] installs it;
//! 3. [`layers::live_reload`] installs the program that runs as the process `reload`;
//! 4. [`app_dir`] makes the app's files writable for the user of the run image.
//!
//! [`runtime`] is the entry of both phases, and [`errors`] has the text of every error.
// These macros panic if their output cannot be written.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod app_dir;
mod config;
mod errors;
mod layers;
mod log;
mod plan;
mod runtime;

use crate::config::{Activation, Config, Environment};
use crate::errors::Error;
use crate::layers::live_reload::Processes;
use crate::layers::watchexec::WatchexecLayer;
use crate::log::Log;
use crate::plan::{Plan, build_plan};
use libcnb::Buildpack;
use libcnb::build::{BuildContext, BuildResult, BuildResultBuilder};
use libcnb::data::launch::Launch;
use libcnb::detect::{DetectContext, DetectResult, DetectResultBuilder};
use std::io::{Write, stderr};
use std::process::ExitCode;
use watchexec_release::catalog::{Catalog, Target};
use watchexec_release::origin::locate;

struct WatchexecBuildpack;

fn main() -> ExitCode {
    runtime::run(&WatchexecBuildpack)
}

impl Buildpack for WatchexecBuildpack {
    type Platform = Environment;
    type Metadata = Catalog;
    type Error = Error;

    fn detect(&self, context: DetectContext<Self>) -> libcnb::Result<DetectResult, Error> {
        let activation = Activation::read(&context.platform);
        let activation = activation.map_err(|error| Error::Config(vec![error]))?;
        Log::to_stdout(false).title(&activation.line);
        match build_plan(&activation) {
            Some(plan) => DetectResultBuilder::pass().build_plan(plan).build(),
            None => DetectResultBuilder::fail().build(),
        }
    }

    fn build(&self, context: BuildContext<Self>) -> libcnb::Result<BuildResult, Error> {
        let launch = contribute(&context)?;
        BuildResultBuilder::new().launch(launch).build()
    }

    fn on_error(&self, error: libcnb::Error<Error>) {
        // Without standard error the exit status alone reports the error.
        let _ = write!(stderr(), "{}", errors::text(&error));
    }
}

/// Fills the layers and returns the processes. A failed build leaves unfinished layers, which the
/// lifecycle does not export.
fn contribute(context: &BuildContext<WatchexecBuildpack>) -> Result<Launch, Error> {
    let config = Config::read(&context.platform).map_err(Error::Config)?;
    let buildpack = &context.buildpack_descriptor.buildpack;
    let log = Log::to_stdout(config.debug);
    let name = buildpack.name.as_deref().unwrap_or(&buildpack.id);
    log.title(format_args!("{name} {}", buildpack.version));
    log.subtitle(&config.activation.line);
    for warning in &config.warnings {
        log.warning(warning);
    }

    let plan = Plan::read(&context.buildpack_plan);
    let requirements = plan.requirements(config.watchexec_version.as_ref(), &log);
    let requirements = requirements.map_err(Error::Plan)?;
    let target = Target {
        os: context.target.os.clone(),
        arch: context.target.arch.clone(),
    };
    let catalog = &context.buildpack_descriptor.metadata;
    let release = catalog.choose(&target, &requirements)?;
    log.step(log::choice(&release, &target, &requirements));
    let source = locate(&release, &context.buildpack_dir, &config.overrides);
    let source = source.map_err(Error::Locate)?;
    WatchexecLayer {
        buildpack,
        release: &release,
        target: &target,
        source: &source,
        required_at_build: plan.required_at_build,
        network: &config.network,
        log: &log,
    }
    .provide(&context.layers_dir)?;

    let processes = Processes {
        reload: config.reload,
        reload_is_default: !plan.required_by_others,
        sync_tools: config.sync_tools,
    };
    processes.provide_layer(buildpack, &context.buildpack_dir, &context.layers_dir)?;
    log.step("Live reload");
    log.details(log::processes(&processes));
    if processes.reload.is_some() {
        let changed = app_dir::make_group_writable(&context.app_dir);
        log.details(log::group_writable(&context.app_dir, &changed));
    }
    Ok(processes.launch())
}
