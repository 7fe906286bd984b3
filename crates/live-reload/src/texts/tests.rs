//! Every text as people see it.

use super::*;
use crate::exec_d::{ExecDError, ExecDFailure};
use insta::assert_snapshot;
use nix::errno::Errno;
use reload_options::Request;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

fn web() -> ProcessType {
    ProcessType::default()
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
    live-reload: error: --debounce is "50", which has no unit.
    Accepted: a time with its unit, such as `50ms`, `2s` or `1min 30s`.
    "#);
}

#[test]
fn an_unknown_option() {
    assert_snapshot!(arguments(&["--debounse", "50ms"]), @"
    live-reload: error: There is no option --debounse.
    Options are: --watch, --ignore, --debounce, --signal, --stop-timeout, --poll; what they do is in `live-reload --help`.
    ");
}

#[test]
fn an_option_without_its_value() {
    assert_snapshot!(arguments(&["--watch"]), @"
    live-reload: error: --watch has no value.
    Give one: `--watch VALUE` or `--watch=VALUE`.
    ");
}

#[test]
fn an_argument_that_is_not_text() {
    assert_snapshot!(Problem::Arguments(ArgumentError::NotUnicode("a\u{fffd}".to_owned())), @r#"
    live-reload: error: The argument "a�" is not UTF-8.
    watchexec takes no other text.
    "#);
}

#[test]
fn no_app_directory() {
    assert_snapshot!(Problem::NoAppDirectory(missing()), @"
    live-reload: error: The working directory cannot be found (No such file or directory (os error 2)).
    It has to be the app directory, in which the launcher of the image starts all processes. Start this one by its type: docker run --entrypoint reload IMAGE
    ");
}

#[test]
fn no_metadata() {
    assert_snapshot!(Problem::Metadata {
        file: "/layers/config/metadata.toml".into(),
        error: missing().into(),
    }, @"
    live-reload: error: The processes of this image cannot be read from /layers/config/metadata.toml (No such file or directory (os error 2)).
    The file is written by the lifecycle when it builds an image. Where the image's layers are elsewhere, set CNB_LAYERS_DIR to that directory.
    ");
}

#[test]
fn metadata_of_another_form() {
    assert_snapshot!(Problem::Metadata {
        file: "/layers/config/metadata.toml".into(),
        error: MetadataError::Kind("processes"),
    }, @"
    live-reload: error: The processes of this image cannot be read from /layers/config/metadata.toml (`processes` is not what it has to be).
    The file is written by the lifecycle when it builds an image. Where the image's layers are elsewhere, set CNB_LAYERS_DIR to that directory.
    ");
}

fn no_process(reason: NoProcess) -> Problem {
    Problem::NoProcess {
        wanted: "wrb".parse().unwrap(),
        execution_environment: "production".to_owned(),
        reason,
    }
}

#[test]
fn an_unknown_type() {
    assert_snapshot!(no_process(NoProcess::UnknownType {
        known: vec!["web".to_owned(), "worker".to_owned()],
    }), @"
    live-reload: error: There is no process `wrb` to restart in this image. It has: web, worker.
    Name one of them, at start with `docker run --entrypoint reload IMAGE TYPE` or at build with BP_LIVE_RELOAD_PROCESS=TYPE.
    ");
}

#[test]
fn an_image_without_processes() {
    assert_snapshot!(no_process(NoProcess::UnknownType { known: Vec::new() }), @"
    live-reload: error: There is no process `wrb` to restart: no buildpack has given this image any process.
    Add a Procfile, or whatever your buildpack takes the start command from, and build the image again.
    ");
}

#[test]
fn a_process_for_other_environments() {
    assert_snapshot!(no_process(NoProcess::OtherEnvironment {
        environments: vec!["development".to_owned(), "test".to_owned()],
    }), @"
    live-reload: error: The process `wrb` is not for the execution environment `production`, but for: development, test.
    Start the container with one of these, for example with `--env CNB_EXEC_ENV=development`.
    ");
}

fn launch(error: LaunchError) -> Problem {
    Problem::Launch {
        process: web(),
        error,
    }
}

#[test]
fn a_process_without_a_command() {
    assert_snapshot!(launch(LaunchError::NoCommand), @"
    live-reload: error: The process `web` cannot be launched: it has no command.
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
    live-reload: error: The process `web` cannot be launched: its environment in /layers/example/jdk/env.launch/web cannot be read (Permission denied (os error 13)).
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
    "
    );
}

fn exec_d(cause: ExecDFailure) -> Problem {
    launch(LaunchError::ExecD(ExecDError {
        program: "/layers/example/jdk/exec.d/web/helper".into(),
        cause,
    }))
}

#[test]
fn an_exec_d_program_that_cannot_be_run() {
    assert_snapshot!(exec_d(ExecDFailure::Run(denied())), @"
    live-reload: error: The process `web` cannot be launched: /layers/example/jdk/exec.d/web/helper: it cannot be run (Permission denied (os error 13)).
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn an_exec_d_program_that_fails() {
    assert_snapshot!(exec_d(ExecDFailure::Status(ExitStatus::from_raw(1 << 8))), @"
    live-reload: error: The process `web` cannot be launched: /layers/example/jdk/exec.d/web/helper: it ended with exit status: 1.
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn an_exec_d_program_that_gives_a_number() {
    assert_snapshot!(exec_d(ExecDFailure::NoText("A".to_owned())), @"
    live-reload: error: The process `web` cannot be launched: /layers/example/jdk/exec.d/web/helper: it gave the variable `A` a value that is not a text.
    This comes from the buildpack of that process; without live reload it fails in the same way: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn no_working_directory() {
    assert_snapshot!(Problem::NoWorkingDirectory {
        process: web(),
        directory: "/workspace/server".into(),
    }, @"
    live-reload: error: The process `web` is to run in /workspace/server, which is not a directory.
    Its buildpack has named that directory. Sync it, or mount it, before the container starts.
    ");
}

fn program(error: ProgramError) -> Problem {
    Problem::Program {
        process: web(),
        error,
    }
}

#[test]
fn a_program_that_is_not_on_the_path() {
    assert_snapshot!(program(ProgramError::NotOnPath("node".to_owned())), @"
    live-reload: error: The process `web` runs `node`, which is in no directory of the PATH.
    Check the start command of the process, and that the run image or a buildpack provides that program.
    ");
}

#[test]
fn a_missing_program() {
    assert_snapshot!(program(ProgramError::Missing("/workspace/bin/start".into())), @"
    live-reload: error: The process `web` runs /workspace/bin/start, which does not exist.
    Check the start command of the process. If a sync has deleted the file, put it back and start the container again.
    ");
}

#[test]
fn a_program_that_may_not_be_executed() {
    assert_snapshot!(program(ProgramError::NotExecutable("/workspace/bin/start".into())), @"
    live-reload: error: The process `web` runs /workspace/bin/start, which this user may not execute.
    Make it executable where it comes from (`chmod +x`). If a sync has replaced it, let the sync keep file modes.
    ");
}

#[test]
fn a_script_without_its_interpreter() {
    assert_snapshot!(program(ProgramError::NoInterpreter {
        script: "/workspace/bin/start".into(),
        interpreter: "/bin/bash".into(),
    }), @"
    live-reload: error: The process `web` runs /workspace/bin/start, a script for /bin/bash, which this image does not have.
    Use a run image that has it, or another first line in the script.
    ");
}

#[test]
fn a_script_from_windows() {
    assert_snapshot!(program(ProgramError::NoInterpreter {
        script: "/workspace/bin/start".into(),
        interpreter: "/bin/sh\r".into(),
    }), @r#"
    live-reload: error: The process `web` runs /workspace/bin/start, a script whose lines end as on Windows: the system looks for a program "/bin/sh\r".
    Save it with the line ends of Unix (LF), and have git keep them: `* text=auto eol=lf` in .gitattributes.
    "#);
}

#[test]
fn missing_paths() {
    assert_snapshot!(Problem::WatchPaths(vec![
        MissingPath {
            path: "/workspace/sources".into(),
            error: missing(),
        },
        MissingPath {
            path: "/config".into(),
            error: denied(),
        },
    ]), @"
    live-reload: error: These paths are to be watched, but cannot be found:
      /workspace/sources (No such file or directory (os error 2))
      /config (Permission denied (os error 13))
    Name paths that exist when the container starts, relative to the app directory or absolute, at start with --watch or at build with BP_LIVE_RELOAD_WATCH.
    ");
}

#[test]
fn no_inotify_instance() {
    assert_snapshot!(Problem::NoInstance { limit: Some(128) }, @"
    live-reload: error: This user has no inotify instance left to watch files with (the limit is 128).
    Containers of the same user share them with the programs of the host. Raise the limit on the host, for example with `sysctl fs.inotify.max_user_instances=1024`, or do without: `docker run --entrypoint reload IMAGE --poll 1s`, or BP_LIVE_RELOAD_POLL=1s at build, looks for changes itself.
    ");
}

#[test]
fn no_watchexec() {
    assert_snapshot!(Problem::NoWatchexec, @"
    live-reload: error: This image has no watchexec, neither in a layer of the Watchexec Buildpack nor in a directory of the PATH.
    Build it again with BP_LIVE_RELOAD_ENABLED=true, and do not remove layers from it.
    ");
}

#[test]
fn a_watchexec_that_cannot_be_run() {
    let program = "/layers/live-reload_watchexec/watchexec/bin/watchexec";
    assert_snapshot!(
        Problem::Supervise(SuperviseError::Run(program.into(), Errno::EAGAIN.into())),
        @r#"
    live-reload: error: watchexec could not be started: "/layers/live-reload_watchexec/watchexec/bin/watchexec" cannot be run (Resource temporarily unavailable (os error 11)).
    Check that the container may start programs of the image: its user, its security profile, and its limits of memory and processes.
    "#
    );
}

#[test]
fn signals_that_cannot_be_received() {
    assert_snapshot!(Problem::Supervise(SuperviseError::Signals(Errno::EMFILE.into())), @"
    live-reload: error: watchexec could not be started: signals cannot be received (Too many open files (os error 24)).
    Check that the container may start programs of the image: its user, its security profile, and its limits of memory and processes.
    ");
}

#[test]
fn wrong_arguments_have_an_exit_status_of_their_own() {
    assert_eq!(arguments(&["--watch"]).exit_status(), 2);
    assert_eq!(Problem::NoWatchexec.exit_status(), 1);
}

#[test]
fn what_is_restarted() {
    assert_snapshot!(Notice::Restarting {
        process: &web(),
        command: &["python3".to_owned(), "app.py".to_owned()],
        watch: &["/workspace".into(), "/config".into()],
    }, @"live-reload: `web` (python3 app.py) restarts when files change in /workspace, /config");
}

#[test]
fn a_shell_process() {
    assert_snapshot!(Notice::ThroughLauncher(&web()), @"
    live-reload: warning: The process `web` is a shell script of a buildpack with an API below 0.9, and runs through a second launcher.
    Variables that buildpacks append or prepend to, such as PATH, have their part twice in it, and each restart runs the exec.d programs of all layers again. A newer release of that buildpack mends both.
    ");
}

#[test]
fn a_process_that_restarts_itself() {
    assert_snapshot!(Notice::RestartsItself(&web()), @"
    live-reload: warning: The process `web` runs watchexec itself, so that each change restarts it twice.
    Start it by its own type: docker run --entrypoint web IMAGE
    ");
}

#[test]
fn no_inotify_watch() {
    assert_snapshot!(Notice::NoWatch { limit: Some(8192) }, @"
    live-reload: warning: This user has no inotify watch left (the limit is 8192), so most changes will go unseen.
    Containers of the same user share them with the programs of the host. Raise the limit on the host, for example with `sysctl fs.inotify.max_user_watches=524288`, or do without: `docker run --entrypoint reload IMAGE --poll 1s`, or BP_LIVE_RELOAD_POLL=1s at build, looks for changes itself.
    ");
}

#[test]
fn no_inotify_watch_and_an_unknown_limit() {
    let text = Notice::NoWatch { limit: None }.to_string();
    assert!(text.contains("no inotify watch left, so"), "{text}");
}

#[test]
fn a_file_system_without_events() {
    assert_snapshot!(Notice::Unreported(&Unreported {
        path: "/workspace/src".into(),
        file_system: "NFS",
    }), @"
    live-reload: warning: /workspace/src is on NFS, which may not report changes that are made outside of this container.
    If they go unseen: `docker run --entrypoint reload IMAGE --poll 1s`, or BP_LIVE_RELOAD_POLL=1s at build, looks for changes itself.
    ");
}

#[test]
fn an_unknown_option_of_rm() {
    assert_snapshot!(RmProblem::UnknownOption("-i".to_owned()), @"
    unknown option '-i'
    This rm is part of live-reload and serves tools that sync files. It accepts -r, -f, -v and their long forms. For more, use a run image with an rm of its own.
    ");
}

#[test]
fn nothing_to_remove() {
    assert_snapshot!(RmProblem::NothingToRemove, @"there is nothing to remove: give paths");
}

#[test]
fn a_path_that_cannot_be_removed() {
    assert_snapshot!(RmProblem::Path("a/b".into(), denied()), @"cannot remove 'a/b': Permission denied (os error 13)");
}

#[test]
fn the_usage_names_every_argument() {
    for setting in Setting::ALL {
        assert!(USAGE.contains(setting.argument()), "{}", setting.argument());
    }
}
