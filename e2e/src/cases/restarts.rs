//! When the process restarts and when it does not, with the real watchexec. The program's own tests
//! have each of these with a stand-in that reports what it is told.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::build::{Build, Image};
use crate::case::{Case, cases, unaware_app};
use crate::command::retry;
use crate::container::{Container, TILT};

cases![
    right_after_the_start,
    slow_syncs,
    nothing_changed,
    links,
    many_names,
    polling,
    many_files_by_copy,
    many_files_by_tar,
];

/// The process of the Python app.
const PYTHON: &str = "web: exec python3 app.py\n";

/// A change that comes before watchexec watches all of the directories.
fn right_after_the_start(case: &Case<'_>) -> Result<()> {
    let app = unaware_app("v1")?;
    for number in 0..5000 {
        let directory = app
            .path()
            .join(format!("pages/{}/{}", number / 100, number % 100));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("page"), "1")?;
    }
    let image = case.build_unaware(&app).image()?;
    for (time, page) in [(0, "49/99"), (100, "25/50"), (300, "0/0")] {
        let container = Container::start(&image)?;
        wait_for_log(&container, "started v1")?;
        sleep(Duration::from_millis(time));
        run(&container, &format!("echo 2 > pages/{page}/page"))?;
        let restarted = wait_for_log(
            &container,
            &format!("pages/{page}/page changed, restarting web"),
        );
        restarted.with_context(|| format!("{time} ms after the start"))?;
    }
    Ok(())
}

/// Syncs with pauses lead to one start each.
fn slow_syncs(case: &Case<'_>) -> Result<()> {
    let image = image(case, PYTHON, &[], &[])?;
    let container = settled(&image)?;
    for (sync, starts) in [
        (
            "for i in $(seq 500); do echo > page$i; sleep 0.005; done",
            2,
        ),
        (
            "rm page*; sleep 0.8; for i in $(seq 100); do echo > page$i; done",
            3,
        ),
        (
            "for i in $(seq 100); do head -c 2000000 /dev/zero; sleep 0.01; done > large",
            4,
        ),
        (
            "for i in 1 2 3 4; do echo $i; sleep 0.015; done > pieces",
            5,
        ),
    ] {
        run(&container, sync)?;
        expect_starts(&container, starts).with_context(|| sync.to_owned())?;
    }
    Ok(())
}

/// Events after which the files are what they were.
fn nothing_changed(case: &Case<'_>) -> Result<()> {
    let image = image(case, PYTHON, &[("script", "")], &[])?;
    let container = settled(&image)?;
    for event in [
        "chmod +x script",
        "chown $(id -u):$(id -g) app.py",
        "> lock; rm lock",
    ] {
        run(&container, event)?;
        expect_starts(&container, 1).with_context(|| event.to_owned())?;
    }
    run(&container, "touch script")?;
    expect_starts(&container, 2)?;
    // The same content, right after the start.
    run(&container, "echo text > script")?;
    wait_for_log(&container, "script changed, restarting web")?;
    run(&container, "sleep 0.1; echo text > script")?;
    expect_starts(&container, 3)
}

/// A file behind links, as in a pod: each swap of the inner link restarts the process.
fn links(case: &Case<'_>) -> Result<()> {
    let app = unaware_app("v1")?;
    let config = app.path().join("config");
    for version in ["1", "2", "3"] {
        fs::create_dir_all(config.join(version))?;
        fs::write(config.join(version).join("app.yaml"), version)?;
    }
    symlink("1", config.join("data"))?;
    symlink("data/app.yaml", config.join("app.yaml"))?;
    let build = case.build_unaware(&app);
    let image = build
        .env("BP_LIVE_RELOAD_WATCH", "config/app.yaml")
        .image()?;
    let container = settled(&image)?;
    for (version, starts) in [(2, 2), (3, 3)] {
        run(
            &container,
            &format!("cd config; ln -s {version} new; mv -T new data"),
        )?;
        wait_for_log_of(&container, "started v", starts)?;
        // Only the file behind the links is watched, so no other can end the count.
        sleep(Duration::from_secs(2));
        let log = container.log()?;
        ensure!(log.matches("started v").count() == starts, "{log}");
    }
    Ok(())
}

/// An app that makes and removes files with ever new names: a save is noticed all the same.
fn many_names(case: &Case<'_>) -> Result<()> {
    let image = image(case, PYTHON, &[], &[])?;
    let container = settled(&image)?;
    run(
        &container,
        "for i in $(seq 6000); do > name$i; rm name$i; done",
    )?;
    expect_starts(&container, 1)?;
    container.reload_python()
}

/// Polling notices each save, also one within a second of the last, and files with an older time.
fn polling(case: &Case<'_>) -> Result<()> {
    let app = unaware_app("v1")?;
    let image = case
        .build_unaware(&app)
        .env("BP_LIVE_RELOAD_POLL", "200ms")
        .image()?;
    let container = settled(&image)?;
    for (save, starts) in [
        ("echo 1 > file", 2),
        ("echo 2 > file", 3),
        (
            "echo older > /tmp/file; touch -d 2001-01-01 /tmp/file; cp -p /tmp/file file",
            4,
        ),
    ] {
        run(&container, save)?;
        expect_starts(&container, starts).with_context(|| save.to_owned())?;
    }
    Ok(())
}

/// Copying a directory of files restarts the process once.
fn many_files_by_copy(case: &Case<'_>) -> Result<()> {
    let image = image(case, PYTHON, &[], &[])?;
    let changed = unaware_app("v2")?;
    let pages = changed.path().join("pages");
    fs::create_dir(&pages)?;
    for page in 0..50 {
        fs::write(pages.join(page.to_string()), "page\n")?;
    }
    let container = Container::start(&image)?;
    container.reload_by_copy("v2", &changed.path().join("."), "/workspace")?;
    expect_starts(&container, 2)
}

/// `tar` in the container writes one file after the other, for most of a second, and the process
/// still restarts once.
fn many_files_by_tar(case: &Case<'_>) -> Result<()> {
    let image = image(case, PYTHON, &[], &[])?;
    let changed = fs::read(unaware_app("v2")?.path().join("app.py"))?;
    let pages: Vec<_> = (0..6000)
        .map(|page| format!("workspace/pages/{page}"))
        .collect();
    let mut files = vec![("workspace/app.py", changed.as_slice())];
    files.extend(pages.iter().map(|page| (page.as_str(), &b"page\n"[..])));
    let container = Container::start(&image)?;
    container.reload("v2", || container.extract(&TILT, &files))?;
    expect_starts(&container, 2)
}

/// Checks that the app has started `expected` times, and that no restart is pending: the file that
/// this saves would trigger a pending one too.
pub(super) fn expect_starts(container: &Container<'_>, expected: usize) -> Result<()> {
    let saved = container.log()?.matches("live-reload: saved-").count();
    // Saved sooner, the file would belong to the sync before it.
    wait_for_log_of(container, "started v", expected + saved)?;
    // Saved at once, that file would hide a start that no file causes.
    sleep(Duration::from_millis(1500));
    run(container, &format!("echo > saved-{saved}"))?;
    wait_for_log(
        container,
        &format!("live-reload: saved-{saved} changed, restarting web"),
    )?;
    wait_for_log_of(container, "started v", expected + saved + 1)?;
    // No change belongs to the sync before the start.
    sleep(Duration::from_millis(1500));
    let log = container.log()?;
    let starts = log.matches("started v").count();
    ensure!(
        starts == expected + saved + 1,
        "the app has started {starts} times, not {expected} times plus {} for saved-…:\n{log}",
        saved + 1
    );
    Ok(())
}

/// An image of the Python app with this Procfile, these files, which are executable, and these
/// settings.
pub(super) fn image<'a>(
    case: &'a Case<'_>,
    procfile: &str,
    files: &[(&str, &str)],
    settings: &[(&str, &str)],
) -> Result<Image<'a>> {
    let app = unaware_app("v1")?;
    fs::write(app.path().join("Procfile"), procfile)?;
    for (name, content) in files {
        let file = app.path().join(name);
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        fs::write(&file, content)?;
        fs::set_permissions(file, Permissions::from_mode(0o755))?;
    }
    let build = case.build_unaware(&app);
    let set = |build: Build<'a>, (name, value): &(&str, &str)| build.env(name, value);
    settings.iter().fold(build, set).image()
}

/// A container whose app has started more than a second ago: no change belongs to the sync before
/// the start.
fn settled<'a>(image: &Image<'a>) -> Result<Container<'a>> {
    let container = Container::start(image)?;
    wait_for_log(&container, "started v1")?;
    sleep(Duration::from_millis(1500));
    Ok(container)
}

/// Runs a script in the app directory.
pub(super) fn run(container: &Container<'_>, script: &str) -> Result<()> {
    let script = format!("cd /workspace && {script}");
    container.execute(&["sh", "-c", &script]).map(drop)
}

/// Waits until the log contains a text.
pub(super) fn wait_for_log(container: &Container<'_>, text: &str) -> Result<()> {
    wait_for_log_of(container, text, 1)
}

/// Waits until the log contains a text so many times.
fn wait_for_log_of(container: &Container<'_>, text: &str, times: usize) -> Result<()> {
    retry(Duration::from_secs(30), || {
        let log = container.log()?;
        ensure!(
            log.matches(text).count() >= times,
            "{text:?} is not {times} times in the log:\n{log}"
        );
        Ok(())
    })
}
