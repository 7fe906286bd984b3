//! `cargo xtask demo`: the main job from start to end, on this machine, in words.

mod lifecycle;
mod process;

use self::lifecycle::{Call, Lifecycle};
use self::process::Running;
use crate::archive;
use crate::package::{self, package};
use crate::triple::Triple;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use libcnb::data::launch::{Process, ProcessBuilder};
use libcnb::data::process_type;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};
use watchexec_buildpack::messages::size;

/// How long an answer may take. The real times are some ten milliseconds. It is less than the 10
/// seconds after which a process that does not stop is killed, so that a stop signal which does not
/// arrive fails the demo.
const PATIENCE: Duration = Duration::from_secs(8);

/// The file that is edited, and what it says before and after.
const GREETING: &str = "greeting.txt";
const BEFORE: &str = "Hello from version 1";
const AFTER: &str = "Hello from version 2";

/// What the user of a platform says: `pack build -e BP_LIVE_RELOAD_ENABLED=true`.
const ASKED_FOR: [(&str, &str); 1] = [("BP_LIVE_RELOAD_ENABLED", "true")];

/// Tells the whole story, or fails with what went wrong.
pub(crate) fn demo(workspace: &Workspace) -> Result<()> {
    let arch = Triple::host()?.image_arch();
    let directory = workspace.target().join("demo");
    let buildpack = directory.join("buildpack");
    let lifecycle = Lifecycle::prepare(&directory, &buildpack)?;
    println!("From detect to a reload, on this machine and without containers.");

    heading("1. A watchexec release for this machine");
    command("cargo xtask archive");
    let archive = archive::provide(workspace)?;
    let origin = if archive.official {
        "the published archive"
    } else {
        "built from crates.io, since the release site cannot be reached from here"
    };
    say(&format!(
        "watchexec {}, {origin}",
        archive.dependency.version
    ));
    list_files(archive.directory())?;

    heading("2. The buildpack");
    command(&format!(
        "cargo xtask package --buildpack-toml {} --output {}",
        workspace.display(&archive.buildpack_toml()),
        workspace.display(&buildpack)
    ));
    package(
        workspace,
        &package::Options::online(&archive.buildpack_toml(), &buildpack),
    )?;
    list_files(&buildpack)?;

    heading("3. An app");
    say("A web server that reads greeting.txt when it starts, and knows nothing of live reload.");
    let web = make_app(workspace, &lifecycle)?;

    heading("4. Detect");
    command("D=$PWD/target/demo");
    call(&lifecycle.detect(arch, &ASKED_FOR), &directory)?;
    say("The build plan:");
    quote(&fs::read_to_string(&lifecycle.build_plan)?);
    lifecycle.resolve_plan()?;

    heading("5. Build");
    call(&lifecycle.build(arch, &ASKED_FOR), &directory)?;
    say("In the layers:");
    list_files(&lifecycle.own_layers)?;
    show_sboms(&lifecycle.own_layers)?;
    let process = choose_process(&lifecycle, web)?;

    heading("6. Start");
    let port = free_port()?.to_string();
    let start = lifecycle.launch(&process, &[("PORT", &port)])?;
    command(&start.shell(&directory));
    let mut running = Running::start(&start, &directory.join("output.txt"))?;
    if let Err(error) = reload(&mut running, &lifecycle, &port) {
        say("Its output:");
        quote(&running.output()?);
        return Err(error);
    }
    say("What the process wrote meanwhile:");
    quote(&running.output()?);

    heading("8. Stop");
    let (status, time) = running.stop()?;
    ensure!(
        TcpStream::connect(address(&port)).is_err(),
        "the app goes on running after its watchexec has been stopped"
    );
    say(&format!(
        "SIGTERM ended all of it within {time:.0?} ({status})."
    ));
    say(&format!(
        "{} is left for you to look at.",
        workspace.display(&directory)
    ));
    Ok(())
}

/// Makes the app, and the process that its own buildpack would contribute.
fn make_app(workspace: &Workspace, lifecycle: &Lifecycle) -> Result<Process> {
    let server = lifecycle.app.join("server");
    let source = workspace.root().join("xtask/sample-app/server.rs");
    command(&format!(
        "rustc --edition 2024 -o {} {}",
        workspace.display(&server),
        workspace.display(&source)
    ));
    let status = Command::new("rustc")
        .args(["--edition", "2024", "-o"])
        .arg(&server)
        .arg(&source)
        .status()
        .context("rustc cannot be run")?;
    ensure!(status.success(), "the app does not compile");
    let greeting = lifecycle.app.join(GREETING);
    command(&format!(
        "echo '{BEFORE}' > {}",
        workspace.display(&greeting)
    ));
    fs::write(greeting, format!("{BEFORE}\n"))?;
    let program = server.to_string_lossy().into_owned();
    Ok(ProcessBuilder::new(process_type!("web"), [program]).build())
}

/// Writes down the processes of the image, and gives the one to start: `reload`, which the
/// buildpack contributed.
fn choose_process(lifecycle: &Lifecycle, web: Process) -> Result<Process> {
    let mut processes = lifecycle.processes()?;
    let reload = processes
        .iter()
        .find(|process| process.r#type == process_type!("reload"))
        .cloned()
        .context("the buildpack contributed no process `reload`")?;
    processes.push(web);
    say("The processes of the image; `web` is of the app's own buildpack:");
    for process in &processes {
        let words: Vec<&str> = process
            .command
            .iter()
            .chain(&process.args)
            .map(String::as_str)
            .collect();
        let default = if process.default { " (default)" } else { "" };
        quote(&format!("{}{default}: {}", process.r#type, words.join(" ")));
    }
    lifecycle.write_metadata(&processes)?;
    Ok(reload)
}

/// Edits a file and waits for another process with another answer.
fn reload(running: &mut Running, lifecycle: &Lifecycle, port: &str) -> Result<()> {
    let before = wait_for(BEFORE, running, port).context("the app does not answer")?;
    command(&format!("curl http://{}/", address(port)));
    quote(&before);

    heading("7. Edit a file");
    let greeting = lifecycle.app.join(GREETING);
    command(&format!("echo '{AFTER}' > $D/app/{GREETING}"));
    let start = Instant::now();
    fs::write(greeting, format!("{AFTER}\n"))?;
    let after = wait_for(AFTER, running, port).context("the app was not restarted")?;
    let time = start.elapsed();
    command(&format!("curl http://{}/", address(port)));
    quote(&after);
    say(&format!(
        "{time:.0?} from the write to the first answer of the new process, 50ms of them watchexec's \
         wait for further changes."
    ));
    Ok(())
}

/// Asks until the answer begins with a text.
fn wait_for(text: &str, running: &mut Running, port: &str) -> Result<String> {
    let start = Instant::now();
    let mut last = "nothing".to_owned();
    while start.elapsed() < PATIENCE {
        running.ensure_running()?;
        if let Ok(answer) = ask(port) {
            if answer.starts_with(text) {
                return Ok(answer);
            }
            last = answer;
        }
        sleep(Duration::from_millis(1));
    }
    bail!("waited {PATIENCE:?} for {text:?}; the last answer was {last:?}")
}

fn ask(port: &str) -> Result<String> {
    let mut connection = TcpStream::connect(address(port))?;
    connection.set_read_timeout(Some(Duration::from_secs(1)))?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("not HTTP")?;
    Ok(body.to_owned())
}

fn address(port: &str) -> String {
    format!("127.0.0.1:{port}")
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Runs a phase of the buildpack and shows what it says.
fn call(call: &Call, directory: &Path) -> Result<()> {
    command(&call.shell(directory));
    let start = Instant::now();
    let Output {
        status,
        stdout,
        stderr,
    } = call.command().output()?;
    let time = start.elapsed();
    quote(&String::from_utf8_lossy(&stdout));
    quote(&String::from_utf8_lossy(&stderr));
    ensure!(status.success(), "the buildpack failed ({status})");
    say(&format!("Passed after {time:.1?}."));
    Ok(())
}

fn heading(text: &str) {
    println!("\n{text}");
}

fn say(text: &str) {
    println!("   {text}");
}

fn command(text: &str) {
    println!("   $ {}", text.replace('\n', "\n   "));
}

/// Shows what something else wrote.
fn quote(text: &str) {
    for line in text.lines() {
        println!("   | {line}");
    }
}

/// Shows what the layers' CycloneDX SBOMs say is in them. The others say the same.
fn show_sboms(layers: &Path) -> Result<()> {
    let mut paths = Vec::new();
    collect(layers, &mut paths)?;
    paths.sort();
    for path in paths {
        if !path.to_string_lossy().ends_with(".sbom.cdx.json") {
            continue;
        }
        say(&format!("{} lists:", path.strip_prefix(layers)?.display()));
        let sbom: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
        let components = sbom["components"].as_array();
        for component in components.map(Vec::as_slice).unwrap_or_default() {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
            quote(&format!(
                "{} {}, {}, {}",
                text(&component["name"]),
                text(&component["version"]),
                text(&component["licenses"][0]["license"]["id"]),
                text(&component["purl"])
            ));
        }
    }
    Ok(())
}

/// Shows every file below a directory with its size.
fn list_files(directory: &Path) -> Result<()> {
    let mut files = Vec::new();
    collect(directory, &mut files)?;
    files.sort();
    for file in files {
        let metadata = fs::symlink_metadata(&file)?;
        let what = if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&file)?.display())
        } else {
            size(metadata.len())
        };
        quote(&format!(
            "{what:>10}  {}",
            file.strip_prefix(directory)?.display()
        ));
    }
    Ok(())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
