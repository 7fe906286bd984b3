//! The contributions of a build apart from watchexec: the `reload` process, the sync tools, and an
//! app directory that the run image's user may write.

use crate::support::lifecycle::Lifecycle;
use crate::support::{ARCHIVE, dependency};
use reload_options::Setting;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use watchexec_release::checksum::Checksum;

/// A buildpack plan entry of a buildpack that wraps its own process.
const WRAPPING: &str = "[[entries]]\nname = \"watchexec\"\n[entries.metadata]\nlaunch = true\n";

fn lifecycle() -> Lifecycle {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives/xz-9e.tar.xz");
    let uri = format!("file://{}", path.display());
    Lifecycle::new(&dependency("2.8.0", &uri, Checksum::of(ARCHIVE)))
}

/// The command of a process type in launch.toml.
fn command(lifecycle: &Lifecycle, kind: &str) -> Option<Vec<String>> {
    let launch: toml::Table = lifecycle.launch_toml().parse().unwrap();
    let process = launch
        .get("processes")?
        .as_array()
        .unwrap()
        .iter()
        .find(|process| process["type"].as_str() == Some(kind))?;
    let command = process["command"].as_array().unwrap();
    Some(
        command
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect(),
    )
}

fn has_live_reload(lifecycle: &Lifecycle) -> bool {
    let program = lifecycle.path("layers/live-reload/bin/live-reload");
    let toml = lifecycle.path("layers/live-reload.toml");
    assert_eq!(program.exists(), toml.exists());
    if program.exists() {
        let mode = fs::metadata(&program).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
        assert!(fs::read_to_string(toml).unwrap().contains("launch = true"));
    }
    program.exists()
}

#[test]
fn adds_reload_as_the_default_process() {
    let lifecycle = lifecycle();
    let outcome = lifecycle.build().assert_success();
    insta::assert_snapshot!(lifecycle.launch_toml());
    assert!(has_live_reload(&lifecycle));
    assert!(
        outcome.stdout.contains("docker run --entrypoint reload"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn adds_reload_beside_the_default_of_a_buildpack_that_requires_watchexec() {
    let lifecycle = lifecycle();
    let outcome = lifecycle.build_with(WRAPPING).assert_success();
    assert!(command(&lifecycle, "reload").is_some());
    assert!(has_live_reload(&lifecycle));
    assert!(
        !lifecycle.launch_toml().contains("default = true"),
        "{}",
        lifecycle.launch_toml()
    );
    assert!(
        outcome
            .stdout
            .contains("Default process: set by another buildpack; that process reloads only if it runs watchexec"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn puts_live_reload_before_watchexec_on_the_path() {
    let lifecycle = lifecycle();
    lifecycle.build_with(WRAPPING).assert_success();
    let layer = lifecycle.path("layers/live-reload");
    let read = |file| fs::read_to_string(layer.join("env.launch").join(file)).unwrap();
    assert_eq!(read("PATH.delim"), ":");
    let link = Path::new(&read("PATH.prepend")).join("watchexec");
    let program = layer.join("bin/live-reload");
    assert_eq!(
        link.canonicalize().unwrap(),
        program.canonicalize().unwrap()
    );
}

#[test]
fn adds_no_reload_for_an_empty_process_setting() {
    let lifecycle = lifecycle().with("BP_LIVE_RELOAD_PROCESS", "");
    lifecycle.build().assert_success();
    assert_eq!(command(&lifecycle, "reload"), None);
    assert!(!has_live_reload(&lifecycle));
}

#[test]
fn passes_every_setting_to_reload() {
    let lifecycle = lifecycle()
        .with("BP_LIVE_RELOAD_PROCESS", "worker")
        .with("BP_LIVE_RELOAD_WATCH", "src:config")
        .with("BP_LIVE_RELOAD_IGNORE", "*.csv:uploads/")
        .with("BP_LIVE_RELOAD_DEBOUNCE", "10ms")
        .with("BP_LIVE_RELOAD_SIGNAL", "INT")
        .with("BP_LIVE_RELOAD_STOP_TIMEOUT", "30s")
        .with("BP_LIVE_RELOAD_POLL", "500ms");
    lifecycle.build().assert_success();
    let command = command(&lifecycle, "reload").unwrap().join(" ");
    assert_eq!(
        command,
        "live-reload --watch src --watch config --ignore *.csv --ignore uploads/ \
         --debounce 10ms --signal SIGINT --stop-timeout 30s --poll 500ms worker"
    );
}

#[test]
fn rejects_an_invalid_setting_and_says_what_is_accepted() {
    for (name, value, accepted) in [
        ("BP_LIVE_RELOAD_PROCESS", "reload", "a process type"),
        ("BP_LIVE_RELOAD_IGNORE", "[a", "patterns"),
        ("BP_LIVE_RELOAD_DEBOUNCE", "50", "a time with its unit"),
        ("BP_LIVE_RELOAD_SIGNAL", "STOPPED", "the name of a signal"),
        (
            "BP_LIVE_RELOAD_STOP_TIMEOUT",
            "soon",
            "a time with its unit",
        ),
        ("BP_LIVE_RELOAD_POLL", "0ms", "a time above zero"),
        ("BP_LIVE_RELOAD_SYNC_TOOLS", "yes", "1 t T TRUE true True"),
    ] {
        let lifecycle = lifecycle().with(name, value);
        let outcome = lifecycle.build().assert_failure();
        assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(accepted), "{}", outcome.stderr);
        assert_eq!(lifecycle.layer_files(), [""; 0]);
    }
}

#[test]
fn rejects_a_nul_in_every_setting() {
    for setting in Setting::ALL {
        let lifecycle = lifecycle().with_platform(setting.variable, "a\0b");
        let error = lifecycle.build().assert_failure().stderr;
        let expected = format!("{} is \"a\\0b\", which", setting.variable);
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn reports_all_wrong_values_together() {
    let lifecycle = lifecycle()
        .with("BP_LIVE_RELOAD_ENABLED", "yes")
        .with("BP_LIVE_RELOAD_PROCESS", "a b")
        .with("BP_LIVE_RELOAD_DEBOUNCE", "50")
        .with("BP_LIVE_RELOAD_SYNC_TOOLS", "maybe")
        .with("BP_WATCHEXEC_VERSION", "latest")
        .with("BP_DIALER_TIMEOUT", "soon")
        .with("BP_RESPONSE_HEADER_TIMEOUT", "later")
        .with("HTTPS_PROXY", "http://user:secret@:bad")
        .with("NETRC", "/missing/netrc");
    let outcome = lifecycle.build().assert_failure();
    insta::assert_snapshot!(outcome.stderr);
    assert_eq!(lifecycle.layer_files(), [""; 0]);
}

#[test]
fn warns_of_an_unknown_setting() {
    let outcome = lifecycle()
        .with("BP_LIVE_RELOAD_DEBOUNSE", "1s")
        .build()
        .assert_success();
    assert!(
        outcome
            .stdout
            .contains("did you mean BP_LIVE_RELOAD_DEBOUNCE?"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn adds_the_sync_tools_as_processes() {
    let lifecycle = lifecycle()
        .with("BP_LIVE_RELOAD_PROCESS", "")
        .with("BP_LIVE_RELOAD_SYNC_TOOLS", "true");
    lifecycle.build().assert_success();
    assert_eq!(command(&lifecycle, "tar").unwrap(), ["live-reload", "tar"]);
    assert_eq!(command(&lifecycle, "rm").unwrap(), ["live-reload", "rm"]);
    assert!(has_live_reload(&lifecycle));
}

#[test]
fn fails_without_live_reload_in_the_buildpack() {
    let lifecycle = lifecycle();
    fs::remove_file(lifecycle.buildpack().join("bin/live-reload")).unwrap();
    let outcome = lifecycle.build().assert_failure();
    for words in [
        "bin/live-reload`: No such file",
        "Package the buildpack again",
    ] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    assert!(!lifecycle.layers().join("launch.toml").exists());
}

#[test]
fn says_that_the_image_is_for_development_without_a_warning() {
    let at_api_0_10 = lifecycle();
    let in_production = lifecycle().with("CNB_EXEC_ENV", "production");
    for lifecycle in [at_api_0_10, in_production] {
        let outcome = lifecycle.build().assert_success();
        assert!(
            outcome.stdout.contains("\n    For development only: "),
            "{}",
            outcome.stdout
        );
        assert!(!outcome.stdout.contains("Warning"), "{}", outcome.stdout);
    }
}

/// The mode of a file and of its folder in the app directory after a build, and the build's log.
fn app_modes(lifecycle: &Lifecycle) -> (u32, u32, String) {
    let folder = lifecycle.path("app/src");
    let file = folder.join("main");
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(lifecycle.path("app"), Permissions::from_mode(0o777)).unwrap();
    let outcome = lifecycle.build().assert_success();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    (mode(&file), mode(&folder), outcome.stdout)
}

#[test]
fn makes_the_app_directory_group_writable() {
    let lifecycle = lifecycle();
    let (file, folder, log) = app_modes(&lifecycle);
    assert_eq!((file, folder), (0o664, 0o775));
    let app = lifecycle.path("app");
    let line = format!(
        "Made 1 file and 1 directory in {} group-writable\n",
        app.display()
    );
    assert!(log.contains(&line), "{log}");
}

#[test]
fn changes_no_mode_without_a_reload_process() {
    let lifecycle = lifecycle()
        .with("BP_LIVE_RELOAD_PROCESS", "")
        .with("BP_LIVE_RELOAD_SYNC_TOOLS", "true");
    let (file, folder, log) = app_modes(&lifecycle);
    assert_eq!((file, folder), (0o644, 0o755));
    assert!(!log.contains("group"), "{log}");
}
