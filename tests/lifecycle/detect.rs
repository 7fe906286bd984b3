//! `bin/detect`: its exit status, its plan and its words.

use crate::support::lifecycle::Lifecycle;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const PLAN: &str = "\
[[provides]]
name = \"watchexec\"

[[requires]]
name = \"watchexec\"

[requires.metadata]
launch = true
";

fn lifecycle() -> Lifecycle {
    Lifecycle::new("").without("BP_LIVE_RELOAD_ENABLED")
}

#[test]
fn passes_with_the_flag_alone() {
    for value in ["1", "t", "T", "TRUE", "true", "True", " true\n"] {
        let lifecycle = lifecycle().with("BP_LIVE_RELOAD_ENABLED", value);
        lifecycle.detect().assert_success();
        assert_eq!(lifecycle.plan(), PLAN);
    }
}

#[test]
fn does_not_pass_with_a_false_flag_in_any_execution_environment() {
    for value in ["0", "f", "F", "FALSE", "false", "False"] {
        let outcome = lifecycle()
            .with("BP_LIVE_RELOAD_ENABLED", value)
            .with("CNB_EXEC_ENV", "development")
            .detect();
        assert_eq!(outcome.status, 100, "{value}");
    }
}

#[test]
fn passes_by_execution_environment_without_the_flag() {
    for (environment, status) in [
        ("development", 0),
        ("production", 100),
        ("test", 100),
        ("", 100),
    ] {
        let outcome = lifecycle().with("CNB_EXEC_ENV", environment).detect();
        assert_eq!(outcome.status, status, "{environment}");
        let outcome = lifecycle()
            .with("CNB_EXEC_ENV", environment)
            .with("BP_LIVE_RELOAD_ENABLED", "")
            .detect();
        assert_eq!(outcome.status, status, "{environment}");
    }
    assert_eq!(lifecycle().detect().status, 100);
}

#[test]
fn rejects_any_other_flag_and_lists_the_accepted_values() {
    let outcome = lifecycle()
        .with("BP_LIVE_RELOAD_ENABLED", "yes")
        .detect()
        .assert_failure();
    for part in ["BP_LIVE_RELOAD_ENABLED", "\"yes\"", "1 t T TRUE true True"] {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
}

#[test]
fn prefers_the_process_environment_to_the_platform_directory() {
    let platform_only = lifecycle().with_platform("BP_LIVE_RELOAD_ENABLED", "true");
    platform_only.detect().assert_success();
    let overruled = platform_only.with("BP_LIVE_RELOAD_ENABLED", "false");
    assert_eq!(overruled.detect().status, 100);
}

#[test]
fn ignores_variables_of_others_that_cannot_be_read() {
    let lifecycle = lifecycle().with("BP_LIVE_RELOAD_ENABLED", "false");
    let directory = lifecycle.path("platform/env");
    std::fs::write(directory.join("OTHER"), b"caf\xE9").unwrap();
    std::fs::write(directory.join("LARGE"), vec![b'x'; 2 << 20]).unwrap();
    std::fs::create_dir(directory.join("DIRECTORY")).unwrap();
    assert_eq!(lifecycle.detect().status, 100);
    let outcome = lifecycle.with("BP_LIVE_RELOAD_ENABLED", "true").detect();
    outcome.assert_success();
}

#[test]
fn accepts_three_apis_and_names_them_for_any_other() {
    for (api, status) in [
        ("0.12", 0),
        ("0.11", 0),
        ("0.10", 0),
        ("0.9", 1),
        ("0.13", 1),
    ] {
        let lifecycle = lifecycle().with("BP_LIVE_RELOAD_ENABLED", "true");
        lifecycle.set_api(api);
        let outcome = lifecycle.detect();
        assert_eq!(outcome.status, status, "{api}: {}", outcome.output());
        if status != 0 {
            assert!(outcome.stderr.contains("0.10, 0.11, 0.12"));
        }
    }
}

#[test]
fn accepts_a_base_image_without_distribution_labels() {
    let lifecycle = lifecycle()
        .with("BP_LIVE_RELOAD_ENABLED", "true")
        .without("CNB_TARGET_DISTRO_NAME")
        .without("CNB_TARGET_DISTRO_VERSION");
    lifecycle.detect().assert_success();
    assert_eq!(lifecycle.plan(), PLAN);
}

#[test]
fn detects_if_standard_output_is_full() {
    let lifecycle = lifecycle()
        .with("BP_LIVE_RELOAD_ENABLED", "true")
        .in_shell("exec \"$@\" > /dev/full");
    lifecycle.detect().assert_success();
    assert_eq!(lifecycle.plan(), PLAN);
}

#[test]
fn fails_with_its_status_if_standard_error_is_full() {
    lifecycle()
        .with("BP_LIVE_RELOAD_ENABLED", "yes")
        .in_shell("exec \"$@\" > /dev/full 2> /dev/full")
        .detect()
        .assert_failure();
}

#[test]
fn accepts_keys_of_later_apis_in_buildpack_toml() {
    let lifecycle = lifecycle().with("BP_LIVE_RELOAD_ENABLED", "true");
    lifecycle.add_to_buildpack_table("exec-env = [\"development\", \"test\"]");
    lifecycle.add_to_buildpack_table("a-later-key = []");
    lifecycle.detect().assert_success();
}

#[test]
fn names_the_invalid_line_of_buildpack_toml() {
    let lifecycle = lifecycle().with("BP_LIVE_RELOAD_ENABLED", "true");
    lifecycle.set_dependencies("dependencies = 1");
    let outcome = lifecycle.detect().assert_failure();
    assert!(
        outcome.stderr.contains("dependencies = 1"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn accepts_arguments_that_are_not_utf_8() {
    let lifecycle = lifecycle().with("BP_LIVE_RELOAD_ENABLED", "true");
    let not_utf_8 = Path::new(OsStr::from_bytes(b"plan-\xff.toml"));
    let plan = lifecycle.path("").join(not_utf_8);
    lifecycle
        .phase("detect", &[&lifecycle.path("platform"), &plan])
        .assert_success();
    assert_eq!(std::fs::read_to_string(plan).unwrap(), PLAN);

    let outcome = lifecycle.phase("detect", &[not_utf_8]).assert_failure();
    assert!(
        outcome.stderr.contains("bin/detect <platform> <plan>"),
        "{}",
        outcome.stderr
    );
}
