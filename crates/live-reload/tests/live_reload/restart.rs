//! Restarts: when they come, what they wait for, and what the log says.

use crate::image::{Image, Running};
use crate::stop::{WAIT, has_not_ended};
use crate::{programs, watchexec};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Says when it starts and when it stops.
const APP: &str = "trap 'echo stopped; exit 0' TERM\necho up\nwhile :; do sleep 0.01; done\n";

/// After this time no change belongs to the sync before the start.
const SECOND: Duration = Duration::from_millis(1100);

/// Longer than one file of a save is waited for, and than the process needs to start.
const WHILE: Duration = Duration::from_millis(500);

/// A running app whose files have all been scanned.
fn start(image: &Image, arguments: &[&str]) -> Running {
    let running = image.start(arguments);
    thread::sleep(SECOND);
    running
}

/// Stops the app. Returns how many times it was started since it was started with [`start`].
fn restarts(running: Running) -> usize {
    running.signal(Signal::SIGTERM);
    let (_, output) = running.end();
    output.lines().filter(|line| *line == "up").count()
}

#[test]
fn logs_the_changed_file_of_each_restart() {
    let image = Image::running(APP);
    let mut running = start(&image, &[]);
    for file in ["app.py", "views/index.html"] {
        crate::image::write(&image.app().join(file), "");
        crate::image::write(&image.app().join(file), file);
        image.change(file);
        running.logs(&format!("{file} changed, restarting web"));
        running.wait_for("stopped");
        running.wait_for("up");
    }
    fs::remove_file(image.app().join("app.py")).unwrap();
    image.report(&format!("remove:{}", image.app().join("app.py").display()));
    running.logs("app.py changed, restarting web");
    running.wait_for("up");
    assert_eq!(restarts(running), 0);
}

#[test]
fn restarts_once_for_the_files_of_a_sync() {
    let image = Image::running(APP);
    let running = start(&image, &["--debounce", "400ms"]);
    let files: Vec<String> = (0..30).map(|number| format!("{number}.py")).collect();
    for file in &files {
        fs::write(image.app().join(file), "new").unwrap();
        image.change(file);
        thread::sleep(Duration::from_millis(5));
    }
    running.logs("0.py and 29 other files changed, restarting web");
    thread::sleep(WHILE);
    assert_eq!(restarts(running), 1);
}

#[test]
fn lets_the_process_answer_until_the_sync_is_over() {
    let image = Image::running(APP);
    let mut running = start(&image, &["--debounce", "300ms"]);
    for number in 0..10 {
        fs::write(image.app().join("app.py"), number.to_string()).unwrap();
        image.change("app.py");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(running.is_silent());
    running.wait_for("stopped");
    running.wait_for("up");
    assert_eq!(restarts(running), 0);
}

#[test]
fn starts_with_all_changes_that_come_while_the_process_stops() {
    let image = Image::running(
        "trap 'echo stopping; while [ ! -e enough ]; do sleep 0.01; done; exit 0' TERM\n\
         echo up; cat version\nwhile :; do sleep 0.01; done\n",
    );
    fs::write(image.app().join("version"), "1\n").unwrap();
    let mut running = start(&image, &["--ignore", "enough"]);
    assert_eq!(running.line(), "1");
    for version in ["2\n", "3\n"] {
        fs::write(image.app().join("version"), version).unwrap();
        image.change("version");
        if version == "2\n" {
            running.wait_for("stopping");
        }
    }
    running.logs("version changed too");
    fs::write(image.app().join("enough"), "").unwrap();
    running.wait_for("up");
    assert_eq!(running.line(), "3");
    assert_eq!(restarts(running), 0);
}

#[test]
fn ignores_changes_that_change_nothing() {
    let image = Image::running(APP);
    let app = image.app().join("app");
    let running = start(&image, &[]);
    fs::set_permissions(&app, Permissions::from_mode(0o755)).unwrap();
    image.change("app");
    // A lock that is made and removed at once.
    for kind in ["create", "modify", "remove"] {
        image.report(&format!("{kind}:{}", image.app().join("lock").display()));
    }
    // Also a directory.
    image.report(&format!("other:{}", image.app().display()));
    thread::sleep(3 * WHILE);
    assert_eq!(restarts(running), 0);
}

#[test]
fn ignores_a_file_that_is_written_again_with_the_same_content_right_after_the_start() {
    let image = Image::running(APP);
    let file = image.app().join("app.py");
    let mut running = start(&image, &[]);
    fs::write(&file, "new").unwrap();
    image.change("app.py");
    running.wait_for("up");
    fs::write(&file, "new").unwrap();
    image.change("app.py");
    thread::sleep(WHILE);
    assert!(running.is_silent());
    fs::write(&file, "newer").unwrap();
    image.change("app.py");
    running.wait_for("up");
    assert_eq!(restarts(running), 0);
}

#[test]
fn restarts_for_another_file_with_the_same_size_and_time() {
    let image = Image::running(APP);
    let file = image.app().join("app.py");
    let time = std::time::SystemTime::now();
    let save = |content: &str| {
        fs::remove_file(&file).ok();
        fs::write(&file, content).unwrap();
        fs::File::open(&file).unwrap().set_modified(time).unwrap();
    };
    save("v1");
    let mut running = start(&image, &[]);
    // The file system can use the number of the old file again, and `tar` sets the same second.
    for version in ["v2", "v3", "v4"] {
        save(version);
        image.report(&format!("create:{}", file.display()));
        running.logs("app.py changed, restarting web");
        running.wait_for("up");
    }
    assert_eq!(restarts(running), 0);
}

#[test]
fn restarts_for_a_touched_file_and_a_new_mode() {
    let image = Image::running(APP);
    let app = image.app().join("app.py");
    fs::write(&app, "").unwrap();
    let mut running = start(&image, &[]);
    fs::File::open(&app)
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    image.change("app.py");
    running.wait_for("up");
    thread::sleep(SECOND);
    fs::set_permissions(&app, Permissions::from_mode(0o755)).unwrap();
    image.change("app.py");
    running.wait_for("up");
    assert_eq!(restarts(running), 0);
}

#[test]
fn restarts_an_ended_process_at_the_next_change() {
    let image = Image::running("echo up\nexit 3\n");
    let mut running = image.start(&[]);
    let ended = running.logs("ended");
    assert_eq!(
        ended,
        "live-reload: web ended with status 3; the next change starts it again"
    );
    // Even by one that changes nothing.
    image.change("app");
    running.wait_for("up");
    running.logs("ended");
    assert_eq!(restarts(running), 0);
}

#[test]
fn starts_a_missing_program_once_it_is_back() {
    let image = Image::running(APP);
    let mut running = start(&image, &[]);
    let [app, away] = ["app", "away"].map(|name| image.app().join(name));
    fs::rename(&app, &away).unwrap();
    image.report(&format!("remove:{}", app.display()));
    running.logs("The process `web` runs");
    fs::rename(&away, &app).unwrap();
    image.report(&format!("create:{}", app.display()));
    running.wait_for("up");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 0);
}

/// A server that a script starts without `exec`; it stops when it may.
const SERVER: &str = "#!/bin/sh
trap 'echo draining; while [ ! -e enough ]; do sleep 0.01; done; echo drained; exit 0' TERM
echo up
while :; do sleep 0.01; done
";

#[test]
fn waits_for_the_server_of_a_script_that_has_ended() {
    let image = Image::running("echo migrating\n./server\n");
    programs::write(&image.app().join("server"), SERVER);
    let mut running = start(&image, &["--ignore", "enough"]);
    fs::write(image.app().join("app.py"), "new").unwrap();
    image.change("app.py");
    running.wait_for("draining");
    assert!(running.logs("waiting").contains(" (server)"));
    assert!(running.is_silent());
    fs::write(image.app().join("enough"), "").unwrap();
    for line in ["drained", "migrating", "up"] {
        assert_eq!(running.line(), line);
    }
    running.signal(Signal::SIGTERM);
    // The status is that of the script, which the signal has ended.
    assert_eq!(running.end(), (143, "draining\ndrained\n".to_owned()));
}

#[test]
fn kills_what_is_left_of_the_group_after_the_stop_timeout() {
    let image = Image::running("./stubborn &\nread -r _ < go\necho up\nexec sleep 60\n");
    let stubborn = "#!/bin/sh\ntrap '' TERM\necho $$\necho > go\nwhile :; do sleep 0.01; done\n";
    programs::write(&image.app().join("stubborn"), stubborn);
    mkfifo(&image.app().join("go"), Mode::S_IRWXU).unwrap();
    let mut command = image.command(&["--stop-timeout", "200ms"]);
    let mut running = Running::of(&mut command);
    let first = running.line();
    running.wait_for("up");
    thread::sleep(SECOND);
    fs::write(image.app().join("app.py"), "new").unwrap();
    image.change("app.py");
    running.line();
    running.wait_for("up");
    assert!(!has_not_ended(&first));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
}

#[test]
fn signals_a_child_once_if_its_leader_passes_the_signal_on() {
    let image = Image::running(
        "(trap 'echo TERM' TERM; > ready; while [ ! -e enough ]; do sleep 0.01; done) & child=$!\n\
         trap 'kill $child; while kill -0 $child 2>/dev/null; do sleep 0.01; done; exit 3' TERM\n\
         while [ ! -e ready ]; do sleep 0.01; done\n\
         echo up\nwhile :; do sleep 0.01; done\n",
    );
    let mut running = image.start(&["--ignore", "enough", "--ignore", "ready"]);
    running.signal(Signal::SIGTERM);
    running.wait_for("TERM");
    thread::sleep(WHILE);
    fs::write(image.app().join("enough"), "").unwrap();
    assert_eq!(running.end(), (3, String::new()));
}

#[test]
fn names_the_processes_that_have_left_the_group() {
    let image = Image::running("setsid sleep 61 >/dev/null 2>&1 &\necho up\nexec sleep 60\n");
    let mut running = start(&image, &[]);
    fs::write(image.app().join("app.py"), "new").unwrap();
    image.change("app.py");
    running.wait_for("up");
    let line = running.logs("still running");
    let survivor = line.rsplit(": ").next().unwrap();
    let id: i32 = survivor.strip_suffix(" (sleep)").unwrap().parse().unwrap();
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
    let all = fs::read_dir("/proc").unwrap().flatten();
    let sleeps = all.filter(|entry| {
        fs::read(entry.path().join("cmdline")).unwrap_or_default() == b"sleep\x0061\0"
    });
    let ids: Vec<i32> = sleeps
        .map(|entry| entry.file_name().to_str().unwrap().parse().unwrap())
        .collect();
    assert!(ids.contains(&id), "{ids:?}");
    for id in ids {
        kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    }
}

#[test]
fn starts_watchexec_again_when_it_has_ended() {
    let image = Image::running(APP);
    let mut running = start(&image, &[]);
    image.report("end 3");
    let line = running.logs("watchexec");
    assert_eq!(
        line,
        "live-reload: watchexec ended with status 3; starting it again in 1 s"
    );
    // Nobody reports this one.
    fs::write(image.app().join("app.py"), "new").unwrap();
    running.logs("app.py changed, restarting web");
    running.wait_for("up");
    image.wait_for_watchexec(2);
    assert_eq!(restarts(running), 0);
}

#[test]
fn starts_watchexec_again_when_many_names_have_gone() {
    let image = Image::running(WAIT);
    let running = start(&image, &[]);
    let first = watchexec::starts(&image.watchexec());
    let lines: Vec<String> = (0..1000)
        .map(|number| format!("remove:{}/{number}", image.app().display()))
        .collect();
    for lines in lines.chunks(100) {
        image.report(&lines.join("\n"));
    }
    image.wait_for_watchexec(2);
    // The kernel takes a moment to end it.
    while Path::new(&format!("/proc/{}", first[0])).exists() {
        thread::yield_now();
    }
    assert_eq!(restarts(running), 0);
}

/// Of a rename, watchexec reports both names if one of them is not ignored.
#[test]
fn ignores_the_other_name_of_a_renamed_file() {
    let image = Image::running(APP);
    fs::write(image.app().join("app.py"), "old").unwrap();
    let mut running = start(&image, &[]);
    // As vim with `backupcopy=no`.
    fs::rename(image.app().join("app.py"), image.app().join("app.py~")).unwrap();
    fs::write(image.app().join("app.py"), "new").unwrap();
    for file in ["app.py", "app.py~", "tmp/app.py"] {
        image.report(&format!("rename:{}", image.app().join(file).display()));
    }
    running.logs("live-reload: app.py changed, restarting web");
    running.wait_for("up");
    // Waits for the scans after a start, which take a known file that they do not find for removed.
    thread::sleep(2 * SECOND);
    assert_eq!(restarts(running), 0);
}

#[test]
fn logs_errors_of_watchexec_but_not_its_noise() {
    let image = Image::running(WAIT);
    let running = start(&image, &[]);
    image.report("error [[Error (not fatal)]]");
    image.report("error Native fs watcher error");
    image.report("error the disk is on fire");
    let line = running.logs("watchexec");
    assert_eq!(line, "live-reload: watchexec: the disk is on fire");
    assert_eq!(restarts(running), 0);
}

#[test]
fn delays_the_restarts_that_the_app_causes_itself() {
    let image = Image::running("date >> own\necho up\nwhile :; do sleep 0.01; done\n");
    let mut running = image.start(&[]);
    for _ in 0..3 {
        image.change("own");
        running.logs("own changed, restarting web");
        running.wait_for("up");
    }
    image.change("own");
    let line = running.logs("delayed");
    assert_eq!(
        line,
        "live-reload: own changed again right after the start of web. If each start writes it, ignore it: \
         BP_LIVE_RELOAD_IGNORE=own at build, or --ignore own. The next restart is delayed by 1 s"
    );
    // Until the delay is longer than a busy machine needs for the rest.
    loop {
        running.wait_for("up");
        image.change("own");
        if running.logs("delayed").ends_with("8 s") {
            break;
        }
    }
    // A save of another file does not wait.
    fs::write(image.app().join("app.py"), "new").unwrap();
    image.change("app.py");
    let line = running.logs("restarting web");
    assert_eq!(
        line,
        "live-reload: app.py and 1 other file changed, restarting web"
    );
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 143);
}
