//! Every error as people see it, without the name of the program in front.

use super::*;
use crate::launch::exec_d::ExecDError;
use insta::assert_snapshot;
use nix::errno::Errno;
use reload_options::Request;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

fn web() -> String {
    "web".to_owned()
}

fn missing() -> io::Error {
    Errno::ENOENT.into()
}

fn denied() -> io::Error {
    Errno::EACCES.into()
}

fn arguments(arguments: &[&str]) -> Problem {
    Request::from_arguments(arguments.iter().map(Into::into))
        .unwrap_err()
        .into()
}

#[test]
fn an_argument_with_a_wrong_value() {
    assert_snapshot!(arguments(&["--debounce", "50"]), @r#"
    --debounce is "50", which is not a time (time unit needed, for example 50sec or 50ms).
    Accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`.
    "#);
}

#[test]
fn an_unknown_option() {
    assert_snapshot!(arguments(&["--debounse", "50ms"]), @"
    Unknown option --debounse.
    Options are: --watch, --ignore, --debounce, --before, --on-change, --on-exit, --signal, --stop-timeout, --poll; `live-reload --help` explains them. Arguments of the app come after `--`: `docker run --entrypoint reload IMAGE -- --debounse`.
    ");
}

#[test]
fn an_option_without_its_value() {
    assert_snapshot!(arguments(&["--watch"]), @"
    --watch has no value.
    Give one: `--watch VALUE` or `--watch=VALUE`.
    ");
}

#[test]
fn rejects_an_argument_that_is_not_utf_8() {
    assert_snapshot!(Problem::Arguments(ArgumentError::NotUnicode("a\u{fffd}".to_owned())), @r#"
    The argument "a�" is not UTF-8.
    live-reload accepts only UTF-8 arguments.
    "#);
}

#[test]
fn no_app_directory() {
    assert_snapshot!(Problem::NoAppDirectory(missing()), @"
    The working directory does not exist (No such file or directory (os error 2)).
    Start `reload` in the app directory, as the launcher does: docker run --entrypoint reload IMAGE
    ");
}

#[test]
fn no_metadata() {
    assert_snapshot!(Problem::Metadata("/layers/config/metadata.toml".into(), missing().into()), @"
    Cannot read the processes of this image from /layers/config/metadata.toml (No such file or directory (os error 2)).
    The lifecycle writes this file when it builds an image. If the layers are in another directory, set CNB_LAYERS_DIR to it.
    ");
}

#[test]
fn reports_invalid_metadata() {
    assert_snapshot!(Problem::Metadata(
        "/layers/config/metadata.toml".into(),
        MetadataError::Kind("processes"),
    ), @"
    Cannot read the processes of this image from /layers/config/metadata.toml (`processes` has the wrong type).
    The lifecycle writes this file when it builds an image. If the layers are in another directory, set CNB_LAYERS_DIR to it.
    ");
}

fn launch(error: LaunchError) -> Problem {
    Problem::Launch(web(), error)
}

#[test]
fn a_process_without_a_command() {
    assert_snapshot!(launch(LaunchError::NoCommand), @"
    Cannot launch the process `web`: it has no command.
    The cause is in that process's buildpack. To see it fail without live reload: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn an_environment_that_cannot_be_read() {
    assert_snapshot!(
        launch(LaunchError::Environment(
            "/layers/example/jdk/env.launch/web".into(),
            denied()
        )),
        @"
    Cannot launch the process `web`: its environment in /layers/example/jdk/env.launch/web cannot be read (Permission denied (os error 13)).
    The cause is in that process's buildpack. To see it fail without live reload: docker run --entrypoint web IMAGE
    "
    );
}

fn exec_d(cause: ExecDError) -> Problem {
    let program = "/layers/example/jdk/exec.d/web/helper";
    launch(LaunchError::ExecD(program.into(), cause))
}

#[test]
fn an_exec_d_program_that_cannot_be_run() {
    assert_snapshot!(exec_d(ExecDError::Run(denied())), @"
    Cannot launch the process `web`: /layers/example/jdk/exec.d/web/helper: it cannot be run (Permission denied (os error 13)).
    The cause is in that process's buildpack. To see it fail without live reload: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn an_exec_d_program_that_fails() {
    assert_snapshot!(exec_d(ExecDError::Status(ExitStatus::from_raw(1 << 8))), @"
    Cannot launch the process `web`: /layers/example/jdk/exec.d/web/helper: it ended with exit status: 1.
    The cause is in that process's buildpack. To see it fail without live reload: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn an_exec_d_program_that_gives_a_number() {
    assert_snapshot!(exec_d(ExecDError::NotAString("A".to_owned())), @"
    Cannot launch the process `web`: /layers/example/jdk/exec.d/web/helper: it set the variable `A` to a value that is not a string.
    The cause is in that process's buildpack. To see it fail without live reload: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn no_working_directory() {
    assert_snapshot!(Problem::NoWorkingDirectory(web(), "/workspace/server".into()), @"
    The process `web` should run in /workspace/server, which is not a directory.
    Its buildpack chose that directory. Create or mount it before the container starts.
    ");
}

#[test]
fn a_program_that_is_not_on_the_path() {
    assert_snapshot!(Problem::Program(web(), ProgramError::NotOnPath("node".to_owned())), @"
    The process `web` runs `node`, which is not on the PATH.
    Check the command, and that a buildpack or the run image provides the program.
    ");
}

#[test]
fn a_shell_process_without_a_shell() {
    assert_snapshot!(Problem::NoBash(web()), @"
    The process `web` needs a shell, and this image has no /bin/bash.
    Use a run image with bash, or a release of the process's buildpack with Buildpack API 0.9 or newer, whose processes need no shell.
    ");
}

#[test]
fn missing_paths() {
    assert_snapshot!(Problem::WatchPaths(vec![
        format!("/workspace/sources ({})", missing()),
        format!("/config ({})", denied()),
    ]), @"
    Cannot watch these paths:
      /workspace/sources (No such file or directory (os error 2))
      /config (Permission denied (os error 13))
    Name paths that exist when the container starts, relative to the app directory or absolute: --watch PATH, or BP_LIVE_RELOAD_WATCH at build.
    ");
}

#[test]
fn no_watchexec() {
    assert_snapshot!(Problem::NoWatchexec, @"
    This image has no watchexec, in its layers or on the PATH.
    Build it again with BP_LIVE_RELOAD_ENABLED=true, and do not remove layers from it.
    ");
}

#[test]
fn a_watchexec_that_cannot_be_run() {
    let program = "/layers/live-reload_watchexec/watchexec/bin/watchexec";
    assert_snapshot!(
        Problem::Watchexec(program.into(), Errno::EAGAIN.into()),
        @r#"
    Cannot start watchexec: "/layers/live-reload_watchexec/watchexec/bin/watchexec" cannot be run (Resource temporarily unavailable (os error 11)).
    Check that the container may start programs: its user, its security profile, and its limits for memory and processes.
    "#
    );
}

#[test]
fn signals_that_cannot_be_received() {
    assert_snapshot!(Problem::Signals(Errno::EMFILE.into()), @"
    Cannot receive signals (Too many open files (os error 24)).
    Check the limits of the container for open files, and its security profile.
    ");
}

#[test]
fn exits_with_2_for_invalid_arguments() {
    assert_eq!(arguments(&["--watch"]).exit_status(), 2);
    assert_eq!(Problem::NoWatchexec.exit_status(), 1);
}
