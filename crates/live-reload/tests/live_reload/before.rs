//! Commands before a start: when they run, and what follows if they fail.

use crate::image::{Image, Running, process, write};
use nix::sys::signal::Signal;
use std::fs;
use std::thread;
use std::time::Duration;

/// Says when it starts and when it stops.
const APP: &str = "trap 'echo stopped; exit 0' TERM\necho up\nwhile :; do sleep 0.01; done\n";

/// Longer than the wait after a single changed file, and than a command needs.
const WHILE: Duration = Duration::from_millis(500);

/// Changes a file, and reports it.
fn change(image: &Image, file: &str, text: &str) {
    write(&image.app().join(file), text);
    image.change(file);
}

/// Stops the app. Returns its exit status and what it has written since the last line that was
/// read.
fn end(running: Running) -> (i32, String) {
    running.signal(Signal::SIGTERM);
    running.end()
}

#[test]
fn runs_a_command_for_its_files_before_the_restart() {
    let image = Image::running(APP);
    let mut running = image.start(&["--before", "*.ts:views: cp views/app.ts app.js"]);
    change(&image, "views/app.ts", "new");
    for line in [
        "live-reload: views/app.ts changed",
        "live-reload: running cp views/app.ts app.js",
        "live-reload: restarting web",
    ] {
        assert_eq!(running.logs(line), line);
    }
    running.wait_for("up");
    assert_eq!(fs::read(image.app().join("app.js")).unwrap(), b"new");
    change(&image, "style.css", "new");
    running.logs("style.css changed, restarting web");
    running.wait_for("up");
    assert_eq!(end(running), (0, "stopped\n".to_owned()));
}

#[test]
fn keeps_the_process_while_a_command_fails_and_tries_again_with_any_change() {
    let image = Image::running(APP);
    let mut running = image.start(&["--before", "*.ts: test -e types"]);
    change(&image, "app.ts", "broken");
    running.logs(
        "test -e types ended with status 1; web keeps running, and the next change tries again",
    );
    change(&image, "app.ts", "still broken");
    running.logs(
        "test -e types ended with status 1; web keeps running, and the next change tries again",
    );
    assert!(running.is_silent());
    change(&image, "types", "");
    running.logs("running test -e types");
    running.wait_for("stopped");
    running.wait_for("up");
    assert_eq!(end(running).1, "stopped\n");
}

#[test]
fn runs_a_command_without_patterns_before_every_start() {
    let image = Image::running(APP);
    let command = &mut image.command(&["--before", "echo one", "--before", "echo 'two  words'"]);
    let mut running = Running::of(command);
    let mut lines = |count: usize| (0..count).map(|_| running.line()).collect::<Vec<_>>();
    assert_eq!(lines(3), ["one", "two  words", "up"]);
    change(&image, "app.py", "new");
    assert_eq!(lines(4), ["one", "two  words", "stopped", "up"]);
    assert_eq!(end(running).1, "stopped\n");
}

#[test]
fn treats_a_failure_before_the_first_start_as_an_end() {
    let image = Image::running(APP);
    let rule = "sh -c 'test -e ready || exit 3'";
    let failure = format!("{} ended with status 3", &rule);
    let mut running = Running::of(&mut image.command(&["--before", rule]));
    running.logs(&format!("{failure}; the next change tries again"));
    change(&image, "ready", "");
    running.wait_for("up");
    assert_eq!(end(running).0, 0);

    fs::remove_file(image.app().join("ready")).unwrap();
    let running = Running::of(&mut image.command(&["--before", rule]));
    running.logs(&failure);
    assert_eq!(end(running), (3, String::new()));

    let running = Running::of(&mut image.command(&["--before", rule, "--on-exit", "exit"]));
    running.logs(&format!("{failure}; exiting with its status"));
    assert_eq!(running.end(), (3, String::new()));

    let arguments = ["--before", rule, "--on-exit", "restart"];
    let mut running = Running::of(&mut image.command(&arguments));
    running.logs(&format!("{failure}; trying again in 1 s"));
    fs::write(image.app().join("ready"), "").unwrap();
    running.wait_for("up");
    end(running);
}

#[test]
fn runs_again_for_a_file_that_is_saved_while_the_command_runs() {
    let image = Image::running(APP);
    let command = "cp app.ts built; echo copied; while [ ! -e go ]; do sleep 0.01; done";
    for file in ["command", "app.ts", "go"] {
        write(&image.app().join(file), command);
    }
    let mut running = image.start(&["--before", "sh command", "--ignore", "go"]);
    fs::remove_file(image.app().join("go")).unwrap();
    change(&image, "app.ts", "first");
    running.wait_for("copied");
    change(&image, "app.ts", "second");
    fs::write(image.app().join("go"), "").unwrap();
    running.wait_for("copied");
    running.wait_for("up");
    assert_eq!(fs::read(image.app().join("built")).unwrap(), b"second");
    end(running);
}

#[test]
fn does_not_spin_after_a_command_has_failed_during_a_stop() {
    let image = Image::running(
        "trap 'echo stopping; while [ ! -e enough ]; do sleep 0.01; done; exit 0' TERM\n\
         echo up\nwhile :; do sleep 0.01; done\n",
    );
    let mut running = image.start(&["--before", "*.ts: test ! -e broken", "--ignore", "enough"]);
    change(&image, "app.ts", "new");
    running.wait_for("stopping");
    fs::write(image.app().join("broken"), "").unwrap();
    change(&image, "app.ts", "broken");
    // A scan can find the other file.
    running.logs("changed too");
    fs::write(image.app().join("enough"), "").unwrap();
    loop {
        let line = running.logs("live-reload: ");
        assert!(!line.contains("still running"), "{line}");
        if line.ends_with("ended with status 1; the next change tries again") {
            break;
        }
    }
    let before = processor_time(running.id());
    thread::sleep(4 * WHILE);
    let spent = processor_time(running.id()) - before;
    assert!(spent < 50, "{spent} of 200 ticks");
    fs::remove_file(image.app().join("broken")).unwrap();
    change(&image, "app.ts", "right");
    running.wait_for("up");
    end(running);
}

/// How long a process has computed, in hundredths of a second.
fn processor_time(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields = fields.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}

#[test]
fn does_not_restart_for_what_a_command_writes() {
    let image = Image::running(APP);
    write(&image.app().join("out/old.js"), "");
    let rule = "*.ts: sh -c 'echo new > out/app.js; rm out/old.js; touch gen.css'";
    let mut running = image.start(&["--before", rule]);
    // Everything has been scanned, so that a removed file is a change.
    thread::sleep(WHILE);
    change(&image, "app.ts", "new");
    running.wait_for("stopped");
    running.wait_for("up");
    for (kind, file) in [
        ("create", "out/app.js"),
        ("remove", "out/old.js"),
        ("other", "gen.css"),
    ] {
        image.report(&format!("{kind}:{}", image.app().join(file).display()));
    }
    thread::sleep(3 * WHILE);
    assert!(running.is_silent());
    // A change by somebody else is one.
    change(&image, "out/app.js", "newer");
    running.logs("out/app.js changed, restarting web");
    running.wait_for("up");
    assert_eq!(end(running).1, "stopped\n");
}

#[test]
fn runs_a_command_for_files_that_another_command_wrote() {
    let image = Image::running(APP);
    let mut running = image.start(&[
        "--before",
        "*.proto: touch api.ts",
        "--before",
        "*.ts: touch api.js",
    ]);
    change(&image, "api.proto", "new");
    running.logs("running touch api.ts");
    image.change("api.ts");
    // During the stop, or after the start.
    running.logs("api.ts changed");
    running.logs("running touch api.js");
    running.wait_for("up");
    end(running);
}

#[test]
fn delays_restarts_if_a_command_writes_files_that_it_matches() {
    let image = Image::running(APP);
    let running = image.start(&["--before", "*.ts: sh -c 'date +%N > gen.ts'"]);
    change(&image, "gen.ts", "new");
    let mut runs = 0;
    // The stand-in for watchexec does not see what the command writes.
    let line = loop {
        let line = running.logs("");
        if line.contains("running") {
            runs += 1;
        } else if line.contains("restarting") || line.contains("starting") {
            image.change("gen.ts");
        } else if line.contains("delayed") {
            break line;
        }
    };
    assert!(line.contains("BP_LIVE_RELOAD_IGNORE=gen.ts"), "{line}");
    assert!(runs <= 8, "{runs} runs");
    end(running);
}

#[test]
fn a_stop_ends_a_running_command_with_its_group() {
    let command = "trap 'exit 0' TERM; (trap 'echo end; exit' TERM; echo begin; \
                   while :; do sleep 0.01; done) & wait";
    let image = Image::running(APP);
    write(&image.app().join("command"), command);
    let mut running = image.start(&["--before", "*.ts: sh command"]);
    change(&image, "app.ts", "new");
    running.wait_for("begin");
    let (status, output) = end(running);
    let mut lines: Vec<&str> = output.lines().collect();
    lines.sort_unstable();
    assert_eq!((status, lines), (0, vec!["end", "stopped"]));
}

#[test]
fn runs_commands_in_the_environment_of_the_process_and_in_the_app_directory() {
    let environment = |image: &Image| {
        let variable = image
            .layers()
            .join("example_app/layer/env.launch/web/OF_WEB");
        write(&variable, "yes");
        let profile = image.layers().join("example_app/layer/profile.d/a.sh");
        write(&profile, "export OF_PROFILE=yes");
        fs::create_dir_all(image.app().join("sub")).unwrap();
    };
    let show = "sh -c 'echo $OF_WEB $OF_PROFILE \"$1\" $(pwd)' sh 'a  $b'";
    for (is_direct, expected) in [(true, "yes a  $b"), (false, "yes yes a  $b")] {
        let entry = process("web", "[\"../app\"]").replace("true", &is_direct.to_string());
        let image = Image::new(
            &format!("{entry}working-dir = \"sub\"\n"),
            &format!("#!/bin/sh\n{APP}"),
        );
        environment(&image);
        let mut running = Running::of(&mut image.command(&["--before", show]));
        let app = image.app().canonicalize().unwrap();
        assert_eq!(running.line(), format!("{expected} {}", app.display()));
        running.wait_for("up");
        end(running);
    }
}

#[test]
fn names_a_command_that_cannot_be_started() {
    let image = Image::running(APP);
    let mut running = image.start(&["--before", "*.ts: tsc -p ."]);
    change(&image, "app.ts", "new");
    running.logs("error: The command runs `tsc`, which is not on the PATH.");
    running.logs("tsc -p . did not start; web keeps running, and the next change tries again");
    assert!(running.is_silent());
    end(running);
    running = Running::of(&mut image.command(&["--before", "tsc", "--on-exit", "exit"]));
    running.logs("tsc did not start; exiting with its status");
    assert_eq!(running.end().0, 127);
}
