//! What copies files into the container at each save.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fs_err as fs;

use super::{APP, Case, show, show_reload};
use crate::compose::Compose;
use crate::container::Container;
use crate::debian;
use crate::go;
use crate::platform::Platform;
use crate::server::free_port;
use crate::terminal::Terminal;

pub(super) const CASES: &[Case] = &[
    ("examples::docker_cp", docker_cp),
    ("examples::compose", compose),
    ("examples::tilt", tilt),
];

/// A file, a directory, and each file that is saved.
fn docker_cp(platform: &Platform) -> Result<()> {
    let case = "examples::docker_cp";
    debian::provide("inotifywait", &["inotify-tools"], &platform.directories)?;
    let terminal = Terminal::open(platform, case)?;
    let [build, start] = python_commands(&terminal)?;
    let python = terminal.page("examples/python/README.md")?;
    python.run(&build)?;

    let page = terminal.page("examples/docker-cp/README.md")?;
    let [file, directory, script] = page.blocks()?;
    for block in [file, directory] {
        python.run(&start)?;
        let container = terminal.container("example-python");
        container.wait_for("v1")?;
        let original = terminal.save(APP)?;
        show_reload(container.reload(|_| page.run(&block.text).map(drop))?);
        original.restore()?;
    }

    python.run(&start)?;
    let container = terminal.container("example-python");
    let _running = page.start(&script.text, &[])?;
    // The script says nothing: a file that restarts nothing shows that it is at work.
    let asked = Instant::now();
    while container
        .execute(&["test", "-e", "/workspace/ready.log"])
        .is_err()
    {
        ensure!(
            asked.elapsed() < Duration::from_mins(1),
            "nothing is copied"
        );
        fs::write(terminal.path("examples/python/ready.log"), "ready\n")?;
        sleep(Duration::from_millis(200));
    }
    show_saved(&container, &terminal)?;
    platform.report.ran(case, "pack, docker cp, inotifywait");
    Ok(())
}

fn compose(platform: &Platform) -> Result<()> {
    let case = "examples::compose";
    let compose = Compose::provide(&platform.directories)?;
    let terminal = Terminal::open(platform, case)?;
    let [build, _] = python_commands(&terminal)?;
    terminal.page("examples/python/README.md")?.run(&build)?;

    let page = terminal.page("examples/compose/README.md")?;
    let [up] = page.blocks()?;
    // What the page says of such engines.
    if platform.engine.major()? < 28 {
        let file = terminal.path("examples/compose/compose.yaml");
        let service = fs::read_to_string(&file)?;
        fs::write(
            &file,
            service.replace("  app:\n", "  app:\n    user: root\n"),
        )?;
        show("user: root");
    }
    // In place of the name of the folder.
    let mut variables = compose.variables();
    variables.push(("COMPOSE_PROJECT_NAME", terminal.name("compose")));
    let mut running = page.start(&up.text, &variables)?;
    let container = terminal.container("compose-app-1");
    running.wait_for("Watch enabled")?;
    show_saved(&container, &terminal)?;
    platform
        .report
        .ran(case, &format!("pack, Docker Compose {}", compose.version()));
    Ok(())
}

/// With Compose: there is no cluster.
fn tilt(platform: &Platform) -> Result<()> {
    let case = "examples::tilt";
    let compose = Compose::provide(&platform.directories)?;
    let tilt = go::tilt(&platform.directories)?;
    let terminal = Terminal::open(platform, case)?;
    terminal.add_program("tilt", &tilt.program)?;

    let page = terminal.page("examples/tilt/README.md")?;
    let [up] = page.blocks()?;
    // In place of the name of the folder.
    let project = format!(
        "docker_compose('compose.yaml', project_name='{}')",
        terminal.name("tilt")
    );
    let file = terminal.path("examples/tilt/compose/Tiltfile");
    let tiltfile = fs::read_to_string(&file)?;
    fs::write(
        &file,
        tiltfile.replace("docker_compose('compose.yaml')", &project),
    )?;
    let port = free_port()?.to_string();
    let mut variables = compose.variables();
    // Its page, which nobody looks at here; and where it keeps its own things.
    variables.push(("TILT_PORT", port));
    variables.push(("TILT_WEB_MODE", "prod".to_owned()));
    variables.push((
        "TILT_DEV_DIR",
        terminal.path("tilt-dev").display().to_string(),
    ));
    variables.push(("DO_NOT_TRACK", "1".to_owned()));
    let _running = page.start(&up.text, &variables)?;
    let container = terminal.container("tilt-app-1");
    show_saved(&container, &terminal)?;
    platform.report.ran(
        case,
        &format!(
            "pack, Tilt {}, Docker Compose {}",
            tilt.version,
            compose.version()
        ),
    );
    Ok(())
}

/// The commands of the Python example's page: the build, and the start of a container.
fn python_commands(terminal: &Terminal<'_>) -> Result<[String; 2]> {
    terminal
        .page("examples/python/README.md")?
        .first_block("examples::python")?
        .commands()
        .try_into()
        .map_err(|commands| anyhow::anyhow!("not a build and a start: {commands:?}"))
}

/// A save on the host, and how soon a new process answers.
fn show_saved(container: &Container<'_>, terminal: &Terminal<'_>) -> Result<()> {
    container.wait_for("v1")?;
    show("from the save");
    show_reload(container.reload(|_| terminal.save(APP).map(drop))?);
    Ok(())
}
