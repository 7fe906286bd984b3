//! Signals, and how the companion ends.

use crate::image::Image;
use crate::programs;
use nix::sys::signal::Signal;
use std::fs;

/// Waits for signals after it has said that it is up. A shell runs traps between commands, so the
/// commands are short.
const WAIT: &str = "echo up\nwhile :; do sleep 0.01; done\n";

#[test]
fn the_exit_status_is_the_processs_own() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let image = Image::running(&format!("trap 'echo bye; exit 42' TERM\n{WAIT}"));
        let running = image.start(&[]);
        running.signal(signal);
        assert_eq!(running.end(), (42, "bye\n".to_owned()), "{signal}");
    }
}

#[test]
fn a_process_that_the_signal_ends_has_the_status_that_shells_give() {
    let running = Image::running(WAIT).start(&[]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
}

#[test]
fn the_process_is_sent_the_signal_that_was_set() {
    let image = Image::running(&format!(
        "trap 'exit 1' TERM\ntrap 'echo got USR2; exit 5' USR2\n{WAIT}"
    ));
    let running = image.start(&["--signal", "USR2"]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end(), (5, "got USR2\n".to_owned()));
}

#[test]
fn a_process_that_does_not_stop_is_killed() {
    let image = Image::running(&format!("trap '' TERM\n{WAIT}"));
    let running = image.start(&["--stop-timeout", "0s"]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 137);
}

#[test]
fn a_second_signal_does_not_cut_the_stop_short() {
    let image = Image::running(&format!(
        "trap 'echo stopping; while [ ! -e enough ]; do sleep 0.01; done; exit 6' TERM\n{WAIT}"
    ));
    let mut running = image.start(&[]);
    running.signal(Signal::SIGTERM);
    running.wait_for("stopping");
    running.signal(Signal::SIGTERM);
    running.signal(Signal::SIGINT);
    fs::write(image.app().join("enough"), "").unwrap();
    assert_eq!(running.end().0, 6);
}

#[test]
fn what_the_process_has_started_is_told_to_stop_too() {
    let image = Image::running(
        "trap 'wait; exit 0' TERM\n\
         (trap 'echo helper stops; exit' TERM; echo up; while :; do sleep 0.01; done) &\n\
         while :; do sleep 0.01; done\n",
    );
    let running = image.start(&[]);
    running.signal(Signal::SIGTERM);
    // The process is waited for, its helpers are not: here the process waits for them.
    assert_eq!(running.end(), (0, "helper stops\n".to_owned()));
}

#[test]
fn with_nothing_to_stop_the_status_of_the_last_run_counts() {
    let image = Image::running("echo up\nexit 7\n");
    let mut running = image.start(&[]);
    running.wait_for("ended");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 7);
}

#[test]
fn other_signals_go_to_watchexec() {
    let mut running = Image::running(WAIT).start(&[]);
    for (signal, name) in [(Signal::SIGHUP, "HUP"), (Signal::SIGUSR1, "USR1")] {
        running.signal(signal);
        running.wait_for(name);
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
}

#[test]
fn when_watchexec_ends_so_does_the_companion() {
    let image = Image::running(WAIT);
    programs::write(&image.watchexec(), "#!/bin/sh\necho up\nexit 3\n");
    assert_eq!(image.start(&[]).end().0, 3);
}

#[test]
fn orphans_leave_no_zombies() {
    // The inner shell's parent ends at once; the inner one says so and ends as well.
    let image = Image::running(&format!(
        "(sh -c 'echo $$ > orphan' &)\nwhile [ ! -s orphan ]; do sleep 0.01; done\n{WAIT}"
    ));
    let running = image.start(&[]);
    let orphan = fs::read_to_string(image.app().join("orphan")).unwrap();
    let process = std::path::Path::new("/proc").join(orphan.trim());
    // For ever, if it is not reaped.
    while process.exists() {
        std::thread::yield_now();
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
}
