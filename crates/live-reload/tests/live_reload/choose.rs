//! The choice of the process, and the line that explains it.

use crate::image::{Image, process};
use crate::programs;
use insta::assert_snapshot;

/// An app that could be started.
const APP: &str = "#!/bin/sh\n";

/// The processes of live-reload itself, as the build writes them.
const OWN: [(&str, &str); 3] = [
    (
        "reload",
        r#"["live-reload", "--debounce", "20ms", "--signal", "SIGTERM", "--stop-timeout", "10s"]"#,
    ),
    ("tar", r#"["live-reload", "tar"]"#),
    ("rm", r#"["live-reload", "rm"]"#),
];

const WRAPPED: &str = r#"["./watchexec", "-r", "--", "./app"]"#;
const PLAIN: &str = r#"["./app"]"#;

/// An image with these processes and those of live-reload itself.
fn image(processes: &[(&str, &str)]) -> Image {
    let all = [&OWN[..], processes].concat();
    let all: Vec<String> = all
        .iter()
        .map(|(kind, command)| process(kind, command))
        .collect();
    Image::new(&all.concat(), APP)
}

/// The log of a start.
fn log(image: &Image, arguments: &[&str]) -> String {
    let output = image.run(arguments);
    image.without_directory(&String::from_utf8(output.stderr).unwrap())
}

/// Also has a program for the processes that run watchexec themselves.
fn log_of(processes: &[(&str, &str)], arguments: &[&str]) -> String {
    let image = image(processes);
    programs::write(&image.app().join("watchexec"), APP);
    log(&image, arguments)
}

#[test]
fn restarts_web_by_default() {
    assert_snapshot!(
        log_of(&[("worker", PLAIN), ("web", PLAIN)], &[]),
        @"live-reload: restarting web (the default choice) when files change in /workspace"
    );
}

#[test]
fn restarts_the_only_type() {
    assert_snapshot!(log_of(&[("worker", PLAIN)], &[]), @"live-reload: restarting worker (the only process) when files change in /workspace");
}

#[test]
fn prefers_the_only_type_that_runs_watchexec_to_web() {
    assert_snapshot!(
        log_of(&[("web", PLAIN), ("reload-web", WRAPPED)], &[]),
        @"live-reload: starting reload-web (the only process that runs watchexec), which reloads itself: ./watchexec -r -- ./app"
    );
}

#[test]
fn restarts_web_if_several_types_run_watchexec() {
    assert_snapshot!(
        log_of(&[("a", WRAPPED), ("b", WRAPPED), ("web", PLAIN)], &[]),
        @"live-reload: restarting web (the default choice) when files change in /workspace"
    );
}

#[test]
fn prefers_the_named_type_to_all_others() {
    let processes = [("web", PLAIN), ("worker", PLAIN), ("reload-web", WRAPPED)];
    assert_snapshot!(log_of(&processes, &["worker"]), @"live-reload: restarting worker (as requested) when files change in /workspace");
    assert_snapshot!(log_of(&processes, &["worker", "reload-web"]), @"live-reload: starting reload-web (as requested), which reloads itself: ./watchexec -r -- ./app");
    // A user takes back the type that the build named.
    assert_eq!(log_of(&processes, &["worker", ""]), log_of(&processes, &[]));
}

#[test]
fn lists_the_types_if_it_cannot_choose() {
    let image = image(&[("worker", PLAIN), ("admin", PLAIN)]);
    let (status, text) = image.fail(&[]);
    assert_eq!(status, 1);
    assert_snapshot!(text, @"
    live-reload: error: This image has several processes, and none is `web`: worker, admin.
    Name the one to restart: `docker run --entrypoint reload IMAGE TYPE`, or BP_LIVE_RELOAD_PROCESS=TYPE at build.
    ");
}

#[test]
fn never_chooses_its_own_types() {
    let (status, text) = image(&[]).fail(&[]);
    assert_eq!(status, 1);
    assert_snapshot!(text, @"
    live-reload: error: This image has no process to restart: its buildpacks contributed none.
    Add a Procfile, or the file in which your buildpack looks for the start command, and build the image again.
    ");
    let (_, text) = image(&[("web", PLAIN)]).fail(&["--debounce", "10ms", "tar"]);
    assert!(text.contains("only: web."), "{text}");
}

#[test]
fn passes_over_types_of_other_execution_environments() {
    let environment = |kind, command, environment| {
        format!("{}exec-env = [\"{environment}\"]\n", process(kind, command))
    };
    let processes = [
        environment("web", PLAIN, "test"),
        environment("worker", PLAIN, "development"),
        environment("admin", PLAIN, "production"),
    ];
    let image = Image::new(&processes.concat(), APP);
    let started = |name: &str| {
        let output = image.run_times(1, image.command(&[]).env("CNB_EXEC_ENV", name));
        image.without_directory(&String::from_utf8(output.stderr).unwrap())
    };
    assert!(started("test").contains(" web "), "{}", started("test"));
    assert!(started("development").contains(" worker "));
    assert!(started("").contains(" admin "));
    assert_snapshot!(started("staging"), @"
    live-reload: error: The process `web` does not run in the execution environment `staging`, only in: test.
    Start the container in one of these: `docker run --env CNB_EXEC_ENV=test`.
    ");
}

#[test]
fn replaces_watch_paths_of_a_build_without_a_type_by_those_of_the_user() {
    let build = reload_options::Settings {
        watch: vec!["missing".to_owned()],
        ..Default::default()
    };
    let command = build.command();
    let mut arguments: Vec<&str> = command[1..].iter().map(String::as_str).collect();
    arguments.extend(["--watch", "app"]);
    assert_snapshot!(log_of(&[("web", PLAIN)], &arguments), @"live-reload: restarting web (the default choice) when files change in /workspace/app");
}
