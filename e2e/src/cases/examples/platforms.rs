//! Where images are built for others, and what buildpack authors copy.

use anyhow::{Result, ensure};

use super::{Case, expect_reload};
use crate::container::Container;
use crate::platform::Platform;
use crate::terminal::Terminal;

pub(super) const CASES: &[Case] = &[
    ("examples::project_toml", project_toml),
    ("examples::builder", builder),
    ("examples::composite", composite),
    ("examples::language_buildpack", language_buildpack),
];

fn project_toml(platform: &Platform) -> Result<()> {
    let case = "examples::project_toml";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("examples/project-toml/README.md")?;
    let [build] = page.blocks()?;
    page.run(&build.text)?;
    expect_reload(
        &terminal,
        &Container::start(&terminal.image("example-python"))?,
    )?;
    platform.report.ran(case, "pack");
    Ok(())
}

/// One builder, for images with live reload and without.
fn builder(platform: &Platform) -> Result<()> {
    let case = "examples::builder";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("examples/builder/README.md")?;
    let [create, build] = page.blocks()?;
    page.run(&create.text)?;
    page.run(&build.text)?;
    terminal.image("example-app").expect_no_watchexec()?;
    let image = terminal.image("example-app-dev");
    expect_reload(&terminal, &Container::start(&image)?)?;
    platform.report.ran(case, "pack");
    Ok(())
}

fn composite(platform: &Platform) -> Result<()> {
    let case = "examples::composite";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("examples/composite/README.md")?;
    let [package, build] = page.blocks()?;
    page.run(&package.text)?;
    page.run(&build.text)?;
    let image = terminal.image("example-python");
    expect_reload(&terminal, &Container::start(&image)?)?;
    platform.report.ran(case, "pack");
    Ok(())
}

/// It wraps the process itself, so that there is no process `reload`.
fn language_buildpack(platform: &Platform) -> Result<()> {
    let case = "examples::language_buildpack";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("examples/language-buildpack/README.md")?;
    let [start] = page.blocks()?;
    page.run(&start.text)?;
    let container = terminal.container("example-wrapped");
    expect_reload(&terminal, &container)?;
    let log = container.log()?;
    ensure!(!log.contains("live-reload:"), "it is `reload`:\n{log}");
    platform.report.ran(case, "pack");
    Ok(())
}
