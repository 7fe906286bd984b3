//! Live reload by the process `reload`, for applications whose buildpacks have never heard of it:
//! how it starts, what it leaves as it was, and what a sync and a stop may be like.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use fs_err::File;
use tar::Header;
use tempfile::TempDir;

use super::{Case, show, show_reload};
use crate::builder::{ENVIRONMENT, EXECUTABLE_JAR, PROCFILE, WATCHEXEC};
use crate::container::Container;
use crate::maven;
use crate::pack::{Build, Image, expect_words};
use crate::platform::Platform;

pub(super) const CASES: &[Case] = &[
    ("live_reload::listed_last", listed_last),
    ("live_reload::listed_first", listed_first),
    ("live_reload::java", java),
    ("live_reload::run_user_of_the_group", run_user_of_the_group),
    ("live_reload::environment", environment),
    ("live_reload::development", development),
    ("live_reload::test", test),
    ("live_reload::production", production),
    ("live_reload::many_files_by_copy", many_files_by_copy),
    ("live_reload::many_files_by_tar", many_files_by_tar),
    ("live_reload::crash_at_start", crash_at_start),
    ("live_reload::slow_stop", slow_stop),
    ("live_reload::read_only_root", read_only_root),
    ("live_reload::deleted_and_renamed", deleted_and_renamed),
    ("live_reload::sync_tools_on_tiny", sync_tools_on_tiny),
    ("live_reload::first_start", first_start),
];

/// How a container starts `reload` where it is not the default.
const RELOAD: [&str; 2] = ["--entrypoint", "reload"];
/// The application directory.
const APP: &str = "/workspace";

/// Our buildpack comes last, and its process is the default.
fn listed_last(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let image = listed_last_build(platform, "live_reload::listed_last", &app).image()?;
    expect_reload(&Container::start(&image)?, &app)
}

/// It comes first, so that the application's own process is the default.
fn listed_first(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let image = Build::new(platform, "live_reload::listed_first", &app.directory)
        .buildpacks(&[WATCHEXEC, PROCFILE])
        .live_reload("true")
        .image()?;
    expect_words(&image.log, &["docker run --entrypoint reload"])?;
    expect_reload(&Container::start_with(&image, &RELOAD)?, &app)
}

/// The buildpack for jars looks at the flag alone, and leaves its process `web` as it is in a
/// development build without it.
fn java(platform: &Platform) -> Result<()> {
    let image = Build::new(platform, "live_reload::java", &platform.jar)
        .buildpacks(&[WATCHEXEC, EXECUTABLE_JAR])
        .arguments(&["--exec-env", "development"])
        .image()?;

    let directory = tempfile::tempdir()?;
    let class = maven::compile_answer("v2", directory.path(), &platform.directories)?;
    let container = Container::start_with(&image, &RELOAD)?;
    expect_reload_by(&container, |container| {
        container.copy_in(&class, "/workspace/BOOT-INF/classes/e2e/Answer.class")
    })
}

/// The run image's user is another than the build image's, of the same group, and changes files in
/// sub-directories that the build user has made.
fn run_user_of_the_group(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    app.add_pages(3)?;
    let image = listed_last_build(platform, "live_reload::run_user_of_the_group", &app)
        .arguments(&["--run-image", &platform.images.other_user])
        .image()?;
    let container = Container::start(&image)?;
    let pages = format!("{APP}/pages");
    let user = container.execute(&["id", "-u"])?;
    let owner = container.execute(&["stat", "-c", "%u", &pages])?;
    ensure!(
        (user.as_str(), owner.as_str()) == ("1002", "1000"),
        "user {user} and files of {owner} show nothing"
    );
    for change in [
        "echo created >pages/created",
        "mkdir pages/more && echo created >pages/more/created",
        "echo overwritten >pages/0",
        // As rsync and editors do.
        "echo replaced >pages/next && mv pages/next pages/1",
        "rm pages/2",
        "rm -r pages",
    ] {
        let script = format!("cd {APP} && {change}");
        let sync = |container: &Container<'_>| container.execute(&["sh", "-c", &script]).map(drop);
        let duration = container
            .restart(sync)
            .with_context(|| format!("after {change:?}"))?;
        show_reload(duration);
    }
    Ok(())
}

/// What is applied to the environment is applied once: by the launcher to all processes and by
/// `reload` to the one that it restarts, also when it restarts it.
fn environment(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let image = Build::new(platform, "live_reload::environment", &app.directory)
        .buildpacks(&[PROCFILE, ENVIRONMENT, WATCHEXEC])
        .live_reload("true")
        .image()?;
    // Set by the user as well, so that what a buildpack appends is appended to something.
    let options = |entrypoint| {
        let variables = ["APPENDED=user", "PREPENDED=user", "BY_EXEC_D=user"];
        let variables = variables.into_iter().flat_map(|one| ["--env", one]);
        ["--entrypoint", entrypoint]
            .into_iter()
            .chain(variables)
            .collect::<Vec<_>>()
    };

    let plain = {
        let container = Container::start_with(&image, &options("web"))?;
        variables(&container, "v1")?
    };
    for (name, value) in [
        ("APPENDED", "user all web"),
        ("PREPENDED", "all:user"),
        ("DEFAULT", "all"),
        ("WEB", "web"),
        ("BY_EXEC_D", "user all web"),
    ] {
        let found = plain.get(name);
        ensure!(
            found.is_some_and(|found| found == value),
            "the process web has {name}={found:?}, and shows nothing"
        );
    }

    let container = Container::start_with(&image, &options("reload"))?;
    let first = variables(&container, "v1")?;
    ensure!(
        first == plain,
        "under reload: {first:#?}\nwithout: {plain:#?}"
    );
    expect_reload(&container, &app)?;
    let second = variables(&container, "v2")?;
    ensure!(
        second == plain,
        "restarted: {second:#?}\nwithout reload: {plain:#?}"
    );
    Ok(())
}

/// The environment of the application's process, without what differs from container to container.
fn variables(container: &Container<'_>, version: &str) -> Result<BTreeMap<String, String>> {
    let answer = container.wait_for(version)?;
    let script = format!("tr '\\0' '\\n' </proc/{}/environ", answer.process);
    let printed = container.execute(&["sh", "-c", &script])?;
    let variables = printed.lines().filter_map(|line| line.split_once('='));
    Ok(variables
        .filter(|(name, _)| *name != "PORT")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// On by itself, and by the flag.
fn development(platform: &Platform) -> Result<()> {
    for flag in [None, Some("true")] {
        let app = App::new(platform)?;
        let image = execution_environment(platform, "development", flag, &app)?;
        expect_reload(&Container::start_with(&image, &RELOAD)?, &app)?;
    }
    Ok(())
}

/// Off, unless the flag is set.
fn test(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    execution_environment(platform, "test", None, &app)?.expect_no_watchexec()?;
    let image = execution_environment(platform, "test", Some("true"), &app)?;
    expect_reload(&Container::start_with(&image, &RELOAD)?, &app)
}

/// Off, unless the flag is set: then it works, and the log says what the image is for.
fn production(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    execution_environment(platform, "production", None, &app)?.expect_no_watchexec()?;
    let image = execution_environment(platform, "production", Some("true"), &app)?;
    expect_words(&image.log, &["For development only"])?;
    expect_reload(&Container::start_with(&image, &RELOAD)?, &app)
}

/// Builds in the builder's own order, where our buildpack is optional.
fn execution_environment<'a>(
    platform: &'a Platform,
    name: &str,
    flag: Option<&str>,
    app: &App,
) -> Result<Image<'a>> {
    let case = format!("live_reload::{name}-{}", flag.unwrap_or("unset"));
    let build = Build::new(platform, &case, &app.directory).arguments(&["--exec-env", name]);
    match flag {
        Some(flag) => build.live_reload(flag),
        None => build,
    }
    .image()
}

/// A directory of files is copied, and the process is restarted once.
fn many_files_by_copy(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let image = listed_last_build(platform, "live_reload::many_files_by_copy", &app).image()?;
    let container = Container::start(&image)?;
    container.wait_for("v1")?;
    app.change_all(50)?;
    let directory = app.directory.join(".");
    show_reload(container.reload(|container| container.copy_in(&directory, APP))?);
    expect_starts(&container, 2)
}

/// The same by `tar` in the container, which writes one file after the other.
fn many_files_by_tar(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let image = listed_last_build(platform, "live_reload::many_files_by_tar", &app).image()?;
    let container = Container::start(&image)?;
    container.wait_for("v1")?;
    app.change_all(50)?;
    let archive = app.archive()?;
    let extract = ["tar", "-C", "/", "-x", "-f", "-"];
    show_reload(container.reload(|container| container.execute_with(&archive, &extract))?);
    expect_starts(&container, 2)
}

/// That the application has started this often, and does not once more.
fn expect_starts(container: &Container<'_>, expected: usize) -> Result<()> {
    // Much more than the quiet time before a restart.
    sleep(Duration::from_secs(1));
    let log = container.log()?;
    let starts = log.lines().filter(|line| line.starts_with("started "));
    let starts = starts.count();
    ensure!(
        starts == expected,
        "the application has started {starts} times, not {expected}:\n{log}"
    );
    Ok(())
}

/// The application fails before it answers; the container waits for the sync that mends it.
fn crash_at_start(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let file = app.directory.join("app.py");
    let sound = fs::read_to_string(&file)?;
    fs::write(&file, format!("raise SystemExit('crashed')\n{sound}"))?;
    let image = listed_last_build(platform, "live_reload::crash_at_start", &app).image()?;
    let container = Container::start(&image)?;
    let started = Instant::now();
    while !container.log()?.contains("crashed") {
        ensure!(
            started.elapsed() < Duration::from_mins(1),
            "it does not crash:\n{}",
            container.log()?
        );
        sleep(Duration::from_millis(100));
    }
    let identity = container.identity()?;
    fs::write(&file, sound)?;
    container.copy_in(&file, "/workspace/app.py")?;
    let synced = Instant::now();
    container.wait_for("v1")?;
    show_reload(synced.elapsed());
    container.expect_same(&identity)
}

/// An application that needs four seconds to stop gets them, before and after a reload, and the
/// container ends as the application does.
fn slow_stop(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let image = listed_last_build(platform, "live_reload::slow_stop", &app)
        .env("BP_LIVE_RELOAD_PROCESS", "slow")
        .image()?;
    for reloaded in [false, true] {
        let container = Container::start(&image)?;
        container.wait_for("v1")?;
        let goodbyes = if reloaded {
            expect_reload(&container, &app)?;
            2
        } else {
            1
        };
        let asked = Instant::now();
        let status = container.stop(Duration::from_secs(20))?;
        let seconds = asked.elapsed().as_secs_f64();
        show(format!("stopped after {seconds:.2} s"));
        let log = container.log()?;
        ensure!(status == 7, "the exit status is {status}:\n{log}");
        ensure!(
            log.matches("goodbye").count() == goodbyes,
            "not {goodbyes} goodbyes:\n{log}"
        );
        ensure!(
            (4.0..12.0).contains(&seconds),
            "the stop took {seconds} s:\n{log}"
        );
    }
    Ok(())
}

/// Nothing but the application directory can be written.
fn read_only_root(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    let image = listed_last_build(platform, "live_reload::read_only_root", &app).image()?;
    // The engine fills a new volume with what the image has in its place.
    let volume = format!("{}-workspace:{APP}", image.name);
    let container = Container::start_with(&image, &["--read-only", "--volume", &volume])?;
    container.wait_for("v1")?;
    ensure!(
        container.execute(&["touch", "/tmp/file"]).is_err(),
        "the root is not read-only, and shows nothing"
    );
    expect_reload(&container, &app)
}

/// A sync is not always of a new or changed file.
fn deleted_and_renamed(platform: &Platform) -> Result<()> {
    let app = App::new(platform)?;
    app.add_pages(2)?;
    let image = listed_last_build(platform, "live_reload::deleted_and_renamed", &app).image()?;
    let container = Container::start(&image)?;
    for change in [
        &["rm", "/workspace/pages/0"][..],
        &["mv", "/workspace/pages/1", "/workspace/pages/renamed"],
    ] {
        let sync = |container: &Container<'_>| container.execute(change).map(drop);
        let duration = container
            .restart(sync)
            .with_context(|| format!("after {change:?}"))?;
        show_reload(duration);
    }
    Ok(())
}

/// An image without any program, into which Tilt and Skaffold sync by `tar` and `rm`.
fn sync_tools_on_tiny(platform: &Platform) -> Result<()> {
    let image = Build::new(
        platform,
        "live_reload::sync_tools_on_tiny",
        &platform.static_app,
    )
    .arguments(&["--exec-env", "development"])
    .arguments(&["--run-image", &platform.images.tiny])
    .env("BP_LIVE_RELOAD_SYNC_TOOLS", "true")
    .image()?;
    let container = Container::start_with(&image, &RELOAD)?;
    container.wait_for("v1")?;
    let directory = tempfile::tempdir()?;

    let skaffold = ["tar", "xmf", "-", "-C", "/", "--no-same-owner"];
    let files = [("workspace/notes/one", "1"), ("workspace/notes/two", "2")];
    let notes = archive(&directory.path().join("notes.tar"), &files)?;
    show_reload(container.restart(|container| container.execute_with(&notes, &skaffold))?);
    for words in [
        &["rm", "-rf", "/workspace/notes/one"][..],
        &["rm", "-rf", "--", "/workspace/notes"],
    ] {
        let sync = |container: &Container<'_>| container.execute(words).map(drop);
        show_reload(container.restart(sync)?);
    }

    let tilt = ["tar", "-C", "/", "-x", "-f", "-"];
    let files = [("workspace/version.txt", "v2\n")];
    let version = archive(&directory.path().join("version.tar"), &files)?;
    show_reload(container.reload(|container| container.execute_with(&version, &tilt))?);
    Ok(())
}

/// Writes an archive of files, without entries for their directories, as some tools do.
fn archive(path: &Path, files: &[(&str, &str)]) -> Result<PathBuf> {
    let mut archive = tar::Builder::new(File::create(path)?);
    for (name, text) in files {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, name, text.as_bytes())?;
    }
    archive.finish()?;
    Ok(path.to_owned())
}

/// The first start does not depend on how many directories the application has. The engine's own
/// share does a little, so the application without `reload` is shown as well.
fn first_start(platform: &Platform) -> Result<()> {
    for directories in [5, 5_000] {
        let app = App::new(platform)?;
        for index in 0..directories {
            let directory = app.directory.join(format!("packages/{index}"));
            fs::create_dir_all(&directory)?;
            fs::write(directory.join("file"), "")?;
        }
        let case = format!("live_reload::first_start_{directories}");
        let image = listed_last_build(platform, &case, &app).image()?;
        for process in ["web", "reload"] {
            let mut times = Vec::new();
            for _ in 0..5 {
                let asked = Instant::now();
                let container = Container::start_with(&image, &["--entrypoint", process])?;
                container.wait_for("v1")?;
                times.push(asked.elapsed().as_millis());
            }
            let fastest = times.iter().min().context("no start")?;
            show(format!(
                "{process} with {directories} directories: up in {fastest} ms"
            ));
        }
    }
    Ok(())
}

/// A build in which the application's buildpack knows nothing of live reload, and ours is last.
fn listed_last_build<'a>(platform: &'a Platform, name: &str, app: &App) -> Build<'a> {
    Build::new(platform, name, &app.directory)
        .buildpacks(&[PROCFILE, WATCHEXEC])
        .live_reload("true")
}

/// That a changed file leads to a new process, and how soon.
fn expect_reload(container: &Container<'_>, app: &App) -> Result<()> {
    let file = app.changed()?;
    expect_reload_by(container, |container| {
        container.copy_in(&file, "/workspace/app.py")
    })
}

/// That a sync leads to a new process, how soon it answers, and how soon it was started: what comes
/// after that is the application's own.
fn expect_reload_by(
    container: &Container<'_>,
    sync: impl FnOnce(&Container<'_>) -> Result<()>,
) -> Result<()> {
    let mut synced = Duration::ZERO;
    show_reload(container.reload(|container| {
        sync(container)?;
        synced = since_boot(&fs::read_to_string("/proc/uptime")?, 0, 1.0)?;
        Ok(())
    })?);
    let answer = container.wait_for("v2")?;
    let stat = container.execute(&["cat", &format!("/proc/{}/stat", answer.process)])?;
    // The time of the start is the twentieth field after the name (proc_pid_stat(5)), in
    // hundredths of a second (sysconf(3), `_SC_CLK_TCK`).
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/*/stat")?;
    let started = since_boot(fields, 19, 100.0)?;
    // It can be negative: the end of a sync comes after its last change.
    let milliseconds = (started.as_secs_f64() - synced.as_secs_f64()) * 1000.0;
    show(format!(
        "its process was started after {milliseconds:.0} ms"
    ));
    Ok(())
}

/// Reads a time since the system's start from a field of a text of the kernel's.
fn since_boot(text: &str, field: usize, per_second: f64) -> Result<Duration> {
    let value = text
        .split_whitespace()
        .nth(field)
        .context("no such field")?;
    Ok(Duration::from_secs_f64(value.parse::<f64>()? / per_second))
}

/// A copy of the Python application that a case may change, without the file by which a buildpack
/// that knows of live reload would take it.
pub(super) struct App {
    temporary: TempDir,
    pub(super) directory: PathBuf,
}

impl App {
    pub(super) fn new(platform: &Platform) -> Result<Self> {
        let source = platform.directories.source("apps/python");
        let temporary = tempfile::tempdir()?;
        let directory = temporary.path().join("app");
        fs::create_dir(&directory)?;
        for file in ["Procfile", "app.py", "slow.py"] {
            fs::copy(source.join(file), directory.join(file))?;
        }
        Ok(Self {
            temporary,
            directory,
        })
    }

    /// Adds files in a sub-directory.
    fn add_pages(&self, count: usize) -> Result<()> {
        let pages = self.directory.join("pages");
        fs::create_dir_all(&pages)?;
        for index in 0..count {
            fs::write(pages.join(index.to_string()), format!("page {index}\n"))?;
        }
        Ok(())
    }

    /// The application as it answers another version, in a file beside it.
    fn changed(&self) -> Result<PathBuf> {
        let original = fs::read_to_string(self.directory.join("app.py"))?;
        let changed = original.replace("\"v1\"", "\"v2\"");
        ensure!(changed != original, "app.py answers no \"v1\"");
        let file = self.temporary.path().join("app.py");
        fs::write(&file, changed)?;
        Ok(file)
    }

    /// Changes the application itself, and adds files to it.
    fn change_all(&self, pages: usize) -> Result<()> {
        fs::copy(self.changed()?, self.directory.join("app.py"))?;
        self.add_pages(pages)
    }

    /// Its files as the tools that sync pack them: with the paths that they have in the image.
    fn archive(&self) -> Result<PathBuf> {
        let file = self.temporary.path().join("app.tar");
        let mut archive = tar::Builder::new(File::create(&file)?);
        archive.append_dir_all(APP.trim_start_matches('/'), &self.directory)?;
        archive.finish()?;
        Ok(file)
    }
}
