//! `cargo xtask demo`: the main job from start to end, on this machine, in words.

mod narration;

use self::narration::{command, heading, list_files, quote, say, shell, show_sboms};
use crate::archive;
use crate::command::run;
use crate::package::{Options, package};
use crate::workspace::{self, root, typed};
use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use harness::lifecycle::Lifecycle;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};
use toml_edit::{DocumentMut, Item, Table, value};

/// The longest wait for an answer or for the end of the process. The real times are some ten
/// milliseconds. It is less than the 10 seconds after which a process that does not stop is killed,
/// so that a lost stop signal fails the demo.
const PATIENCE: Duration = Duration::from_secs(8);

/// The file that is edited, and its text before and after.
const GREETING: &str = "greeting.txt";
const BEFORE: &str = "Hello from version 1";
const AFTER: &str = "Hello from version 2";

/// Shows all steps, or fails with the cause.
pub(crate) fn demo() -> Result<()> {
    let directory = workspace::target().join("demo");
    let buildpack = directory.join("buildpack");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    // Named by the buildpack's id, with its slash replaced.
    let lifecycle = Lifecycle::of(&buildpack, &directory, "layers/live-reload_watchexec");
    println!("From detect to a reload, on this machine and without containers.");

    heading("1. A watchexec release for this machine");
    command("cargo xtask archive");
    let archive = archive::provide(&archive::Options::default())?;
    let origin = if archive.official {
        "the published archive"
    } else {
        "built from crates.io, since the release site cannot be reached from here"
    };
    let version = &archive.dependency.version;
    say(&format!("watchexec {version}, {origin}"));
    list_files(archive.directory())?;

    heading("2. The buildpack");
    command(&format!(
        "cargo xtask package --buildpack-toml {} --output {}",
        typed(&archive.buildpack_toml()),
        typed(&buildpack)
    ));
    package(&Options {
        buildpack_toml: Some(archive.buildpack_toml()),
        output: Some(buildpack.clone()),
        ..Options::default()
    })?;
    list_files(&buildpack)?;

    heading("3. An app");
    say(
        "A web server that reads greeting.txt when it starts, and knows nothing about live reload.",
    );
    let greeting = lifecycle.path("app").join(GREETING);
    let server = lifecycle.path("app/server");
    let source = root().join("xtask/sample-app/server.rs");
    command(&format!(
        "rustc --edition 2024 -o {} {}",
        typed(&server),
        typed(&source)
    ));
    run(Command::new("rustc")
        .args(["--edition", "2024", "-o"])
        .args([&server, &source]))?;
    command(&format!("echo '{BEFORE}' > {}", typed(&greeting)));
    fs::write(&greeting, format!("{BEFORE}\n"))?;

    heading("4. Detect");
    command("D=$PWD/target/demo");
    call(&mut lifecycle.detect_command(), &directory)?;
    say("The build plan:");
    quote(&lifecycle.plan());

    heading("5. Build");
    call(&mut lifecycle.build_command(""), &directory)?;
    say("In the layers:");
    list_files(&lifecycle.layers())?;
    show_sboms(&lifecycle.layers())?;
    let reload = export(&lifecycle, &server)?;

    heading("6. Start");
    // A port that is free now.
    let port = harness::server::nobody().port();
    let mut start = launch(&lifecycle, &reload, port);
    command(&shell(&start, &directory));
    let output = directory.join("output.txt");
    let file = fs::File::create(&output)?.into_file();
    start.stdout(file.try_clone()?).stderr(file);
    let mut running = Running(start.spawn().context("the process cannot be started")?);
    let reloaded = edit(&mut running, &greeting, port);
    say("The output of the process:");
    quote(&fs::read_to_string(&output)?);
    reloaded?;

    heading("8. Stop");
    let started = Instant::now();
    let status = running.stop()?;
    let time = started.elapsed();
    let left = ask(port).is_ok();
    ensure!(!left, "the app still answers after its watchexec has ended");
    say(&format!("SIGTERM ended it within {time:.0?} ({status})."));
    say(&format!(
        "{} is left for you to look at.",
        typed(&directory)
    ));
    Ok(())
}

/// Lists the processes for the launcher, as the exporter does: those of the buildpack, and `web` of
/// the app's own buildpack. Returns `reload`.
fn export(lifecycle: &Lifecycle, server: &Path) -> Result<Table> {
    let mut metadata: DocumentMut = lifecycle.launch_toml().parse()?;
    let processes = metadata["processes"]
        .as_array_of_tables_mut()
        .context("the buildpack contributed no process")?;
    let reload = processes.get(0).context("no process")?.clone();
    let mut web = Table::new();
    web["type"] = value("web");
    web["command"] = value(toml_edit::Array::from_iter([server
        .to_string_lossy()
        .as_ref()]));
    processes.push(web);
    say("The processes of the image; `web` comes from the app's own buildpack:");
    for process in processes.iter_mut() {
        process["direct"] = value(true);
        let default = process.get("default").and_then(Item::as_bool) == Some(true);
        let mark = if default { " (default)" } else { "" };
        let kind = process["type"].as_str().unwrap_or_default();
        quote(&format!("{kind}{mark}: {}", words(process).join(" ")));
    }
    let config = lifecycle.path("layers/config");
    fs::create_dir_all(&config)?;
    fs::write(config.join("metadata.toml"), metadata.to_string())?;
    ensure!(
        reload["type"].as_str() == Some("reload"),
        "the buildpack contributed no process `reload`"
    );
    Ok(reload)
}

/// The command and the arguments of a process.
fn words(process: &Table) -> Vec<String> {
    ["command", "args"]
        .iter()
        .filter_map(|key| process.get(key)?.as_array())
        .flatten()
        .filter_map(|word| Some(word.as_str()?.to_owned()))
        .collect()
}

/// A process as the launcher starts it: in the app directory, with the layers' programs on PATH.
fn launch(lifecycle: &Lifecycle, process: &Table, port: u16) -> Command {
    let programs = ["live-reload", "watchexec"].map(|layer| {
        lifecycle
            .layers()
            .join(layer)
            .join("bin")
            .display()
            .to_string()
    });
    let path = std::env::var("PATH").unwrap_or_default();
    let words = words(process);
    let mut command = Command::new(words.first().map_or("", String::as_str));
    command
        .args(words.iter().skip(1))
        .current_dir(lifecycle.path("app"))
        .env_clear()
        .env("PATH", format!("{}:{path}", programs.join(":")))
        .env("PORT", port.to_string());
    command
}

/// Edits a file and waits for another process with another answer.
fn edit(running: &mut Running, greeting: &Path, port: u16) -> Result<()> {
    let before = wait_for(BEFORE, running, port).context("the app does not answer")?;
    command(&format!("curl http://127.0.0.1:{port}/"));
    quote(&before);

    heading("7. Edit a file");
    command(&format!("echo '{AFTER}' > $D/app/{GREETING}"));
    let start = Instant::now();
    fs::write(greeting, format!("{AFTER}\n"))?;
    let after = wait_for(AFTER, running, port).context("the app was not restarted")?;
    let time = start.elapsed();
    command(&format!("curl http://127.0.0.1:{port}/"));
    quote(&after);
    say(&format!(
        "{time:.0?} from the write to the first answer of the new process, including the 20 ms for \
         which the file has to be quiet."
    ));
    Ok(())
}

/// Asks until the answer begins with a text.
fn wait_for(text: &str, running: &mut Running, port: u16) -> Result<String> {
    let start = Instant::now();
    let mut last = None;
    while start.elapsed() < PATIENCE {
        if let Some(status) = running.0.try_wait()? {
            bail!("the process ended ({status})");
        }
        match ask(port) {
            Ok(answer) if answer.starts_with(text) => return Ok(answer),
            Ok(answer) => last = Some(answer),
            Err(_) => {}
        }
        sleep(Duration::from_millis(1));
    }
    bail!("waited {PATIENCE:?} for {text:?}; the last answer was {last:?}")
}

fn ask(port: u16) -> Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(Duration::from_secs(1)))?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("not HTTP")?;
    Ok(body.to_owned())
}

/// The process `reload`, which ends its children before it ends.
struct Running(Child);

impl Running {
    /// Stops it as a container is stopped.
    fn stop(&mut self) -> Result<ExitStatus> {
        let start = Instant::now();
        kill_process(Pid::from_child(&self.0), Signal::TERM)?;
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            sleep(Duration::from_millis(1));
        }
        bail!("the process did not end within {PATIENCE:?} of SIGTERM")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only after a failure is it still running.
        if matches!(self.0.try_wait(), Ok(None)) && self.stop().is_err() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Runs a phase of the buildpack and shows its output.
fn call(phase: &mut Command, directory: &Path) -> Result<()> {
    command(&shell(phase, directory));
    let start = Instant::now();
    let output = phase.output()?;
    let time = start.elapsed();
    quote(&String::from_utf8_lossy(&output.stdout));
    quote(&String::from_utf8_lossy(&output.stderr));
    ensure!(
        output.status.success(),
        "the buildpack failed ({})",
        output.status
    );
    say(&format!("Passed after {time:.1?}."));
    Ok(())
}
