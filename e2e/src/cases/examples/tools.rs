//! The tools that copy files into the container at each save.

use std::time::Duration;

use anyhow::Result;
use fs_err as fs;

use super::{PYTHON, commands};
use crate::case::{Case, cases};
use crate::command::wait_for;
use crate::container::Container;
use crate::offline;
use crate::terminal::Terminal;

cases![docker_cp, compose, tilt];

/// Copies a file, a directory, and then each file that is saved.
fn docker_cp(case: &Case<'_>) -> Result<()> {
    offline::provide("inotifywait", &["inotify-tools"])?;
    let terminal = case.terminal()?;
    let start = build_python(&terminal)?;
    let python = terminal.page(PYTHON)?;
    let page = terminal.page("examples/docker-cp/README.md")?;
    let [file, directory, script] = page.blocks()?;
    for block in [file, directory] {
        python.run(&start)?;
        let container = terminal.container("example-python");
        container.wait_for("v1")?;
        python.edit()?;
        container.reload("v2", |_| page.run(&block).map(drop))?;
    }

    python.run(&start)?;
    let container = terminal.container("example-python");
    let _running = page.start(&script)?;
    // The script prints nothing. An ignored file shows that it is at work.
    wait_for(Duration::from_mins(1), || {
        fs::write(terminal.path("examples/python/ready.log"), "ready\n")?;
        Ok(container
            .execute(&["test", "-e", "/workspace/ready.log"])
            .ok())
    })?;
    expect_reload_by_save(&container, &terminal)
}

fn compose(case: &Case<'_>) -> Result<()> {
    case.show(format!("Docker Compose {}", offline::tool("compose")?));
    let terminal = case.terminal()?;
    build_python(&terminal)?;
    let page = terminal.page("examples/compose/README.md")?;
    let [up] = page.blocks()?;
    // The page has this advice for engines before 28.
    let version = case.platform.engine.version()?;
    let major = version.split('.').next().unwrap_or_default();
    if major.parse::<u32>()? < 28 {
        let file = terminal.path("examples/compose/compose.yaml");
        let service = fs::read_to_string(&file)?;
        fs::write(
            &file,
            service.replace("  app:\n", "  app:\n    user: root\n"),
        )?;
        case.show("user: root");
    }
    let mut running = page.start(&up)?;
    let container = terminal.container("compose-app-1");
    running.wait_for("Watch enabled")?;
    expect_reload_by_save(&container, &terminal)
}

/// Tilt runs the app with Compose, since there is no cluster.
fn tilt(case: &Case<'_>) -> Result<()> {
    case.show(format!(
        "Tilt {}, Docker Compose {}",
        offline::tool("tilt")?,
        offline::tool("compose")?
    ));
    let terminal = case.terminal()?;
    // Tilt ignores COMPOSE_PROJECT_NAME.
    let file = terminal.path("examples/tilt/compose/Tiltfile");
    let name = format!("'compose.yaml', project_name='{}'", case.named("compose"));
    let tiltfile = fs::read_to_string(&file)?.replace("'compose.yaml'", &name);
    fs::write(&file, tiltfile)?;
    let page = terminal.page("examples/tilt/README.md")?;
    let [up] = page.blocks()?;
    let _running = page.start(&up)?;
    expect_reload_by_save(&terminal.container("compose-app-1"), &terminal)
}

/// Builds the Python example with the command of its page. Returns the command that starts it.
fn build_python(terminal: &Terminal<'_>) -> Result<String> {
    let page = terminal.page(PYTHON)?;
    let mut commands = commands(&page.all_blocks("run: examples::python")?[0]);
    page.run(&commands.remove(0))?;
    Ok(commands.concat())
}

/// Checks that saving the file on the host leads to a new process.
fn expect_reload_by_save(container: &Container<'_>, terminal: &Terminal<'_>) -> Result<()> {
    container.wait_for("v1")?;
    terminal.case.show("from the save");
    container.reload("v2", |_| terminal.page(PYTHON)?.edit())?;
    Ok(())
}
