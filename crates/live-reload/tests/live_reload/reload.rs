//! `live-reload` reads an image, starts its process and calls watchexec.

use crate::image::{Image, RECORD, called, process, write};
use crate::{programs, watchexec};
use insta::assert_snapshot;
use reload_options::ignore::default_patterns;
use std::fs;
use std::process::Command;

/// An app that could be started.
const APP: &str = "#!/bin/sh\n";

fn web() -> Image {
    Image::new(&process("web", "[\"./app\"]"), RECORD)
}

/// The arguments of watchexec, when `live-reload` is started with these.
fn arguments(image: &Image, arguments: &[&str]) -> String {
    image.run(arguments);
    image.without_directory(&watchexec::arguments(&image.watchexec()).join("\n"))
}

#[test]
fn passes_watched_and_ignored_paths_to_watchexec() {
    let image = web();
    fs::create_dir(image.app().join("src")).unwrap();
    let ignore = format!("{}/uploads", image.app().display());
    let given = [
        "--watch", "src", "--watch", "/etc", "--ignore", "*.csv", "--ignore", &ignore, "web",
    ];
    // The last pattern that matches counts, so those of the user come after the default ones.
    let arguments = arguments(&image, &given);
    let (ours, theirs) = arguments.split_at(arguments.find("--ignore=*.csv").unwrap());
    let (options, defaults) = ours.split_at(ours.find("--ignore").unwrap());
    let expected: Vec<String> = default_patterns()
        .map(|pattern| format!("--ignore={pattern}"))
        .collect();
    assert_eq!(defaults.lines().collect::<Vec<_>>(), expected);
    assert_snapshot!(format!("{options}{theirs}"), @r"
    --only-emit-events
    --emit-events-to=stdio
    --debounce=0s
    --no-discover-ignore
    --project-origin=/workspace
    --watch=/workspace/src
    --watch=/etc
    --ignore=*.csv
    --ignore=/uploads
    ");
}

#[test]
fn watches_the_app_directory_by_default() {
    let arguments = arguments(&web(), &[]);
    assert!(arguments.contains("\n--watch=/workspace\n"), "{arguments}");
}

#[test]
fn later_arguments_override_those_of_the_build() {
    let processes = [
        process("web", "[\"./app\"]"),
        process("worker", "[\"./app\", \"work\"]"),
    ];
    let image = Image::new(&processes.concat(), RECORD);
    fs::create_dir(image.app().join("src")).unwrap();
    let mut command = image.command(&[
        "--watch",
        "missing",
        "--debounce",
        "1h",
        "web",
        "--debounce",
        "10ms",
        "--watch",
        "src",
        "worker",
    ]);
    assert_eq!(image.call(&mut command).arguments, ["work"]);
    let arguments = watchexec::arguments(&image.watchexec()).join("\n");
    let arguments = image.without_directory(&arguments);
    assert!(
        arguments.contains("\n--watch=/workspace/src\n"),
        "{arguments}"
    );
    assert!(!arguments.contains("missing"), "{arguments}");
}

#[test]
fn keeps_arguments_and_working_directory_of_the_process() {
    let image = Image::new(
        "[[processes]]\ntype = \"web\"\ncommand = [\"../app\", \"--a b\"]\n\
         args = [\"$HOME\", \"--\", \"@file\"]\ndirect = true\nworking-dir = \"server\"\n",
        RECORD,
    );
    fs::create_dir(image.app().join("server")).unwrap();
    let called = image.call(&mut image.command(&[]));
    assert_eq!(called.arguments, ["--a b", "$HOME", "--", "@file"]);
    assert_eq!(
        called.directory,
        image.app().join("server").canonicalize().unwrap()
    );
}

#[test]
fn replaces_the_arguments_of_the_process_by_those_after_two_dashes() {
    let processes = "[[processes]]\ntype = \"web\"\ncommand = [\"./app\", \"serve\"]\n\
                     args = [\"--port=8080\"]\ndirect = true\n";
    let image = Image::new(processes, RECORD);
    for (given, expected) in [
        (&[][..], &["serve", "--port=8080"][..]),
        (
            &["--", "--port=9000", "-v"],
            &["serve", "--port=9000", "-v"],
        ),
        (
            &["--debounce", "10ms", "web", "--", "--help"],
            &["serve", "--help"],
        ),
        (&["--"], &["serve"]),
    ] {
        assert_eq!(image.call(&mut image.command(given)).arguments, expected);
    }
}

#[test]
fn passes_on_the_environment_unchanged() {
    let image = web();
    let mut command = image.command(&[]);
    // Some that watchexec, shells and the dynamic linker read too.
    let variables = [
        ("A", "a b"),
        ("HOME", "/missing"),
        ("JAVA_TOOL_OPTIONS", "-Dx"),
        ("LD_PRELOAD", "/missing.so"),
        ("RUST_LOG", "trace"),
        ("SHELL", "/missing"),
    ];
    let mut called = image.call(command.envs(variables)).environment;
    assert!(called.remove("PATH").is_some());
    let expected = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(called, expected.into());
}

#[test]
fn adds_the_environment_of_the_type_once() {
    let image = web();
    let layer = |name: &str| image.layers().join("example_app").join(name);
    // The launcher has applied these already.
    write(&layer("a/env.launch/OPTIONS.append"), "general");
    // In the order of layers, of this type only.
    write(&layer("a/env.launch/web/OPTIONS.append"), "-Da");
    write(&layer("a/env.launch/web/OPTIONS.delim"), " ");
    write(&layer("b/env.launch/web/OPTIONS.append"), "-Db");
    write(&layer("b/env.launch/web/OPTIONS.delim"), " ");
    write(&layer("b/env.launch/worker/OPTIONS.append"), "-Dworker");
    // Programs see what files have set.
    programs::write(
        &layer("b/exec.d/web/helper"),
        "#!/bin/sh\necho \"SEEN = \\\"$OPTIONS in $(basename \"$PWD\")\\\"\" >&3\n",
    );
    programs::write(
        &layer("b/exec.d/general"),
        "#!/bin/sh\necho 'A = \"b\"' >&3\n",
    );
    let mut command = image.command(&["web"]);
    command.env("OPTIONS", "-Dgeneral");
    let environment = image.call(&mut command).environment;
    assert_eq!(environment["OPTIONS"], "-Dgeneral -Da -Db");
    assert_eq!(environment["SEEN"], "-Dgeneral -Da -Db in workspace");
    assert!(!environment.contains_key("A"));
}

#[test]
fn starts_the_process_with_no_signal_blocked_or_ignored() {
    let image = web();
    let with_it = image.call(&mut image.command(&[])).signals;
    programs::run(Command::new(image.app().join("app")).current_dir(image.app()));
    let without_it = called(&image.records()).signals;
    // `nohup` and some CI runners start everything with a signal ignored. A program that waits for
    // signals may reset that.
    for (with, without) in with_it.iter().zip(&without_it) {
        assert_eq!(
            with & !without,
            0,
            "{with_it:x?}, without it {without_it:x?}"
        );
    }
    assert_eq!([with_it.len(), without_it.len()], [2, 2]);
}

#[test]
fn takes_the_layers_directory_from_the_environment() {
    let image = web();
    let elsewhere = tempfile::tempdir().unwrap();
    let metadata = process("web", "[\"./app\", \"elsewhere\"]");
    write(&elsewhere.path().join("config/metadata.toml"), &metadata);
    let mut command = image.command(&[]);
    command.env("CNB_LAYERS_DIR", elsewhere.path());
    assert_eq!(
        image.call(&mut command).arguments.last().unwrap(),
        "elsewhere"
    );
}

#[test]
fn finds_watchexec_on_the_path_without_its_own_layer() {
    let image = web();
    fs::remove_file(image.watchexec()).unwrap();
    let bin = image.app().join("bin");
    watchexec::install(&bin.join("watchexec"));
    let mut command = image.command(&[]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", bin.display()));
    assert!(image.run_times(1, &mut command).status.success());
    assert_eq!(watchexec::starts(&bin.join("watchexec")).len(), 1);
}

#[test]
fn lists_the_known_types_for_an_unknown_one() {
    let processes = [
        process("web", "[\"./app\"]"),
        process("worker", "[\"./app\"]"),
    ]
    .concat();
    let (status, text) = Image::new(&processes, APP).fail(&["wrb"]);
    assert_eq!(status, 1);
    assert_snapshot!(text, @"
    live-reload: error: This image has no process `wrb`, only: web, worker.
    Name the one to restart: `docker run --entrypoint reload IMAGE TYPE`, or BP_LIVE_RELOAD_PROCESS=TYPE at build.
    ");
}

#[test]
fn rejects_a_process_for_other_execution_environments() {
    let processes = format!(
        "{}exec-env = [\"development\"]\n",
        process("web", "[\"./app\"]")
    );
    let image = Image::new(&processes, RECORD);
    let (status, text) = image.fail(&[]);
    assert_eq!(status, 1);
    assert!(
        text.contains("execution environment `production`"),
        "{text}"
    );
    image.call(image.command(&[]).env("CNB_EXEC_ENV", "development"));
}

#[test]
fn reports_missing_watch_paths() {
    let (status, text) = web().fail(&["--watch", "sources", "--watch", "app"]);
    assert_eq!(status, 1);
    assert!(
        text.contains("  /workspace/sources (No such file"),
        "{text}"
    );
}

#[test]
fn reports_a_missing_program() {
    for (command, expected) in [
        ("[\"nodejs-that-is-not-there\"]", "not on the PATH"),
        (
            "[\"./missing\"]",
            "/workspace/./missing, which does not exist",
        ),
        ("[]", "it has no command"),
    ] {
        let (status, text) = Image::new(&process("web", command), APP).fail(&[]);
        assert_eq!(status, 1);
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn reports_a_missing_working_directory() {
    let processes = format!(
        "{}working-dir = \"server\"\n",
        process("web", "[\"./app\"]")
    );
    let (status, text) = Image::new(&processes, APP).fail(&[]);
    assert_eq!(status, 1);
    assert!(text.contains("should run in /workspace/server"), "{text}");
}

#[test]
fn reports_a_failing_exec_d_program() {
    let image = web();
    let helper = image.layers().join("example_app/jdk/exec.d/web/helper");
    programs::write(&helper, "#!/bin/sh\nexit 3\n");
    let (status, text) = image.fail(&[]);
    assert_eq!(status, 1);
    assert!(
        text.contains("exec.d/web/helper: it ended with exit status: 3"),
        "{text}"
    );
}

#[test]
fn reports_an_image_without_watchexec() {
    let image = web();
    fs::remove_file(image.watchexec()).unwrap();
    let mut command = image.command(&[]);
    let output = programs::run(command.env("PATH", image.app()));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("This image has no watchexec"), "{text}");
}

#[test]
fn reports_an_image_without_metadata() {
    let image = web();
    fs::remove_dir_all(image.layers().join("config")).unwrap();
    let (status, text) = image.fail(&[]);
    assert_eq!(status, 1);
    assert!(
        text.contains("Cannot read the processes of this image from /layers/config/metadata.toml"),
        "{text}"
    );
}

#[test]
fn exits_with_2_for_invalid_arguments() {
    let (status, text) = web().fail(&["--debounce", "50"]);
    assert_eq!(status, 2);
    assert!(
        text.contains("--debounce is \"50\", which is not a time"),
        "{text}"
    );
}

#[test]
fn prints_its_options_and_its_version() {
    let image = web();
    for option in ["--help", "-h", "--version", "-V"] {
        // The arguments of the build come first.
        for arguments in [&[option][..], &["--debounce", "50ms", "web", option]] {
            let output = image.run(arguments);
            assert!(
                output.status.success() && !output.stdout.is_empty(),
                "{arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn prints_what_is_ignored() {
    let image = web();
    let output = image.run(&["--ignore=*.csv", "--ignore=!/tmp", "web", "--help"]);
    let output = String::from_utf8(output.stdout).unwrap();
    let defaults: Vec<&str> = default_patterns().collect();
    let count = defaults.len() + 2;
    let line = format!("Ignored: {count} patterns. From the build or --ignore: *.csv !/tmp");
    assert!(output.contains(&line), "{output}");
    let end = format!("{}\n", defaults.join(" "));
    assert!(output.ends_with(&end), "{output}");
}
