//! Terminals and debuggers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::restarts::image;
use crate::build::Image;
use crate::case::{Case, cases, unaware_app};
use crate::command::{free_port, retry};
use crate::container::{Container, RELOAD};
use crate::directories::log;
use crate::offline::{self, compile_answer};
use crate::running::Running;

cases![ctrl_c, attach, pdb, reader, quit, jdwp];

/// Ctrl-C, as a terminal sends it.
const CTRL_C: &str = "\x03";
/// The status of the Python app after SIGTERM.
const TERMINATED: i32 = 143;

/// Ctrl-C ends `docker run --interactive --tty` at once, with the status of the app.
fn ctrl_c(case: &Case<'_>) -> Result<()> {
    let image = image(case, "web: python3 app.py\n", &[], &[])?;
    let (container, terminal) = at_terminal(case, &image, &[], &[])?;
    container.wait_for("v1")?;
    expect_terminated(interrupt(terminal)?)
}

/// `docker attach` shows the log of a container that runs in the background, and Ctrl-C there ends
/// it.
fn attach(case: &Case<'_>) -> Result<()> {
    let image = image(case, "web: python3 app.py\n", &[], &[])?;
    let container = Container::start_with(&image, &["--interactive", "--tty"])?;
    container.wait_for("v1")?;
    let mut terminal = docker(case, &["attach", &container.name])?;
    container.reload_python()?;
    terminal.wait_for("app.py changed, restarting web", 1)?;
    expect_terminated(interrupt(terminal)?)
}

/// pdb has the terminal, also after a restart, and Ctrl-C returns to its prompt. Without it, Ctrl-C
/// ends the container.
fn pdb(case: &Case<'_>) -> Result<()> {
    let image = image(
        case,
        "web: python3 app.py\npdb: python3 -m pdb app.py\n",
        &[],
        &[],
    )?;
    let (container, mut terminal) = at_terminal(case, &image, &RELOAD, &["pdb"])?;
    terminal.wait_for("(Pdb)", 1)?;
    terminal.types("continue\n")?;
    let before = container.wait_for("v1")?;
    let changed = unaware_app("v2")?;
    container.copy_in(&changed.path().join("app.py"), "/workspace/app.py")?;
    terminal.wait_for("(Pdb)", 2)?;
    terminal.types("p 6 * 7\ncontinue\n")?;
    terminal.wait_for("42", 1)?;
    let after = container.wait_for("v2")?;
    ensure!(before.process != after.process, "it is the same process");
    terminal.types(CTRL_C)?;
    terminal.wait_for("Program interrupted", 1)?;
    // `quit` is an exception, which this server survives.
    terminal.types("import os; os._exit(5)\n")?;
    terminal.wait_for(
        "pdb ended with status 5; the next change starts it again",
        1,
    )?;
    let status = interrupt(terminal)?;
    ensure!(status == 5, "status {status}");
    Ok(())
}

/// Ctrl-C ends a process that reads from the terminal, and with it the container, as without live
/// reload.
fn reader(case: &Case<'_>) -> Result<()> {
    end_reader(case, CTRL_C, 130)
}

/// The same with Ctrl-\\.
fn quit(case: &Case<'_>) -> Result<()> {
    end_reader(case, "\x1c", 131)
}

/// Ends a process that reads from the terminal by a key. Before, Ctrl-Z does not halt it, since no
/// shell in the container could wake it.
fn end_reader(case: &Case<'_>, key: &str, expected: i32) -> Result<()> {
    let image = image(case, "web: echo ready; exec cat\n", &[], &[])?;
    let (_container, mut terminal) = at_terminal(case, &image, &[], &[])?;
    // Before that, docker has not taken the terminal from the shell that runs it.
    terminal.wait_for("ready", 1)?;
    terminal.types("first\n\x1asecond\n")?;
    // Each line is echoed, and then written.
    terminal.wait_for("second", 2)?;
    terminal.types(key)?;
    let status = terminal.ended()?;
    ensure!(status == expected, "status {status}, not {expected}");
    Ok(())
}

/// A debugger of Java attaches at its port before and after a restart: the port is free again.
fn jdwp(case: &Case<'_>) -> Result<()> {
    let image = case.build_paketo("image", offline::jar()?)?.image()?;
    let port = free_port()?;
    let agent = format!(
        "JAVA_TOOL_OPTIONS=-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:{port}"
    );
    let options = [&["--env", &agent][..], &RELOAD].concat();
    let container = Container::start_with(&image, &options)?;
    container.wait_for("v1")?;
    shake_hands(port)?;
    let directory = tempfile::tempdir()?;
    let class = compile_answer(directory.path())?;
    let target = "/workspace/BOOT-INF/classes/e2e/Answer.class";
    container.reload_by_copy("v2", &class, target)?;
    shake_hands(port)
}

/// Starts a container at a terminal.
fn at_terminal<'a>(
    case: &'a Case<'_>,
    image: &Image<'_>,
    options: &[&str],
    arguments: &[&str],
) -> Result<(Container<'a>, Running)> {
    let container = Container::running(case, format!("{}-app", image.name), free_port()?);
    let port = container.port_variable();
    let run = ["run", "--interactive", "--tty", "--name", &container.name];
    let run = [&run[..], &["--network", "host", "--env", &port], options];
    let words = [&run.concat()[..], &[&image.name], arguments].concat();
    let terminal = docker(case, &words)?;
    Ok((container, terminal))
}

/// Runs `docker` with these words, which must not need quoting, at a terminal of its own.
fn docker(case: &Case<'_>, words: &[&str]) -> Result<Running> {
    // script(1), which Debian always has, makes the terminal, and prints what appears there.
    let mut script = Command::new("script");
    let command = ["docker", &words.join(" ")].join(" ");
    script
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("DOCKER_HOST", &case.platform.engine.host);
    let log = log(&case.named(words[0]));
    Running::start(&mut script, Stdio::piped(), log)
}

/// Presses Ctrl-C, which ends the container. Returns its exit status.
fn interrupt(mut terminal: Running) -> Result<i32> {
    terminal.types(CTRL_C)?;
    terminal.ended()
}

fn expect_terminated(status: i32) -> Result<()> {
    ensure!(status == TERMINATED, "status {status}");
    Ok(())
}

/// Connects as a debugger of Java does: both sides send the same greeting.
fn shake_hands(port: u16) -> Result<()> {
    const GREETING: &[u8] = b"JDWP-Handshake";

    retry(Duration::from_secs(30), || {
        let mut connection = TcpStream::connect(("127.0.0.1", port))?;
        connection.write_all(GREETING)?;
        let mut answer = [0; GREETING.len()];
        connection.read_exact(&mut answer)?;
        ensure!(
            answer == GREETING,
            "not the greeting of a debugger: {answer:?}"
        );
        Ok(())
    })
    .context("no debugger can attach")
}
