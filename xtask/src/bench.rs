//! `cargo xtask bench`: the costs of the buildpack, each beside a reference measured in the
//! same run.

use crate::archive::{self, Archive};
use crate::command::{cargo, output, run};
use crate::package::{Options as Package, package};
use crate::workspace::{root, target};
use anyhow::{Context, Result, ensure};
use clap::Args;
use fs_err as fs;
use harness::lifecycle::Lifecycle;
use harness::server::{Reply, Server};
use harness::{Figure, Figures, Goal, Samples, Unit, interleaved, table};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Turns of programs that take milliseconds, and of those that take hundreds.
const MANY: usize = 200;
const SOME: usize = 30;

/// The page with the tables.
const PAGE: &str = "docs/how-it-works.md";

/// The choices of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure on pack, the lifecycle and Docker too; needs what `make e2e` needs
    #[arg(long)]
    platform: bool,

    /// Replace the measured tables in docs/how-it-works.md
    #[arg(long)]
    update_docs: bool,
}

/// Measures, prints the tables, and writes them into the page where that is asked for.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let mut tables = vec![("bench", table(&programs()?))];
    if options.platform {
        let figures = Figures::of(target().join("bench"));
        figures.clear()?;
        run(cargo("run").args(["--locked", "--package", "e2e", "--", "--bench"]))?;
        tables.push(("bench on the real platform", table(&figures.all()?)));
    }
    let date = String::from_utf8(output(Command::new("date").arg("+%F"))?)?;
    let cores = std::thread::available_parallelism()?;
    let page = root().join(PAGE);
    let mut text = fs::read_to_string(&page)?;
    for (name, table) in tables {
        let table = format!("Measured on {} on {cores} cores:\n\n{table}", date.trim());
        println!("\n{table}");
        text = with_table(&text, name, &table)?;
    }
    if options.update_docs {
        fs::write(page, text)?;
    }
    Ok(())
}

/// A page with another table between the comments of this name.
fn with_table(page: &str, name: &str, table: &str) -> Result<String> {
    let (start, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let parts = page.split_once(&start).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = parts.with_context(|| format!("{PAGE} has no table `{name}`"))?;
    Ok(format!(
        "{before}{start}\n{}\n\n{end}{after}",
        table.trim_end()
    ))
}

/// The phases, called as the lifecycle calls them, beside programs that everybody knows, and the
/// sizes of what is shipped.
fn programs() -> Result<Vec<Figure>> {
    let archive = archive::provide(&archive::Options::default())?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    // As the lifecycle finds the layers: none, or those of the build before.
    let cold = |lifecycle: &Lifecycle| -> Result<Command> {
        fs::remove_dir_all(lifecycle.layers())?;
        fs::create_dir(lifecycle.layers())?;
        Ok(lifecycle.build_command(""))
    };
    let mut rows = Rows(Vec::new());

    let offline = packaged(&archive.buildpack_toml(), "buildpack-offline", true)?;
    let offline = Lifecycle::of(&offline, &path("offline"), "layers");
    let server = served(&archive)?;
    let descriptor = path("buildpack.toml");
    let uri = server.url("/watchexec.tar.xz");
    fs::write(&descriptor, archive.descriptor_with(&uri)?.to_string())?;
    let package = packaged(&descriptor, "buildpack", false)?;
    let online = Lifecycle::of(&package, &path("online"), "layers");
    let scratch = path("scratch");
    fs::create_dir(&scratch)?;
    script(
        &scratch,
        &format!("tar --strip-components=1 -xJf {}", archive.file.display()),
    )?;

    for flag in ["true", "false"] {
        let pair = interleaved(
            MANY,
            || time(online.detect_command().env("BP_LIVE_RELOAD_ENABLED", flag)),
            || time(&mut Command::new("/bin/true")),
        )?;
        let name = format!("`bin/detect`, `BP_LIVE_RELOAD_ENABLED={flag}`");
        rows.timed(&name, "`/bin/true`", pair, 2.5, None);
    }
    let pair = interleaved(
        SOME,
        || time(&mut cold(&offline)?),
        || script(&scratch, "sha256sum watchexec; cp watchexec copy"),
    )?;
    rows.timed(
        "`bin/build`, watchexec inside the buildpack",
        "`sha256sum` and `cp` of the program",
        pair,
        1.3,
        None,
    );
    let by_hand = format!(
        "curl -sSf -o download {uri}; sha256sum download; xz -dc download | tar -x --wildcards \
         '*/watchexec'"
    );
    let pair = interleaved(
        SOME,
        || time(&mut cold(&online)?),
        || script(&scratch, &by_hand),
    )?;
    rows.timed(
        "`bin/build`, download from the same machine",
        "`curl`, `sha256sum`, `xz` and `tar`",
        pair,
        1.0,
        Some(
            "`xz` and `tar` share the decoding between two processes. With musl, whose `memcpy` is \
             slower at short copies, a build takes 1.2 times as long (2026-11).",
        ),
    );
    let pair = interleaved(
        MANY,
        || {
            online.restore_cache();
            time(&mut online.build_command(""))
        },
        || time(&mut Command::new("/bin/true")),
    )?;
    rows.timed("`bin/build`, layers kept", "`/bin/true`", pair, 4.0, None);

    let size = |file: PathBuf| Ok::<_, anyhow::Error>(megabytes(fs::metadata(file)?.len()));
    let peak = peak(&mut cold(&online)?)?;
    let both = size(archive.file.clone())? + size(scratch.join("watchexec"))?;
    rows.size(
        "peak memory of a build that downloads",
        megabytes(peak),
        Some(("archive and program".to_owned(), Samples::one(both))),
        Some(Goal::Ratio(2.0)),
        None,
    );
    // What releases are linked to, for x86_64. `cargo xtask release` has their limits.
    for (program, name, musl) in [
        ("build", "`watchexec-buildpack`", "2.99"),
        ("live-reload", "`live-reload`", "0.63"),
    ] {
        let note =
            format!("statically linked to glibc; {musl} MB with musl, as in a release (2026-11).");
        let size = size(package.join("bin").join(program))?;
        rows.size(&format!("size of {name}"), size, None, None, Some(note));
    }
    Ok(rows.0)
}

/// A package of the buildpack for this machine below `target/bench`.
fn packaged(buildpack_toml: &Path, name: &str, offline: bool) -> Result<PathBuf> {
    package(&Package {
        offline,
        buildpack_toml: Some(buildpack_toml.to_owned()),
        output: Some(target().join("bench").join(name)),
        ..Package::default()
    })
}

/// A server on loopback with the archive.
fn served(archive: &Archive) -> Result<Server> {
    let bytes = fs::read(&archive.file)?;
    Ok(Server::http(move |_| Reply::ok(&bytes)))
}

/// How long a program takes. A detect that does not take part exits with 100.
fn time(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let status = quiet(command).status()?;
    let duration = started.elapsed();
    let program = command.get_program().display();
    ensure!(
        matches!(status.code(), Some(0 | 100)),
        "{program}: {status}"
    );
    Ok(duration)
}

/// How long the commands of a reference take.
fn script(directory: &Path, commands: &str) -> Result<Duration> {
    time(
        Command::new("sh")
            .args(["-ec", commands])
            .current_dir(directory),
    )
}

/// The peak of a program's resident memory, in bytes.
///
/// Linux adds the peak of the starting program to the one that a parent is told at the end; the
/// running program has only its own.
fn peak(command: &mut Command) -> Result<u64> {
    let mut child = quiet(command).spawn()?;
    let file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&file)?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kilobytes) = line.and_then(|line| line.trim().strip_suffix(" kB")) {
            peak = kilobytes.parse::<u64>()? << 10;
        }
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "the build failed ({status})");
            return Ok(peak);
        }
        sleep(Duration::from_millis(1));
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

#[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The figures so far.
struct Rows(Vec<Figure>);

impl Rows {
    fn timed(
        &mut self,
        name: &str,
        reference: &str,
        pair: harness::Pair,
        most: f64,
        note: Option<&str>,
    ) {
        println!("{name}: {:.2} ms", pair.measured.median());
        self.0.push(Figure {
            row: self.0.len(),
            name: name.to_owned(),
            unit: Unit::Milliseconds,
            measured: pair.measured,
            reference: Some((reference.to_owned(), pair.reference)),
            goal: Some(Goal::Ratio(most)),
            note: note.map(str::to_owned),
        });
    }

    fn size(
        &mut self,
        name: &str,
        megabytes: f64,
        reference: Option<(String, Samples)>,
        goal: Option<Goal>,
        note: Option<String>,
    ) {
        self.0.push(Figure {
            row: self.0.len(),
            name: name.to_owned(),
            unit: Unit::Megabytes,
            measured: Samples::one(megabytes),
            reference,
            goal,
            note,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::with_table;

    #[test]
    fn replaces_the_table_between_its_comments() {
        let page = "before\n<!-- bench -->\nold\n<!-- end of bench -->\nafter\n";
        let new = "before\n<!-- bench -->\n\n| new |\n\n<!-- end of bench -->\nafter\n";
        assert_eq!(with_table(page, "bench", "| new |\n").unwrap(), new);
        assert_eq!(with_table(new, "bench", "| new |\n").unwrap(), new);
        assert!(with_table(page, "other", "").is_err());
    }
}
