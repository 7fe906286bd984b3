//! The log of starts and ends, and that the process is not affected by it.

use crate::image::{Image, process};
use crate::programs;
use insta::assert_snapshot;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Starts what follows `--` as watchexec does, once for each line of the file `starts` beside it: the changes
/// of that start, separated by blanks. Goes on when the process has ended, and in the end waits.
const WATCHEXEC: &str = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
export WATCHEXEC_EVENTS_FILE="$0.changes"
while read -r changes; do
    printf '%s\n' $changes > "$0.changes"
    "$@"
    [ ! -e "$0.changes" ] || echo 'the file of changes is still there'
done < "$0.starts"
unset WATCHEXEC_EVENTS_FILE
[ ! -e "$0.again" ] || "$@"
"#;

/// An image whose watchexec starts the process once for each list of changes.
fn image(app: &str, starts: &[&str]) -> Image {
    let image = Image::new(&process("web", "[\"./app\"]"), &format!("#!/bin/sh\n{app}"));
    programs::write(&image.watchexec(), WATCHEXEC);
    let starts = [starts.join("\n").as_str(), "\n"].concat();
    let starts = starts.replace("APP", image.app().to_str().unwrap());
    fs::write(image.watchexec().with_file_name("watchexec.starts"), starts).unwrap();
    image
}

#[test]
fn logs_the_changed_file_of_each_restart() {
    let starts = [
        "",
        "create:APP/app modify:APP/app",
        "remove:APP/views/old.html",
    ];
    let image = image("echo up", &starts);
    fs::write(image.watchexec().with_file_name("watchexec.again"), "").unwrap();
    let output = image.run(&[]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "up\n".repeat(4));
    // The last start has no file of changes, as where watchexec cannot write one.
    assert_snapshot!(image.anywhere(&String::from_utf8(output.stderr).unwrap()), @"
    live-reload: restarting web (the default choice) when files change in /workspace
    live-reload: app changed, restarting web
    live-reload: views/old.html changed, restarting web
    live-reload: starting web
    ");
}

#[test]
fn starts_the_process_once_while_changes_follow() {
    let image = image("echo up > up; echo up", &[]);
    // Stops the first start while it waits. The second one need not wait for an hour.
    let watchexec = r#"#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
export WATCHEXEC_EVENTS_FILE="$0.changes"
printf 'modify:%s\n' "$PWD/app" "$PWD/b" > "$0.changes"
"$@" &
until [ -s "${0%/*}/live-reload" ] || [ -e up ]; do sleep 0.01; done
kill $!
wait $!
printf 'modify:%s\n' "$PWD/c" > "$0.changes"
"$1" "$2" "$3" "$4" 0s ./app
"#;
    programs::write(&image.watchexec(), watchexec);
    for file in ["b", "c"] {
        fs::write(image.app().join(file), "").unwrap();
    }
    let output = image.run(&["--debounce", "1h"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "up\n");
    let log = String::from_utf8(output.stderr).unwrap();
    let log = log.lines().last().unwrap();
    assert_eq!(
        log,
        "live-reload: app and 2 other files changed, restarting web"
    );
}

#[test]
fn keeps_the_environment_of_the_process() {
    let image = image("cat /proc/$$/environ", &["modify:APP/app"]);
    let mut command = image.command(&[]);
    let output = programs::run(command.env("A", "a b"));
    let environment = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<&str> = environment
        .split_terminator('\0')
        .map(|variable| variable.split('=').next().unwrap())
        // A variable of the shell that stands in for watchexec.
        .filter(|name| *name != "PWD")
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["A", "PATH"]);
}

#[test]
fn reports_a_program_that_a_sync_has_removed() {
    let image = image("rm app", &["", "remove:APP/app"]);
    let output = image.run(&[]);
    assert_snapshot!(image.anywhere(&String::from_utf8(output.stderr).unwrap()), @"
    live-reload: restarting web (the default choice) when files change in /workspace
    live-reload: app changed, restarting web
    live-reload: error: The process `web` runs /workspace/./app, which does not exist.
    Check the command. If a sync deleted the file, restore it and start the container again.
    ");
}

#[test]
fn logs_no_end_while_watchexec_starts_the_process_again() {
    let image = image("echo up", &[]);
    // The child stands for a start that has not been announced yet.
    let watchexec = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n\"$@\"\nsleep 1\n";
    programs::write(&image.watchexec(), watchexec);
    let output = image.run(&[]);
    assert_snapshot!(image.anywhere(&String::from_utf8(output.stderr).unwrap()), @"
    live-reload: restarting web (the default choice) when files change in /workspace
    live-reload: starting web
    ");
}

#[test]
fn logs_an_end_that_no_restart_follows() {
    let image = Image::running("exit 3");
    let mut child = programs::start(image.command(&[]).stderr(Stdio::piped()));
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let lines = lines.map(|line| line.unwrap());
    let ended = lines
        .into_iter()
        .find(|line| line.contains("ended"))
        .unwrap();
    assert_eq!(
        ended,
        "live-reload: web has ended; the next change starts it again"
    );
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().cast_signed()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    assert_eq!(programs::end(&mut child), 3);
}
