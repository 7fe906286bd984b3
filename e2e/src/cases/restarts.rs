//! When the process restarts and when it does not, with the real watchexec. The program's own tests have
//! each of these with a stand-in that reports what it is told.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::build::{Build, Image};
use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, unaware_app};
use crate::cases::live_reload::expect_starts;
use crate::command::wait_for;
use crate::container::Container;

cases![
    script_without_exec,
    outlived,
    right_after_the_start,
    slow_syncs,
    nothing_changed,
    links,
    killed_watchexec,
    many_names,
    polling,
    signals,
    killed_process,
];

/// A server that a script starts without `exec`. It drains for 2 s after SIGTERM, and holds its port.
const SCRIPT: &str = "#!/bin/sh\necho migrating\npython3 server.py\n";
const SERVER: &str = "import signal, sys, threading, time\n\
    def stop(*_):\n    time.sleep(2)\n    print('drained', flush=True)\n    import os; os._exit(0)\n\
    signal.signal(signal.SIGTERM, stop)\nimport app\n";

/// A start script that does not pass signals on: the next server starts when the last one has drained.
fn script_without_exec(case: &Case<'_>) -> Result<()> {
    let image = image(
        case,
        "web: ./start.sh\n",
        &[("start.sh", SCRIPT), ("server.py", SERVER)],
    )?;
    let container = Container::start(&image)?;
    container.reload_python()?;
    let (status, seconds) = container.stop()?;
    let log = container.log()?;
    case.show(format!("stopped after {seconds:.2} s"));
    // bash gives the status of the script, which the signal has ended.
    ensure!(
        status == 143 && log.matches("drained").count() == 2 && log.contains("(python3)"),
        "status {status}:\n{log}"
    );
    Ok(())
}

/// A helper in a session of its own outlives the restart, and the log names it.
fn outlived(case: &Case<'_>) -> Result<()> {
    let start = "#!/bin/sh\nsetsid sleep 600 &\nexec python3 app.py\n";
    let image = image(case, "web: exec ./start.sh\n", &[("start.sh", start)])?;
    let container = Container::start(&image)?;
    container.reload_python()?;
    wait_for_log(
        &container,
        "still running, since they are not in the process group of web: ",
    )?;
    let log = container.log()?;
    ensure!(log.contains(" (sleep)"), "{log}");
    Ok(())
}

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
    let image = build(case, app.path()).image()?;
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
    let image = image(case, "web: exec python3 app.py\n", &[])?;
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
    let image = image(case, "web: exec python3 app.py\n", &[("script", "")])?;
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
    let build = build(case, app.path()).env("BP_LIVE_RELOAD_WATCH", "config/app.yaml");
    let image = build.image()?;
    let container = settled(&image)?;
    for (version, starts) in [(2, 2), (3, 3)] {
        run(
            &container,
            &format!("cd config; ln -s {version} new; mv -T new data"),
        )?;
        expect_starts(&container, starts)?;
    }
    Ok(())
}

/// watchexec is killed, as by the kernel when memory runs out, and a file changes before it is back.
fn killed_watchexec(case: &Case<'_>) -> Result<()> {
    let image = image(case, "web: exec python3 app.py\n", &[])?;
    let container = settled(&image)?;
    run(
        &container,
        &format!("{}; echo > changed", kill("watchexec")),
    )?;
    wait_for_log(
        &container,
        "watchexec was killed by SIGKILL (out of memory?); starting it again in 1 s",
    )?;
    wait_for_log(&container, "changed changed, restarting web")?;
    container.reload_python()
}

/// An app that makes and removes files with ever new names: a save is noticed all the same.
fn many_names(case: &Case<'_>) -> Result<()> {
    let image = image(case, "web: exec python3 app.py\n", &[])?;
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
    let image = build(case, app.path())
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

/// Signals that servers take for commands reach the process.
fn signals(case: &Case<'_>) -> Result<()> {
    let app = "import signal, time\n\
        for name in ['TTIN', 'TTOU', 'WINCH', 'USR1', 'USR2']:\n    \
        signal.signal(getattr(signal, 'SIG' + name), lambda *_, name=name: print('got', name, flush=True))\n\
        print('started v1', flush=True)\nwhile True: time.sleep(1)\n";
    let image = image(
        case,
        "web: exec python3 signals.py\n",
        &[("signals.py", app)],
    )?;
    let all = ["TTIN", "TTOU", "WINCH", "USR1", "USR2"];
    // The engine's own init keeps the first two to itself.
    for (options, names) in [(&[][..], &all[..]), (&["--init"], &all[2..])] {
        let container = Container::start_with(&image, options)?;
        wait_for_log(&container, "started v1")?;
        for name in names {
            let kill = ["kill", "--signal", name, container.name()];
            case.platform.engine.run(kill)?;
            wait_for_log(&container, &format!("got {name}"))?;
        }
    }
    Ok(())
}

/// A process that was killed is logged with its signal, and the container ends with its status.
fn killed_process(case: &Case<'_>) -> Result<()> {
    let image = image(case, "web: exec python3 app.py\n", &[])?;
    let container = settled(&image)?;
    run(&container, &kill("python3"))?;
    wait_for_log(
        &container,
        "web was killed by SIGKILL (out of memory?); the next change starts it again",
    )?;
    let (status, _) = container.stop()?;
    ensure!(status == 137, "status {status}");
    Ok(())
}

/// An image of the Python app with this Procfile and these files, which are executable.
fn image<'a>(case: &'a Case<'_>, procfile: &str, files: &[(&str, &str)]) -> Result<Image<'a>> {
    image_with(case, procfile, files, &[])
}

/// The same with settings for the build.
pub(super) fn image_with<'a>(
    case: &'a Case<'_>,
    procfile: &str,
    files: &[(&str, &str)],
    settings: &[(&str, &str)],
) -> Result<Image<'a>> {
    let app = unaware_app("v1")?;
    fs::write(app.path().join("Procfile"), procfile)?;
    for (name, content) in files {
        let file = app.path().join(name);
        fs::write(&file, content)?;
        fs::set_permissions(file, Permissions::from_mode(0o755))?;
    }
    let build = build(case, app.path());
    let set = |build: Build<'a>, (name, value): &(&str, &str)| build.env(name, value);
    settings.iter().fold(build, set).image()
}

/// A build of an app that knows nothing of live reload.
fn build<'a>(case: &'a Case<'_>, app: &Path) -> Build<'a> {
    let build = case.build(app).buildpacks(&[PROCFILE, WATCHEXEC]);
    build.live_reload("true")
}

/// A container whose app has started more than a second ago: no change belongs to the sync before the start.
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

/// A script that kills the processes of this name.
fn kill(name: &str) -> String {
    format!(
        "for p in /proc/[0-9]*; do [ \"$(cat $p/comm 2>/dev/null)\" != {name} ] || kill -9 ${{p#/proc/}}; done"
    )
}

/// Waits until the log has a text.
pub(super) fn wait_for_log(container: &Container<'_>, text: &str) -> Result<()> {
    let found = wait_for(Duration::from_secs(30), || {
        Ok(container.log()?.contains(text).then_some(()))
    });
    found.with_context(|| {
        format!(
            "no {text:?} in the log:\n{}",
            container.log().unwrap_or_default()
        )
    })
}
