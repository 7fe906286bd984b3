//! The tools that copy files into the container at each save.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use fs_err as fs;

use super::PYTHON;
use crate::case::{Case, cases};
use crate::command::{expect_words, retry};
use crate::offline;
use crate::terminal::Terminal;
use documentation::Block;

cases![
    docker_cp,
    compose,
    compose_with_an_old_image,
    tilt,
    bind_mount
];
cases![ALONE: tilt_spring_boot];

/// Copies a file, a directory, and then each file that is saved.
fn docker_cp(case: &Case<'_>) -> Result<()> {
    offline::provide("inotifywait", &["inotify-tools"])?;
    let terminal = case.terminal()?;
    let start = build_python(&terminal)?;
    let python = terminal.page(PYTHON)?;
    let page = terminal.page("examples/docker-cp/README.md")?;
    let [file, directory, script] = page.blocks()?;
    for block in [&file, &directory] {
        python.follow(&start)?;
        let container = terminal.container("example-python");
        container.wait_for("v1")?;
        python.edit()?;
        container.reload("v2", || page.follow(block))?;
    }
    python.follow(&start)?;
    let container = terminal.container("example-python");
    let _running = page.start(&script)?;
    // The script has no output. A file that the app ignores shows that it works.
    retry(Duration::from_mins(1), || {
        fs::write(terminal.path("examples/python/ready.log"), "ready\n")?;
        container.execute(&["test", "-e", "/workspace/ready.log"])
    })?;
    container.reload("v2", || python.edit())?;
    Ok(())
}

fn compose(case: &Case<'_>) -> Result<()> {
    offline::tool("compose")?;
    let terminal = case.terminal()?;
    build_python(&terminal)?;
    let page = terminal.page("examples/compose/README.md")?;
    let [up, edit, look] = page.blocks()?;
    with_old_engine(&terminal)?;
    let mut running = page.start(&up)?;
    running.expect(&up)?;
    let container = terminal.container("compose-app-1");
    container.reload("v2", || page.run(&edit).map(drop))?;
    running.expect(&edit)?;
    page.follow(&look)
}

/// Files that were saved since the build are in the container before its process starts.
fn compose_with_an_old_image(case: &Case<'_>) -> Result<()> {
    offline::tool("compose")?;
    let terminal = case.terminal()?;
    build_python(&terminal)?;
    with_old_engine(&terminal)?;
    let page = terminal.page("examples/compose/README.md")?;
    let blocks = page.all_blocks("run: examples::compose")?;
    let [up, edit, ..] = blocks.as_slice() else {
        bail!("the page has changed");
    };
    page.run(&edit.text)?;
    let mut running = page.start(&up.text)?;
    running.expect(up)?;
    let answer = terminal.container("compose-app-1").answer()?;
    ensure!(
        answer.version == "v2",
        "the first answer is {}",
        answer.version
    );
    Ok(())
}

/// Follows the advice of Compose's page for engines before 28.
fn with_old_engine(terminal: &Terminal<'_>) -> Result<()> {
    let version = terminal.case.platform.engine.version()?;
    let major = version.split('.').next().unwrap_or_default();
    if major.parse::<u32>()? < 28 {
        let file = terminal.path("examples/compose/compose.yaml");
        let service = fs::read_to_string(&file)?;
        fs::write(
            &file,
            service.replace("  app:\n", "  app:\n    user: root\n"),
        )?;
    }
    Ok(())
}

/// Tilt runs the app with Compose, since there is no cluster.
fn tilt(case: &Case<'_>) -> Result<()> {
    let page = "examples/tilt/README.md";
    reload_with_tilt(case, page, "compose/Tiltfile").map(drop)
}

/// Maven deletes classes before it compiles them, yet the app restarts once, with all of them.
fn tilt_spring_boot(case: &Case<'_>) -> Result<()> {
    let log = reload_with_tilt(case, "examples/spring-boot/README.md", "Tiltfile")?;
    let restarts = log.matches("changed, restarting web").count();
    ensure!(restarts == 1, "{restarts} restarts:\n{log}");
    Ok(())
}

/// Starts Tilt as a page does, and saves the edit of the page. Returns the container's log.
fn reload_with_tilt(case: &Case<'_>, page: &str, tiltfile: &str) -> Result<String> {
    offline::tool("tilt")?;
    offline::tool("compose")?;
    let terminal = case.terminal()?;
    let page = terminal.page(page)?;
    // Tilt ignores COMPOSE_PROJECT_NAME.
    let project = case.named("compose");
    page.run(&format!(
        "sed -i \"s/'compose.yaml'/'compose.yaml', project_name='{project}'/\" {tiltfile}"
    ))?;
    let [up, edit] = page.blocks()?;
    let mut running = page.start(&up)?;
    let container = terminal.container("compose-app-1");
    container.reload("v2", || page.run(&edit).map(drop))?;
    running.expect(&edit)?;
    container.log()
}

/// The app directory is the host's. What the image has there is hidden, except for an anonymous
/// volume.
fn bind_mount(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("docs/bind-mounts.md")?;
    let [build, start, before, edit, after, list, keep, own] = page.blocks()?;
    // Only the image has it, as if the build had made it.
    let vendor = terminal.path("examples/python/vendor");
    fs::create_dir(&vendor)?;
    fs::write(vendor.join("library.py"), "")?;
    page.follow(&build)?;
    fs::remove_dir_all(&vendor)?;

    page.follow(&start)?;
    page.follow(&before)?;
    let container = terminal.container("my-app");
    container.reload("v2", || page.follow(&edit))?;
    page.follow(&after)?;
    container.execute(&["test", "!", "-e", "/workspace/vendor/library.py"])?;

    page.follow(&list)?;
    page.follow(&keep)?;
    let kept = terminal.container("my-app-2");
    kept.execute(&["test", "-e", "/workspace/vendor/library.py"])?;
    // Another user than that of the image, as the suite may run as root.
    page.run(&own.replace("$(id -u):$(id -g)", "12345:12345"))?;
    let own = terminal.container("my-app-3");
    retry(Duration::from_mins(1), || {
        expect_words(&own.log()?, &["live-reload: restarting web"])
    })
}

/// Builds the Python example as its page does. Returns the block that starts it.
fn build_python(terminal: &Terminal<'_>) -> Result<Block> {
    let page = terminal.page(PYTHON)?;
    let mut blocks = page.all_blocks("run: examples::python")?;
    page.follow(&blocks.remove(0))?;
    Ok(blocks.remove(0))
}
