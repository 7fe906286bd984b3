//! `cargo xtask demo`: the main job from start to end, on this machine, as a session in a shell.

use crate::archive;
use crate::command::{cargo, run};
use crate::package::{BUILDPACK, LIVE_RELOAD, Options, package};
use crate::workspace;
use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use harness::lifecycle::Lifecycle;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The longest wait for an answer, which usually comes within some ten milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// The text of the edited file before and after.
const BEFORE: &str = "Hello from version 1";
const AFTER: &str = "Hello from version 2";

/// Shows all steps, or fails with the cause.
pub(crate) fn demo() -> Result<()> {
    let session = Session(workspace::target().join("demo"));
    let directory = &session.0;
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    // Named by the buildpack's id, with its slash replaced.
    let layers = "layers/live-reload_watchexec";
    let lifecycle = Lifecycle::of(&directory.join("buildpack"), directory, layers);
    println!(
        "From detect to a reload, without containers, with D={}",
        directory.display()
    );

    println!("\n1. A watchexec release for this machine");
    println!("   Downloaded, or else compiled once from crates.io: about two minutes on 2 cores.");
    let quick = archive::Options {
        quick: true,
        ..archive::Options::default()
    };
    let archive = archive::provide(&quick)?;
    println!("   {}", archive.file.display());

    println!("\n2. The buildpack");
    let binaries = programs()?;
    package(&Options {
        buildpack_toml: Some(archive.buildpack_toml()),
        binaries: Some(binaries),
        output: Some(lifecycle.buildpack()),
        ..Options::default()
    })?;
    session.types("ls -go buildpack buildpack/bin")?;

    println!("\n3. An app");
    println!(
        "   A web server that reads greeting.txt when it starts, and knows nothing about live reload."
    );
    session.types("rustc --edition 2024 -o app/server ../../xtask/sample-app/server.rs")?;
    session.types(&format!("echo '{BEFORE}' > app/greeting.txt"))?;

    println!("\n4. Detect");
    session.calls(&mut lifecycle.detect_command())?;
    session.types("cat plan.toml")?;

    println!("\n5. Build");
    session.calls(&mut lifecycle.build_command(""))?;
    session.types("find layers -type f | sort | xargs ls -go")?;
    session.types("grep -h '\"purl\"' layers/*/*.cdx.json | grep -c pkg:cargo")?;
    session.types("grep -h '\"purl\"' layers/*/*.cdx.json | grep -v pkg:cargo")?;
    println!(
        "   The exporter lists the processes of all buildpacks; `web` comes from the app's own:"
    );
    lifecycle.export(&[&directory.join("app/server").to_string_lossy()]);
    session.types("cat layers/config/metadata.toml")?;

    println!("\n6. Start");
    let port = harness::server::unused_address().port();
    let mut reload = lifecycle.launch("reload");
    reload.env("PORT", port.to_string());
    session.prints(&reload);
    let output = fs::File::create(directory.join("output.txt"))?.into_file();
    reload.stdout(output.try_clone()?).stderr(output);
    let mut process = reload.spawn().context("the process cannot be started")?;
    // It is stopped whatever happens. It ends its children before it ends.
    let reloaded = edit(&session, port);

    let started = Instant::now();
    kill_process(Pid::from_child(&process), Signal::TERM)?;
    let status = process.wait()?;
    let time = started.elapsed();
    println!("   The output of the process:");
    session.types("cat output.txt")?;
    reloaded?;

    println!("\n8. Stop");
    ensure!(ask(port).is_err(), "the app still answers");
    println!(
        "   SIGTERM ended it within {time:.0?} ({status}). {} is left to look at.",
        directory.display()
    );
    Ok(())
}

/// The directory of both programs, which a development build makes: neither LTO nor another profile
/// takes time.
fn programs() -> Result<PathBuf> {
    if std::env::var_os("CARGO").is_none() {
        // By `make demo` and in CI, they are built together with this program.
        let own = std::env::current_exe()?;
        return Ok(own.parent().unwrap_or(&own).to_owned());
    }
    println!("   Compiled, the first time for about a minute on 2 cores.");
    let target = workspace::target();
    let packages = ["--package", BUILDPACK, "--package", LIVE_RELOAD];
    run(cargo("build")
        .args(["--locked", "--target-dir"])
        .arg(&target)
        .args(packages))?;
    Ok(target.join("debug"))
}

/// Edits a file, and waits for another process with another answer.
fn edit(session: &Session, port: u16) -> Result<()> {
    let curl = || println!("   $ curl http://127.0.0.1:{port}/");
    curl();
    wait_for(BEFORE, port).context("the app does not answer")?;

    println!("\n7. Edit a file");
    println!("   $ echo '{AFTER}' > $D/app/greeting.txt");
    let start = Instant::now();
    fs::write(session.0.join("app/greeting.txt"), format!("{AFTER}\n"))?;
    curl();
    wait_for(AFTER, port).context("the app was not restarted")?;
    println!(
        "   {:.0?} from the write to the first answer of the new process, including the 20 ms for which \
         the file has to be quiet.",
        start.elapsed()
    );
    Ok(())
}

/// Asks until the answer begins with a text, and shows it.
fn wait_for(text: &str, port: u16) -> Result<()> {
    let start = Instant::now();
    let mut last = ask(port);
    while start.elapsed() < PATIENCE {
        if let Ok(answer) = &last
            && answer.starts_with(text)
        {
            quote(answer);
            return Ok(());
        }
        sleep(Duration::from_millis(1));
        last = ask(port);
    }
    bail!("waited {PATIENCE:?} for {text:?}; the last answer was {last:?}")
}

fn ask(port: u16) -> Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("not HTTP")?;
    Ok(body.to_owned())
}

/// A directory in which commands are run and shown, `$D` in them.
struct Session(PathBuf);

impl Session {
    /// Runs a script, and shows it and its output.
    fn types(&self, script: &str) -> Result<()> {
        println!("   $ {script}");
        finish(
            Command::new("sh")
                .args(["-ec", script])
                .current_dir(&self.0),
        )
    }

    /// Runs a command, and shows how to repeat it, its output and its time.
    fn calls(&self, command: &mut Command) -> Result<()> {
        self.prints(command);
        let start = Instant::now();
        finish(command)?;
        println!("   Passed after {:.1?}.", start.elapsed());
        Ok(())
    }

    /// Shows a command, which the library writes as a shell reads it.
    fn prints(&self, command: &Command) {
        println!(
            "   $ {}",
            format!("{command:?}").replace(&*self.0.to_string_lossy(), "$D")
        );
    }
}

/// Runs a command, and shows its output.
fn finish(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    quote(&String::from_utf8_lossy(&output.stdout));
    quote(&String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "it failed ({})", output.status);
    Ok(())
}

fn quote(text: &str) {
    for line in text.lines() {
        println!("   | {line}");
    }
}
