//! Signals, and how `live-reload` ends.

use crate::image::{Image, process};
use crate::{programs, watchexec};
use nix::sys::signal::Signal;
use std::fs;

/// The signals that tell `live-reload` to stop.
pub(crate) const STOPS: [Signal; 4] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
];

/// Waits for signals after it has said that it is up. A shell runs traps between commands, so the
/// commands are short.
pub(crate) const WAIT: &str = "echo up\nwhile :; do sleep 0.01; done\n";

#[test]
fn ends_with_the_status_of_the_process_on_every_stop_signal() {
    for signal in STOPS {
        let others = "trap 'echo other; exit 1' HUP INT QUIT";
        let image = Image::running(&format!("{others}\ntrap 'echo bye; exit 42' TERM\n{WAIT}"));
        let running = image.start(&[]);
        running.signal(signal);
        assert_eq!(running.end(), (42, "bye\n".to_owned()), "{signal}");
    }
}

#[test]
fn ends_with_128_plus_the_signal_that_ended_the_process() {
    let image = Image::running(WAIT);
    let running = image.start(&[]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
}

#[test]
fn ends_with_128_plus_a_real_time_signal() {
    // The C library uses the first ones itself.
    let image = Image::running(&format!("trap 'kill -40 $$' TERM\n{WAIT}"));
    let running = image.start(&[]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 128 + 40);
}

#[test]
fn keeps_the_status_of_a_process_with_any_name() {
    // The kernel cuts names at 15 bytes, here within a character.
    let name = "приложение-сервер";
    let image = Image::new(
        &process("web", &format!("[\"./{name}\"]")),
        &format!("#!/bin/sh\ntrap 'exit 42' TERM\n{WAIT}"),
    );
    fs::rename(image.app().join("app"), image.app().join(name)).unwrap();
    let running = image.start(&[]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 42);
}

#[test]
fn stops_an_exec_d_program() {
    let image = Image::running(WAIT);
    let helper = image.layers().join("example_app/jdk/exec.d/web/helper");
    programs::write(&helper, "#!/bin/sh\necho up\nsleep 1000 & echo $!\nwait\n");
    let mut running = image.start(&[]);
    let sleep = running.line();
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
    // The kernel takes a moment to end it.
    while has_not_ended(&sleep) {
        std::thread::yield_now();
    }
}

#[test]
fn stops_while_a_child_of_an_exec_d_program_holds_its_output() {
    let image = Image::running(WAIT);
    let helper = image.layers().join("example_app/jdk/exec.d/web/helper");
    programs::write(
        &helper,
        "#!/bin/sh\necho up\nsleep 1000 >/dev/null 2>&1 & echo $!\n",
    );
    let mut running = image.start(&[]);
    let sleep = running.line();
    running.signal(Signal::SIGTERM);
    let (status, _) = running.end();
    programs::run(std::process::Command::new("kill").arg(&sleep));
    assert_eq!(status, 143);
}

/// Whether a process is still there, and not a zombie that the init of this machine has not reaped.
pub(crate) fn has_not_ended(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn sends_the_configured_signal() {
    let image = Image::running(&format!(
        "trap 'exit 1' TERM\ntrap 'echo got USR2; exit 5' USR2\n{WAIT}"
    ));
    let running = image.start(&["--signal", "USR2"]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end(), (5, "got USR2\n".to_owned()));
}

#[test]
fn kills_a_process_that_does_not_stop() {
    let image = Image::running(&format!("trap '' TERM\n{WAIT}"));
    let running = image.start(&["--stop-timeout", "0s"]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 137);
}

#[test]
fn waits_out_the_stop_timeout_on_a_second_signal() {
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
fn ends_with_the_status_of_the_last_run_when_no_process_runs() {
    let image = Image::running("echo up\nexit 7\n");
    let running = image.start(&[]);
    running.logs("web ended with status 7; the next change starts it again");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 7);
}

#[test]
fn ends_with_137_if_the_last_run_was_killed() {
    let image = Image::running("echo up\nkill -9 $$\n");
    let running = image.start(&[]);
    running.logs("web was killed by SIGKILL (out of memory?); the next change starts it again");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 137);
}

#[test]
fn stops_the_process_while_more_changes_may_follow() {
    let image = Image::running(&format!("trap 'echo bye; exit 42' TERM\n{WAIT}"));
    let running = image.start(&["--debounce", "1h"]);
    image.change("app");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end(), (42, "bye\n".to_owned()));
}

#[test]
fn passes_all_other_signals_on_to_the_process() {
    let signals = [
        "USR1", "USR2", "WINCH", "TTIN", "TTOU", "TSTP", "CONT", "URG", "ALRM", "PWR",
    ];
    let traps = signals.map(|name| format!("trap 'echo {name}' {name}\n"));
    let image = Image::running(&format!("{}{WAIT}", traps.concat()));
    let mut running = image.start(&[]);
    for name in signals {
        running.signal(format!("SIG{name}").parse().unwrap());
        running.wait_for(name);
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
}

#[test]
fn a_flood_of_signals_leaves_no_thread_and_no_file_open() {
    let image = Image::running(&format!(
        "trap '' USR1 USR2 ALRM PWR\ntrap 'exit 42' TERM\n{WAIT}"
    ));
    let running = image.start(&[]);
    image.wait_for_watchexec(1);
    // A scan of the files opens some for a moment.
    let least = |of: &str| {
        let count = || {
            fs::read_dir(format!("/proc/{}/{of}", running.id()))
                .unwrap()
                .count()
        };
        (0..1000).map(|_| count()).min()
    };
    let before = ["task", "fd"].map(least);
    for signal in Signal::iterator() {
        let stops = [Signal::SIGKILL, Signal::SIGSTOP].contains(&signal) || STOPS.contains(&signal);
        let faults = "BUS FPE ILL SEGV TRAP SYS ABRT PIPE XCPU XFSZ VTALRM PROF IO STKFLT";
        if !stops && !faults.contains(&signal.as_str()[3..]) {
            (0..2000).for_each(|_| running.signal(signal));
        }
    }
    assert_eq!(["task", "fd"].map(least), before);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 42);
}

#[test]
fn is_not_halted_by_signals_that_the_process_does_not_handle() {
    let image = Image::running(&format!("trap 'exit 42' TERM\n{WAIT}"));
    let running = image.start(&[]);
    for signal in [
        Signal::SIGTTIN,
        Signal::SIGTTOU,
        Signal::SIGTSTP,
        Signal::SIGTERM,
    ] {
        running.signal(signal);
    }
    assert_eq!(running.end().0, 42);
}

#[test]
fn takes_watchexec_with_it_when_it_is_killed() {
    let image = Image::running("echo up\nexec sleep 5\n");
    let running = image.start(&[]);
    image.wait_for_watchexec(1);
    let watchexec = watchexec::starts(&image.watchexec());
    running.signal(Signal::SIGKILL);
    while has_not_ended(&watchexec[0].to_string()) {
        std::thread::yield_now();
    }
}

#[test]
fn reaps_orphans() {
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
