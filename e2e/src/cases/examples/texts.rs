//! The commands of the README and of the page for the developers of applications.

use std::io::Write;

use anyhow::Result;
use fs_err as fs;

use super::{APP, Case, expect_reload, show_reload};
use crate::container::Container;
use crate::pack::expect_words;
use crate::platform::Platform;
use crate::terminal::Terminal;

pub(super) const CASES: &[Case] = &[
    ("examples::readme", readme),
    ("examples::five_minute_start", five_minute_start),
    ("examples::other_settings", other_settings),
    ("examples::sync_tools", sync_tools),
];

/// What the page's reader finds in the container's log.
const FIRST_LINE: &str =
    "live-reload: `web` (bash -c python3 app.py) restarts when files change in /workspace";

/// Its three commands; the edit comes before the last.
fn readme(platform: &Platform) -> Result<()> {
    let case = "examples::readme";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("README.md")?;
    let [block] = page.blocks()?;
    let commands = block.commands();
    let [build, start, sync] = commands.as_slice() else {
        anyhow::bail!("not three commands: {commands:?}");
    };
    page.run(build)?;
    page.run(start)?;
    let container = terminal.container("my-app");
    container.wait_for("v1")?;
    terminal.save(APP)?;
    show_reload(container.reload(|_| page.run(sync).map(drop))?);
    platform.report.ran(case, "pack");
    Ok(())
}

fn five_minute_start(platform: &Platform) -> Result<()> {
    let case = "examples::five_minute_start";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("docs/app-developers.md")?;
    let [build, start, sync] = page.blocks()?;
    page.run(&build.text)?;
    page.run(&start.text)?;
    let container = terminal.container("my-app");
    container.wait_for("v1")?;
    expect_words(&page.text, &[FIRST_LINE])?;
    expect_words(&container.log()?, &[FIRST_LINE])?;
    terminal.save(APP)?;
    show_reload(container.reload(|_| page.run(&sync.text).map(drop))?);
    platform.report.ran(case, "pack");
    Ok(())
}

/// Another process and other settings, without a build.
fn other_settings(platform: &Platform) -> Result<()> {
    let case = "examples::other_settings";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("docs/app-developers.md")?;
    fs::OpenOptions::new()
        .append(true)
        .open(terminal.path("examples/python/Procfile"))?
        .write_all(b"worker: python3 app.py\n")?;
    page.run(&page.first_block("examples::five_minute_start")?.text)?;

    let [start] = page.blocks()?;
    let _running = page.start(&start.text, &[])?;
    let container = terminal.container("my-app-worker");
    container.wait_for("v1")?;
    expect_words(&container.log()?, &["live-reload: `worker`"])?;
    expect_reload(&terminal, &container)?;
    platform.report.ran(case, "docker");
    Ok(())
}

/// A program, and an image that has nothing else, into which Tilt's command for it syncs.
fn sync_tools(platform: &Platform) -> Result<()> {
    let case = "examples::sync_tools";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("docs/app-developers.md")?;
    let [build] = page.blocks()?;
    let go = terminal.page("examples/go/README.md")?;
    let compile = go.first_block("examples::go")?.commands().remove(0);
    go.run(&compile)?;
    page.run(&build.text)?;

    let container = Container::start(&terminal.image("my-app"))?;
    container.wait_for("v1")?;
    go.edit()?;
    go.run(&compile)?;
    let archive = terminal.path("program.tar");
    let mut builder = tar::Builder::new(fs::File::create(&archive)?);
    builder.append_path_with_name(
        terminal.path("examples/go/bin/server"),
        "workspace/bin/server",
    )?;
    builder.finish()?;
    let tar = ["tar", "-C", "/", "-x", "-f", "-"];
    show_reload(container.reload(|container| container.execute_with(&archive, &tar))?);
    platform.report.ran(case, "pack");
    Ok(())
}
