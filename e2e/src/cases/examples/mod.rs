//! The examples and pages, followed as a reader would: the cases take commands and edits from the pages
//! and request the app from outside.

pub(super) mod manifests;
pub(super) mod tools;

use std::io::Write;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::case::{Case, cases};
use crate::command::expect_words;
use crate::container::{Container, TILT};
use crate::terminal::Terminal;

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

fn readme(case: &Case<'_>) -> Result<()> {
    page(case, "README.md", PYTHON, "my-app").map(drop)
}

fn five_minute_start(case: &Case<'_>) -> Result<()> {
    let app_developers = "docs/app-developers.md";
    let (text, log) = page(case, app_developers, PYTHON, "my-app")?;
    // The page shows this line of the log.
    let first = "live-reload: restarting web (the default choice) when files change in /workspace";
    expect_words(&text, &[first])?;
    expect_words(&log, &[first])
}

fn python(case: &Case<'_>) -> Result<()> {
    page(case, PYTHON, PYTHON, "example-python").map(drop)
}

fn node(case: &Case<'_>) -> Result<()> {
    let node = "examples/node/README.md";
    page(case, node, node, "example-node").map(drop)
}

fn go(case: &Case<'_>) -> Result<()> {
    let go = "examples/go/README.md";
    page(case, go, go, "example-go").map(drop)
}

/// Paketo's order for Java, whose buildpack for jars wraps `java` itself.
fn spring_boot(case: &Case<'_>) -> Result<()> {
    let spring_boot = "examples/spring-boot/README.md";
    let (_, log) = page(case, spring_boot, spring_boot, "example-spring-boot")?;
    expect_words(&log, &["live-reload: restarting web (the default choice)"])?;
    let starts = log.matches("Started Application").count();
    ensure!(starts == 2, "{starts} starts:\n{log}");
    Ok(())
}

/// Follows a page. Its commands up to `docker run` build and start the app, then the edit of a page is
/// made, and the rest of the commands sync it. Returns the page and the container's log.
fn page(case: &Case<'_>, page: &str, edited: &str, container: &str) -> Result<(String, String)> {
    let terminal = case.terminal()?;
    let page = terminal.page(page)?;
    let commands = commands(&page.all_blocks(&format!("run: {}", case.name))?.concat());
    let starts = commands
        .iter()
        .position(|command| command.starts_with("docker run"));
    let (start, sync) = commands.split_at(starts.context("no command starts a container")? + 1);
    page.run(&start.concat())?;
    let container = terminal.container(container);
    container.wait_for("v1")?;
    terminal.page(edited)?.edit()?;
    container.reload("v2", |_| page.run(&sync.concat()).map(drop))?;
    Ok((page.text.clone(), container.log()?))
}

/// Splits a block into commands. A line that ends with `\` continues in the next one.
fn commands(block: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut command = String::new();
    for line in block.split_inclusive('\n') {
        command.push_str(line);
        if !line.ends_with("\\\n") {
            commands.push(std::mem::take(&mut command));
        }
    }
    commands
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
    page.run(&build)?;
    expect_reload(
        &terminal,
        &Container::start(&terminal.image("example-python"))?,
    )
}

/// One builder makes images with and without live reload.
fn builder(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("examples/builder/README.md")?;
    let [create, build] = page.blocks()?;
    page.run(&create)?;
    page.run(&build)?;
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
    page.run(&package)?;
    page.run(&build)?;
    expect_reload(
        &terminal,
        &Container::start(&terminal.image("example-python"))?,
    )
}

/// The buildpack wraps its process itself, which stays the default; `reload` starts it as it is.
fn language_buildpack(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("examples/language-buildpack/README.md")?;
    let [start] = page.blocks()?;
    page.run(&start)?;
    let container = terminal.container("example-wrapped");
    expect_reload(&terminal, &container)?;
    let log = container.log()?;
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
    let page = terminal.page("docs/app-developers.md")?;
    page.run(&page.all_blocks("run: examples::five_minute_start")?[0])?;

    let [start] = page.blocks()?;
    let _running = page.start(&start)?;
    let container = terminal.container("my-app-worker");
    container.wait_for("v1")?;
    expect_words(
        &container.log()?,
        &["live-reload: restarting worker (as requested)"],
    )?;
    expect_reload(&terminal, &container)
}

/// Tilt's command syncs a program into an image that has no other.
fn sync_tools(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("docs/app-developers.md")?;
    let [build] = page.blocks()?;
    let go = terminal.page("examples/go/README.md")?;
    let compile = commands(&go.all_blocks("run: examples::go")?[0]).remove(0);
    go.run(&compile)?;
    page.run(&build)?;

    let container = Container::start(&terminal.image("my-app"))?;
    container.wait_for("v1")?;
    go.edit()?;
    go.run(&compile)?;
    let program = fs::read(terminal.path("examples/go/bin/server"))?;
    let files = [("workspace/bin/server", program.as_slice())];
    container.reload("v2", |container| container.extract(&TILT, &files))?;
    Ok(())
}
