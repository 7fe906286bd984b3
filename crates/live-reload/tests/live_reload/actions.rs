//! `--on-change` and `--on-exit`: what a change or an end of the process leads to.

use crate::image::{Image, write};
use nix::sys::signal::Signal;

/// Reloads by SIGHUP, and ends with 3 at SIGUSR1.
const APP: &str = "trap 'echo reloaded' HUP\ntrap 'exit 3' USR1\ntrap 'echo stopped; exit 0' TERM\n\
                   echo up\nwhile :; do sleep 0.01; done\n";

#[test]
fn sends_a_signal_at_a_change() {
    let image = Image::running(APP);
    let mut running = image.start(&["--on-change", "HUP", "--before", "*.ts: echo built"]);
    for file in ["app.py", "b.py", "c.ts"] {
        write(&image.app().join(file), "new");
        image.change(file);
        if file == "c.ts" {
            running.logs("live-reload: sending SIGHUP to web");
            assert_eq!(running.line(), "built");
        } else {
            running.logs(&format!("{file} changed, sending SIGHUP to web"));
        }
        assert_eq!(running.line(), "reloaded");
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end(), (0, "stopped\n".to_owned()));
}

#[test]
fn starts_a_process_that_has_ended_instead_of_sending_a_signal() {
    let image = Image::running(APP);
    let mut running = image.start(&["--on-change", "SIGHUP"]);
    running.signal(Signal::SIGUSR1);
    running.logs("web ended with status 3; the next change starts it again");
    image.change("app");
    running.logs("app changed, restarting web");
    running.wait_for("up");
}

#[test]
fn starts_the_process_again_after_pauses_or_at_a_change() {
    let image = Image::running(APP);
    let mut running = image.start(&["--on-exit", "restart"]);
    for pause in [1, 2] {
        running.signal(Signal::SIGUSR1);
        running.logs(&format!(
            "web ended with status 3; starting it again in {pause} s"
        ));
        running.wait_for("up");
    }
    running.signal(Signal::SIGUSR1);
    running.logs("starting it again in 4 s");
    image.change("app");
    running.logs("app changed, restarting web");
    running.wait_for("up");
    // A change may have fixed it.
    running.signal(Signal::SIGUSR1);
    running.logs("starting it again in 1 s");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 3);
}

#[test]
fn ends_with_the_process() {
    let image = Image::running(APP);
    let running = image.start(&["--on-exit", "exit"]);
    running.signal(Signal::SIGUSR1);
    running.logs("web ended with status 3; exiting with its status");
    assert_eq!(running.end(), (3, String::new()));

    let image = Image::running("rm app; echo up; exit 5");
    let running = image.start(&["--on-exit", "exit"]);
    assert_eq!(running.end().0, 5);
}
