//! Execution environments: the development-only package, and the ordinary one as a system
//! buildpack.

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::build::Image;
use crate::buildpacks::{PROCFILE, WATCHEXEC, buildpack_of};
use crate::case::{Case, cases, python_app};
use crate::command::expect_words;
use crate::container::Container;
use crate::directories::target;

cases![
    mandatory_development_only,
    unknown_to_test_builds,
    ordinary_system_buildpack,
];

/// As a required buildpack of an order, the development-only package is skipped in all other
/// builds, even in those that ask for live reload, and fails none of them.
fn mandatory_development_only(case: &Case<'_>) -> Result<()> {
    let package = case.platform.package_development()?.to_string_lossy();
    let build = |image| {
        let build = case.build_as(image, python_app());
        build.buildpacks(&[PROCFILE, &package])
    };
    expect_unchanged(&build("production").image()?)?;
    expect_unchanged(&build("asked").live_reload("true").image()?)?;
    for environment in ["production", "test"] {
        let build = build(environment).arguments(&["--exec-env", environment]);
        expect_unchanged(&build.image()?)?;
    }
    let development = build("development").arguments(&["--exec-env", "development"]);
    let image = development.image()?;
    expect_words(&image.log, &["Live reload is on: CNB_EXEC_ENV=development"])?;
    Container::start(&image)?.reload_python()
}

/// The same package as a system buildpack. The case of the builder's page covers the other
/// environments.
fn unknown_to_test_builds(case: &Case<'_>) -> Result<()> {
    let package = case.platform.package_development()?.to_string_lossy();
    let builder = builder(case, &package)?;
    let build = case.build(python_app());
    let build = build.arguments(&["--builder", &builder, "--exec-env", "test"]);
    expect_unchanged(&build.image()?)
}

/// The trap: the lifecycle ignores `optional` of system buildpacks, so that the ordinary package
/// fails each build without live reload.
fn ordinary_system_buildpack(case: &Case<'_>) -> Result<()> {
    let builder = builder(case, &case.platform.watchexec.to_string_lossy())?;
    for environment in ["production", "test"] {
        let build = case.build_as(environment, python_app());
        let build = build.arguments(&["--builder", &builder, "--exec-env", environment]);
        expect_words(&build.failure()?, &["No buildpack groups passed detection"])?;
    }
    let build = case.build(python_app());
    let build = build.arguments(&["--builder", &builder, "--exec-env", "development"]);
    Container::start(&build.image()?)?.reload_python()
}

/// Creates a builder with this package as its system buildpack, marked as optional.
fn builder(case: &Case<'_>, package: &str) -> Result<String> {
    let platform = case.platform;
    let name = case.name.replace("::", "-");
    let buildpacks = [package.into(), buildpack_of(PROCFILE)];
    // Writes the file, to which the system buildpack is added.
    let order = [vec![PROCFILE]];
    platform.make_builder(&name, &platform.lifecycle, &buildpacks, &order)?;
    let file = target(&format!("{name}.toml"));
    let description = fs::read_to_string(&file)?;
    let system = format!("[[system.post.buildpacks]]\nid = {WATCHEXEC:?}\noptional = true\n");
    fs::write(&file, format!("{description}\n\n{system}"))?;
    let builder = case.named("system");
    platform.make_builder_of(&builder, &file)?;
    Ok(builder)
}

/// Checks that the image is unchanged and that the log of the build does not name the buildpack.
fn expect_unchanged(image: &Image<'_>) -> Result<()> {
    ensure!(
        !image.log.contains(WATCHEXEC),
        "the log names the buildpack:\n{}",
        image.log
    );
    image.expect_no_watchexec()
}
