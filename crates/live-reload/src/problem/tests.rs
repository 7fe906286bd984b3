//! Every error as people see it, without the name of the program in front.

use super::*;
use crate::exec_d::ExecDError;
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
    --debounce is "50", which has no unit.
    Accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`.
    "#);
}

#[test]
fn an_unknown_option() {
    assert_snapshot!(arguments(&["--debounse", "50ms"]), @"
    There is no option --debounse.
    Options are: --watch, --ignore, --debounce, --signal, --stop-timeout, --poll; what they do is in `live-reload --help`.
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
fn an_argument_that_is_not_text() {
    assert_snapshot!(Problem::Arguments(ArgumentError::NotUnicode("a\u{fffd}".to_owned())), @r#"
    The argument "a�" is not UTF-8.
    watchexec takes no other text.
    "#);
}

#[test]
fn no_app_directory() {
    assert_snapshot!(Problem::NoAppDirectory(missing()), @"
    The working directory cannot be found (No such file or directory (os error 2)).
    It has to be the app directory, in which the launcher of the image starts all processes. Start this one by its type: docker run --entrypoint reload IMAGE
    ");
}

#[test]
fn no_metadata() {
    assert_snapshot!(Problem::Metadata("/layers/config/metadata.toml".into(), missing().into()), @"
    The processes of this image cannot be read from /layers/config/metadata.toml (No such file or directory (os error 2)).
    The file is written by the lifecycle when it builds an image. Where the image's layers are elsewhere, set CNB_LAYERS_DIR to that directory.
    ");
}

#[test]
fn metadata_of_another_form() {
    assert_snapshot!(Problem::Metadata(
        "/layers/config/metadata.toml".into(),
        MetadataError::Kind("processes"),
    ), @"
    The processes of this image cannot be read from /layers/config/metadata.toml (`processes` is not what it has to be).
    The file is written by the lifecycle when it builds an image. Where the image's layers are elsewhere, set CNB_LAYERS_DIR to that directory.
    ");
}

fn launch(error: LaunchError) -> Problem {
    Problem::Launch(web(), error)
}

#[test]
fn a_process_without_a_command() {
    assert_snapshot!(launch(LaunchError::NoCommand), @"
    The process `web` cannot be launched: it has no command.
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
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
    The process `web` cannot be launched: its environment in /layers/example/jdk/env.launch/web cannot be read (Permission denied (os error 13)).
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
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
    The process `web` cannot be launched: /layers/example/jdk/exec.d/web/helper: it cannot be run (Permission denied (os error 13)).
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn an_exec_d_program_that_fails() {
    assert_snapshot!(exec_d(ExecDError::Status(ExitStatus::from_raw(1 << 8))), @"
    The process `web` cannot be launched: /layers/example/jdk/exec.d/web/helper: it ended with exit status: 1.
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn an_exec_d_program_that_gives_a_number() {
    assert_snapshot!(exec_d(ExecDError::NoText("A".to_owned())), @"
    The process `web` cannot be launched: /layers/example/jdk/exec.d/web/helper: it gave the variable `A` a value that is not a text.
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn no_working_directory() {
    assert_snapshot!(Problem::NoWorkingDirectory(web(), "/workspace/server".into()), @"
    The process `web` is to run in /workspace/server, which is not a directory.
    Its buildpack has named that directory. Sync it, or mount it, before the container starts.
    ");
}

#[test]
fn a_program_that_is_not_on_the_path() {
    assert_snapshot!(Problem::Program(web(), ProgramError::NotOnPath("node".to_owned())), @"
    The process `web` runs `node`, which is in no directory of the PATH.
    Check the start command of the process, and that the run image or a buildpack provides that program.
    ");
}

#[test]
fn a_shell_process_without_a_shell() {
    assert_snapshot!(Problem::NoBash(web()), @"
    The process `web` is a shell process, and this image has no /bin/bash to run it.
    Use a run image with bash, or a newer release of the buildpack that contributes the process: with Buildpack API 0.9 it needs no shell.
    ");
}

#[test]
fn missing_paths() {
    assert_snapshot!(Problem::WatchPaths(vec![
        format!("/workspace/sources ({})", missing()),
        format!("/config ({})", denied()),
    ]), @"
    These paths are to be watched, but cannot be found:
      /workspace/sources (No such file or directory (os error 2))
      /config (Permission denied (os error 13))
    Name paths that exist when the container starts, relative to the app directory or absolute, at start with --watch or at build with BP_LIVE_RELOAD_WATCH.
    ");
}

#[test]
fn no_watchexec() {
    assert_snapshot!(Problem::NoWatchexec, @"
    This image has no watchexec, neither in a layer of the Watchexec Buildpack nor in a directory of the PATH.
    Build it again with BP_LIVE_RELOAD_ENABLED=true, and do not remove layers from it.
    ");
}

#[test]
fn a_watchexec_that_cannot_be_run() {
    let program = "/layers/live-reload_watchexec/watchexec/bin/watchexec";
    assert_snapshot!(
        Problem::Supervise(SuperviseError::Run(program.into(), Errno::EAGAIN.into())),
        @r#"
    watchexec could not be started: "/layers/live-reload_watchexec/watchexec/bin/watchexec" cannot be run (Resource temporarily unavailable (os error 11)).
    Check that the container may start programs of the image: its user, its security profile, and its limits of memory and processes.
    "#
    );
}

#[test]
fn signals_that_cannot_be_received() {
    assert_snapshot!(Problem::Supervise(SuperviseError::Signals(Errno::EMFILE.into())), @"
    watchexec could not be started: signals cannot be received (Too many open files (os error 24)).
    Check that the container may start programs of the image: its user, its security profile, and its limits of memory and processes.
    ");
}

#[test]
fn wrong_arguments_have_an_exit_status_of_their_own() {
    assert_eq!(arguments(&["--watch"]).exit_status(), 2);
    assert_eq!(Problem::NoWatchexec.exit_status(), 1);
}
