//! `live-reload` as PID 1, stopped at any moment.
//!
//! `SEED=…` repeats the moments of an earlier run. `WATCHEXEC=…` names a real watchexec to run
//! instead of the script below.

use crate::image::{Image, process};
use crate::stop::STOPS;
use crate::{programs, watchexec};
use fastrand::Rng;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many times `live-reload` is stopped.
const STOPPED: u64 = 200;

/// How many run at the same time: more than there are processors, so that they get in each other's
/// way.
const AT_ONCE: usize = 8;

/// Time until a process that does not stop is killed. Each app here stops at once, so a status of
/// 137 says that it never got its signal.
const STOP_TIMEOUT: &str = "20s";

/// The command of a process that runs watchexec itself.
const WRAP: &[&str] = &[
    "watchexec",
    "-r",
    "--shell=none",
    "--no-discover-ignore",
    "--stop-timeout=20s",
    "--ignore=log",
    "--ignore=crash",
    "--",
    "./app",
];

/// Logs how it starts and ends. A file `crash` ends it with status 7.
const APP: &str = "#!/bin/sh
trap 'echo stopped >> log; exit 42' TERM
trap 'echo other >> log; exit 43' HUP INT QUIT
echo started >> log
while [ ! -e crash ]; do sleep 0.01; done
echo crashed >> log
exit 7
";

/// The moment at which `live-reload` is stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
enum During {
    Start,
    Restart,
    Crash,
}

/// What is stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// `reload` with a process that handles signals.
    Reload,
    /// The same with a start script without `exec`.
    Script,
    /// `reload` with a process that runs watchexec itself.
    Wrapped,
    /// Such a process without `reload`.
    Init,
}

#[test]
fn ends_with_the_status_of_the_process_stopped_at_any_moment() {
    let Some(unshare) = unshare() else {
        // The test harness captures `eprintln!`, but not this.
        writeln!(
            std::io::stderr(),
            "SKIPPED: this machine allows no PID namespace, so stops of PID 1 are not tested"
        )
        .unwrap();
        return;
    };
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos())
    });
    println!("SEED={seed} stops at the same moments again");
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= STOPPED {
                        break;
                    }
                    stop(unshare, number, Rng::with_seed(seed.wrapping_add(number)));
                }
            });
        }
    });
}

/// Starts `live-reload`, mostly as PID 1, stops it, and checks its status.
fn stop(unshare: &[&str], number: u64, mut random: Rng) {
    let moments = [During::Start, During::Restart, During::Crash];
    let during = random.choice(moments).unwrap();
    let signal = random.choice(STOPS).unwrap();
    let delay = Duration::from_micros(random.u64(..60_000));
    let kinds = [Kind::Reload, Kind::Script, Kind::Wrapped, Kind::Init];
    let kind = random.choice(kinds).unwrap();
    let is_init = kind == Kind::Init || random.u8(..4) > 0;
    let command = match kind {
        Kind::Reload => &["./app"][..],
        Kind::Script => &["sh", "-c", "./app; exit $?"],
        Kind::Wrapped | Kind::Init => WRAP,
    };
    let image = Image::new(&process("web", &format!("{command:?}")), APP);
    if let Some(program) = std::env::var_os("WATCHEXEC") {
        fs::remove_file(image.watchexec()).unwrap();
        programs::link_or_copy(program.as_ref(), &image.watchexec());
    }
    let inner = if kind == Kind::Init {
        let mut watchexec = Command::new(image.init());
        watchexec.args(&WRAP[1..]);
        watchexec
    } else {
        image.command(&[
            "--stop-timeout",
            STOP_TIMEOUT,
            "--ignore=log",
            "--ignore=crash",
        ])
    };
    let path = image.path();
    let mut outer = Command::new(if is_init {
        unshare[0].as_ref()
    } else {
        inner.get_program()
    });
    if is_init {
        outer.args(&unshare[1..]).arg(inner.get_program());
    }
    outer
        .args(inner.get_args())
        .current_dir(image.app())
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = programs::start(&mut outer);
    let program = handles_signals(&child, is_init);
    let log = || fs::read_to_string(image.app().join("log")).unwrap_or_default();
    if during != During::Start {
        until(|| log().contains("started"));
        let file = if during == During::Crash {
            "crash"
        } else {
            "change"
        };
        fs::write(image.app().join(file), "\n").unwrap();
        if during == During::Restart {
            image.change(file);
        }
    }
    thread::sleep(delay);
    kill(program, signal).unwrap();
    let status = programs::end(&mut child);
    let log = log();
    let expected = match (log.lines().last(), during) {
        // The process was not started, or stopped before it could say that it was.
        (None, _) => vec![128 + signal as i32, 143],
        // The signal ends the script first, or the app of a script that has not started it.
        (Some("stopped"), _) if kind == Kind::Script => vec![143],
        (Some("crashed"), _) if kind == Kind::Script => vec![7, 143],
        // The next one was.
        (Some("stopped"), During::Restart) => vec![42, 143],
        (Some("stopped"), _) => vec![42],
        (Some("crashed"), _) => vec![7],
        (Some(_), _) => vec![],
    };
    assert!(
        expected.contains(&status),
        "stop {number}, {signal} {delay:?} into {during:?} of {kind:?}: \
         status {status}, log {log:?}"
    );
}

/// Gives `live-reload`, a child of `unshare` if it is PID 1, once it handles signals: until then
/// the kernel drops those of PID 1, and others end it.
fn handles_signals(child: &Child, is_init: bool) -> Pid {
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let mut program = Some(child.id().cast_signed());
    until(|| {
        if is_init {
            program = fs::read_to_string(&children).unwrap().trim().parse().ok();
        }
        program.is_some_and(|process: i32| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
            // The program registers the handlers in the order of the numbers.
            caught & (1 << (Signal::SIGPWR as i32 - 1)) != 0
        })
    });
    Pid::from_raw(program.unwrap())
}

/// Waits until a condition is true, and fails the test where it never is.
fn until(mut condition: impl FnMut() -> bool) {
    let limit = Instant::now() + programs::LIMIT;
    while !condition() {
        assert!(Instant::now() < limit, "it hangs");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The command that runs another one as PID 1, for root or for any user; `None` where the system
/// allows neither, as in most containers.
fn unshare() -> Option<&'static [&'static str]> {
    const AS_ROOT: &[&str] = &["unshare", "--pid", "--fork", "--mount-proc"];
    const AS_USER: &[&str] = &["unshare", "-Ur", "--pid", "--fork", "--mount-proc"];
    [AS_ROOT, AS_USER].into_iter().find(|unshare| {
        let output = Command::new(unshare[0])
            .args(&unshare[1..])
            .arg("true")
            .output();
        output.is_ok_and(|output| output.status.success())
    })
}

#[test]
fn is_watchexec_itself_unless_it_is_pid_1() {
    let image = Image::new("", "");
    let mut command = Command::new(image.init());
    command.args(["--restart", "--", "./app"]).env_clear();
    command.env("PATH", image.path()).current_dir(image.app());
    let mut child = programs::start(&mut command);
    let program = image.watchexec();
    // It notes its arguments first. No process is between them.
    until(|| watchexec::starts(&program) == [child.id().cast_signed()]);
    assert_eq!(watchexec::arguments(&program), ["--restart", "--", "./app"]);
    let environment = fs::read(format!("/proc/{}/environ", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let environment = String::from_utf8(environment).unwrap();
    assert_eq!(environment, format!("PATH={}\0", image.path()));
}

#[test]
fn reports_a_missing_watchexec_instead_of_calling_itself() {
    let image = Image::new("", "");
    fs::remove_file(image.watchexec()).unwrap();
    let mut command = Command::new(image.init());
    let output = programs::run(command.env("PATH", image.path()));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("This image has no watchexec"), "{errors}");
}
