//! The examples and pages, followed as a reader would: the cases take commands and edits from the pages
//! and request the app from outside.

pub(super) mod tools;

use std::io::Write;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::case::{Case, cases};
use crate::command::expect_words;
use crate::container::{Container, TILT};
use crate::terminal::Terminal;
use documentation::Block;

cases![
    readme,
    five_minute_start,
    python,
    node,
    go,
    spring_boot,
    project_toml,
    builder,
    composite,
    language_buildpack,
    other_settings,
    sync_tools,
];

/// The example app that most pages use, and its page.
const APP: &str = "examples/python/app.py";
const PYTHON: &str = "examples/python/README.md";

/// The page for the first start.
const START: &str = "docs/start.md";

fn readme(case: &Case<'_>) -> Result<()> {
    page(case, "README.md", "my-app").map(drop)
}

fn five_minute_start(case: &Case<'_>) -> Result<()> {
    page(case, START, "my-app").map(drop)
}

fn python(case: &Case<'_>) -> Result<()> {
    page(case, PYTHON, "example-python").map(drop)
}

fn node(case: &Case<'_>) -> Result<()> {
    page(case, "examples/node/README.md", "example-node").map(drop)
}

fn go(case: &Case<'_>) -> Result<()> {
    page(case, "examples/go/README.md", "example-go").map(drop)
}

/// Paketo's order for Java, whose buildpack for jars wraps `java` itself.
fn spring_boot(case: &Case<'_>) -> Result<()> {
    let spring_boot = "examples/spring-boot/README.md";
    let log = page(case, spring_boot, "example-spring-boot")?;
    let starts = log.matches("Started Application").count();
    ensure!(starts == 2, "{starts} starts:\n{log}");
    Ok(())
}

/// Follows a page, which builds, starts and asks the app, and then edits and syncs a file. Returns the
/// container's log.
fn page(case: &Case<'_>, page: &str, container: &str) -> Result<String> {
    follow_page(&case.terminal()?, page, container)
}

fn follow_page(terminal: &Terminal<'_>, page: &str, container: &str) -> Result<String> {
    let page = terminal.page(page)?;
    let container = terminal.container(container);
    let mut reloads = 0;
    for block in page.all_blocks(&format!("run: {}", terminal.case.name))? {
        if block.text.contains("docker cp") {
            container.reload("v2", |_| page.follow(&block))?;
            reloads += 1;
        } else {
            page.follow(&block)?;
        }
    }
    ensure!(reloads == 1, "{reloads} blocks sync a file");
    container.log()
}

/// Edits the Python app, and copies it into a container.
fn expect_reload(terminal: &Terminal<'_>, container: &Container<'_>) -> Result<()> {
    terminal.page(PYTHON)?.edit()?;
    container.reload_by_copy("v2", &terminal.path(APP), "/workspace/app.py")
}

fn project_toml(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("examples/project-toml/README.md")?;
    let [build] = page.blocks()?;
    page.follow(&build)?;
    expect_reload(
        &terminal,
        &Container::start(&terminal.image("example-python"))?,
    )
}

/// One builder makes images with and without live reload.
fn builder(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("examples/builder/README.md")?;
    let blocks: [Block; 3] = page.blocks()?;
    blocks.iter().try_for_each(|block| page.follow(block))?;
    terminal.image("example-app").expect_no_watchexec()?;
    expect_reload(
        &terminal,
        &Container::start(&terminal.image("example-app-dev"))?,
    )
}

fn composite(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("examples/composite/README.md")?;
    let [package, build] = page.blocks()?;
    page.follow(&package)?;
    page.follow(&build)?;
    expect_reload(
        &terminal,
        &Container::start(&terminal.image("example-python"))?,
    )
}

/// The buildpack wraps its process itself. That process stays the default, and `reload` starts it unchanged.
fn language_buildpack(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let wrapped = "examples/language-buildpack/README.md";
    let log = follow_page(&terminal, wrapped, "example-wrapped")?;
    ensure!(!log.contains("live-reload:"), "it is `reload`:\n{log}");
    let image = terminal.image("example-wrapped");
    let reload = Container::start_with(&image, &["--entrypoint", "reload"])?;
    reload.wait_for("v1")?;
    let log = reload.log()?;
    expect_words(&log, &["which reloads itself"])?;
    let watchers = reload.execute(&["sh", "-c", "grep -l watchexec /proc/[0-9]*/comm | wc -l"])?;
    ensure!(
        watchers == "1",
        "{watchers} processes are watchexec:\n{log}"
    );
    Ok(())
}

/// Arguments choose another process and other settings without a build.
fn other_settings(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let mut procfile = fs::OpenOptions::new();
    let procfile = procfile
        .append(true)
        .open(terminal.path("examples/python/Procfile"));
    procfile?.write_all(b"worker: python3 app.py\n")?;
    let start = terminal.page(START)?;
    start.follow(&start.all_blocks("run: examples::five_minute_start")?[0])?;

    let page = terminal.page("docs/settings.md")?;
    let [start] = page.blocks()?;
    let mut running = page.start(&start)?;
    running.expect(&start)?;
    expect_reload(&terminal, &terminal.container("my-app-worker"))
}

/// Tilt's command syncs a program into an image that has no other.
fn sync_tools(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("docs/tiny-images.md")?;
    let [build] = page.blocks()?;
    let go = terminal.page("examples/go/README.md")?;
    let compile = &go.all_blocks("run: examples::go")?[0];
    go.follow(compile)?;
    page.follow(&build)?;

    let container = Container::start(&terminal.image("my-app"))?;
    container.wait_for("v1")?;
    go.edit()?;
    go.follow(compile)?;
    let program = fs::read(terminal.path("examples/go/bin/server"))?;
    let files = [("workspace/bin/server", program.as_slice())];
    container.reload("v2", |container| container.extract(&TILT, &files))?;
    Ok(())
}
