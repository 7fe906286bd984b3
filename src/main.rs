//! `bin/detect` and `bin/build` of the Watchexec Buildpack.

// They panic where their output cannot be written.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use libcnb::Buildpack;
use libcnb::build::{BuildContext, BuildResult, BuildResultBuilder};
use libcnb::detect::{DetectContext, DetectResult, DetectResultBuilder};
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;
use watchexec_buildpack::app_dir::open_for_group;
use watchexec_buildpack::companion::Companion;
use watchexec_buildpack::configuration::{Activation, Configuration, LogLevel};
use watchexec_buildpack::dependency::{BuildpackMetadata, Platform, choose};
use watchexec_buildpack::detect::{Plan, build_plan};
use watchexec_buildpack::entry;
use watchexec_buildpack::environment::BuildPlatform;
use watchexec_buildpack::error::Error;
use watchexec_buildpack::layer::{Order, provide, remove_all};
use watchexec_buildpack::locate::locate;
use watchexec_buildpack::log::Log;
use watchexec_buildpack::messages::{errors, lines};

struct WatchexecBuildpack;

fn main() -> ExitCode {
    entry::run(&WatchexecBuildpack)
}

impl Buildpack for WatchexecBuildpack {
    type Platform = BuildPlatform;
    type Metadata = BuildpackMetadata;
    type Error = Error;

    fn detect(&self, context: DetectContext<Self>) -> libcnb::Result<DetectResult, Error> {
        let activation = Activation::read(&context.platform.environment()).map_err(Error::from)?;
        let log = Log::new(Box::new(stdout()), LogLevel::Info);
        log.title(&lines::activation(&activation));
        log.finish().map_err(Error::Log)?;
        match build_plan(&activation) {
            Some(plan) => DetectResultBuilder::pass().build_plan(plan).build(),
            None => DetectResultBuilder::fail().build(),
        }
    }

    fn build(&self, context: BuildContext<Self>) -> libcnb::Result<BuildResult, Error> {
        contribute(&context).inspect_err(|_| remove_all(&context.layers_dir))
    }

    fn on_error(&self, error: libcnb::Error<Error>) {
        // Without standard error the exit status alone reports the error.
        let _ = write!(stderr(), "{}", errors::text(&error));
    }
}

/// The build, which may leave unfinished layers when it fails.
fn contribute(context: &BuildContext<WatchexecBuildpack>) -> libcnb::Result<BuildResult, Error> {
    let configuration = Configuration::read(
        &context.platform.environment(),
        context.platform.directory(),
    )
    .map_err(Error::from)?;
    let log = Log::new(Box::new(stdout()), configuration.log_level);
    log.title(&lines::title(&context.buildpack_descriptor.buildpack));
    log.detail(&lines::activation(&configuration.activation));
    for variable in &configuration.unknown {
        log.warning(&lines::unknown_variable(variable));
    }

    let plan = Plan::read(&context.buildpack_plan);
    let requirements = plan
        .requirements(configuration.watchexec_version.as_ref(), &log)
        .map_err(Error::from)?;
    let platform = Platform {
        os: context.target.os.clone(),
        arch: context.target.arch.clone(),
    };
    let dependencies = &context.buildpack_descriptor.metadata.dependencies;
    let choice = choose(dependencies, &platform, &requirements).map_err(Error::from)?;
    log.step(&lines::choice(&choice, &platform, &requirements));

    let checksum = choice
        .dependency
        .checksum()
        .map_err(|error| Error::Checksum {
            version: choice.dependency.version.to_string(),
            error,
        })?;
    let source = locate(
        choice.dependency,
        checksum,
        &context.buildpack_dir,
        &configuration.substitutes,
    )
    .map_err(Error::from)?;
    provide(
        context,
        &Order {
            dependency: choice.dependency,
            checksum,
            platform: &platform,
            source: &source,
            wanted_at_build: plan.wanted_at_build,
        },
        &configuration.network,
        &log,
    )?;

    let companion = Companion::decide(
        &configuration.process,
        &configuration.reload,
        configuration.sync_tools,
        plan.required_by_others,
    );
    companion.provide(context)?;

    log.step(&lines::usage(plan.required_by_others));
    log.details(lines::companion(&companion));
    log.detail(&lines::for_development());
    if companion.reload.is_some() {
        let opened = open_for_group(&context.app_dir);
        log.details(lines::opened(&context.app_dir, &opened));
    }
    log.finish().map_err(Error::Log)?;
    BuildResultBuilder::new()
        .launch(companion.launch().map_err(Error::from)?)
        .build()
}
