//! Processes that run watchexec themselves.

use crate::image::{Image, process};
use crate::stop::{STOPS, WAIT};
use crate::{programs, watchexec};
use insta::assert_snapshot;
use nix::sys::signal::Signal;

const WRAPPED: &str = r#"["./watchexec", "-r", "--", "./app"]"#;

/// An image whose only process runs this app under a watchexec in the app directory. The one in the
/// buildpack's layer fails, so that no process can run under both.
fn image(processes: &str, app: &str) -> Image {
    let image = Image::new(processes, &format!("#!/bin/sh\n{app}"));
    watchexec::install(&image.app().join("watchexec"));
    programs::write(&image.watchexec(), "#!/bin/sh\nexit 98\n");
    image
}

fn wrapped(app: &str) -> Image {
    image(&process("web", WRAPPED), app)
}

fn shell(app: &str) -> Image {
    let process = "[[processes]]\ntype = \"web\"\ncommand = [\"./watchexec -r -- ./app\"]\n\
                   direct = false\n";
    image(process, app)
}

#[test]
fn starts_a_process_that_runs_watchexec_as_it_is() {
    let image = wrapped(WAIT);
    let running = image.start(&[]);
    assert_snapshot!(image.without_directory(&running.logs("")), @"live-reload: starting web (the only process that runs watchexec), which reloads itself: ./watchexec -r -- ./app");
    assert_eq!(
        watchexec::arguments(&image.app().join("watchexec")),
        ["-r", "--", "./app"]
    );
    running.signal(Signal::SIGTERM);
    running.end();
}

#[test]
fn recognizes_watchexec_in_the_script_of_a_shell() {
    // As a Procfile buildpack with a newer API runs the line `exec ./watchexec -r -- ./app`.
    let image = image(
        &process("web", r#"["bash", "-c", "exec ./watchexec -r -- ./app"]"#),
        WAIT,
    );
    let running = image.start(&[]);
    assert_eq!(
        watchexec::arguments(&image.app().join("watchexec")),
        ["-r", "--", "./app"]
    );
    running.signal(Signal::SIGTERM);
    running.end();
}

#[test]
fn warns_of_changed_settings_that_do_not_apply() {
    let image = wrapped("");
    programs::write(&image.app().join("watchexec"), "#!/bin/sh\n");
    // A path that does not exist would be an error, if it were watched.
    let output = image.run(&[
        "--watch",
        "missing",
        "--poll",
        "1s",
        "--debounce",
        "20ms",
        "--before",
        "*.ts: npx tsc",
        "--on-change",
        "HUP",
        "--on-exit",
        "exit",
        "--signal",
        "INT",
    ]);
    assert!(output.status.success());
    assert_snapshot!(image.without_directory(&String::from_utf8(output.stderr).unwrap()), @"
    live-reload: starting web (the only process that runs watchexec), which reloads itself: ./watchexec -r -- ./app
    live-reload: warning: The process `web` runs watchexec itself, so these settings have no effect: BP_LIVE_RELOAD_WATCH, BP_LIVE_RELOAD_BEFORE, BP_LIVE_RELOAD_ON_CHANGE, BP_LIVE_RELOAD_ON_EXIT, BP_LIVE_RELOAD_SIGNAL (except when the container stops), BP_LIVE_RELOAD_POLL.
    To restart another process with them: docker run --entrypoint reload IMAGE TYPE
    ");
}

#[test]
fn ends_with_the_status_of_the_process_on_every_stop_signal() {
    for signal in STOPS {
        for image in [wrapped, shell] {
            let image = image(&format!(
                "trap 'echo other; exit 1' HUP INT QUIT\ntrap 'echo bye; exit 42' TERM\n{WAIT}"
            ));
            let running = image.start(&[]);
            running.signal(signal);
            assert_eq!(running.end(), (42, "bye\n".to_owned()), "{signal}");
        }
    }
}

#[test]
fn stops_the_process_with_the_configured_signal_and_timeout() {
    let app = format!(
        "trap 'exit 1' TERM\n\
         trap 'echo stopping; while [ ! -e enough ]; do sleep 0.01; done; exit 6' USR2\n{WAIT}"
    );
    let image = wrapped(&app);
    let mut running = image.start(&["--signal", "USR2"]);
    running.signal(Signal::SIGTERM);
    running.wait_for("stopping");
    std::fs::write(image.app().join("enough"), "").unwrap();
    assert_eq!(running.end().0, 6);

    let image = wrapped(&app);
    let running = image.start(&["--signal", "USR2", "--stop-timeout", "0s"]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().0, 137);
}
