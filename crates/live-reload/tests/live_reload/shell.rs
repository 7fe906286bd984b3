//! Shell processes (`direct = false`), as buildpacks with an API below 0.9 contribute them.

use crate::image::{Image, write};
use crate::programs;
use crate::stop::WAIT;
use insta::assert_snapshot;
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// An image with a shell process `web`, which the given keys of its entry describe.
fn image(keys: &str) -> Image {
    let process = format!("[[processes]]\ntype = \"web\"\ndirect = false\n{keys}\n");
    Image::new(&process, "#!/bin/sh\n")
}

fn script(script: &str) -> Image {
    image(&format!("command = ['''{script}''']"))
}

/// A directory of the app's buildpack.
fn layer(image: &Image, name: &str) -> PathBuf {
    image.layers().join("example_app").join(name)
}

/// The output of the process.
fn output(image: &Image) -> String {
    output_of(image, 1)
}

/// The output of so many starts.
fn output_of(image: &Image, starts: usize) -> String {
    // What these processes write is no change.
    let output = image.run_times(starts, &mut image.command(&["--ignore", "*"]));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    image.without_directory(&String::from_utf8(output.stdout).unwrap())
}

#[test]
fn runs_the_script_by_bash() {
    let image = script("words=(a 'b  c'); echo \"${words[1]} $1 in $PWD\"");
    assert_eq!(output(&image), "b  c  in /workspace\n");
    let log = image.run(&[]).stderr;
    assert_snapshot!(image.without_directory(&String::from_utf8(log).unwrap()), @"live-reload: restarting web (the default choice) when files change in /workspace");
}

#[test]
fn applies_the_environment_of_all_layers_once() {
    let image = script("echo \"$JAVA_TOOL_OPTIONS\"; echo \"$PATH\"");
    let environment = layer(&image, "jdk").join("env.launch");
    write(&environment.join("PATH.prepend"), "/jdk/bin");
    write(&environment.join("PATH.delim"), ":");
    write(&environment.join("JAVA_TOOL_OPTIONS.append"), "-Dx");
    write(&environment.join("JAVA_TOOL_OPTIONS.delim"), " ");
    write(&environment.join("web/JAVA_TOOL_OPTIONS.append"), "-Dweb");
    write(&environment.join("web/JAVA_TOOL_OPTIONS.delim"), " ");
    let path = format!("/jdk/bin:{}", std::env::var("PATH").unwrap());
    let mut command = image.command(&[]);
    // As the launcher has set it.
    command.env("PATH", &path).env("JAVA_TOOL_OPTIONS", "-Dx");
    let output = image.run_times(1, &mut command);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("-Dx -Dweb\n{path}\n")
    );
}

#[test]
fn runs_exec_d_programs_of_the_type_once_and_the_others_never() {
    let image = script("echo \"$SET\"");
    for name in ["general", "web/of-the-type", "worker/of-another"] {
        programs::write(
            &layer(&image, "jdk").join("exec.d").join(name),
            "#!/bin/sh\necho \"$0\" >> runs\necho 'SET = \"once\"' >&3\n",
        );
    }
    assert_eq!(output_of(&image, 3), "once\n".repeat(3));
    let runs = fs::read_to_string(image.app().join("runs")).unwrap();
    assert_eq!(
        image.without_directory(&runs),
        "/layers/example_app/jdk/exec.d/web/of-the-type\n"
    );
}

#[test]
fn sources_profile_scripts_in_the_order_of_the_launcher() {
    let image = script("echo \"$ORDER\"; echo \"<$local>\"");
    let add = |path: PathBuf, name: &str| {
        write(
            &path,
            &format!("export ORDER=\"$ORDER {name}\"; local=shell\n"),
        );
    };
    add(layer(&image, "a/profile.d/2.sh"), "a2");
    add(layer(&image, "a/profile.d/1.sh"), "a1");
    add(layer(&image, "a/profile.d/web/0.sh"), "a-web");
    add(layer(&image, "a/profile.d/worker/0.sh"), "a-worker");
    add(layer(&image, "b b/profile.d/it's.sh"), "b");
    let own = image
        .layers()
        .join("live-reload_watchexec/a/profile.d/1.sh");
    add(own, "second buildpack");
    add(image.layers().join("unknown/a/profile.d/1.sh"), "unknown");
    add(image.app().join(".profile"), "app");
    // Variables that are not exported stay in the shell that sources the scripts.
    assert_eq!(output(&image), " a1 a2 a-web b second buildpack app\n<>\n");
}

#[test]
fn reports_a_missing_working_directory() {
    let image = image("command = ['''pwd''']\nworking-dir = \"missing\"");
    let (status, text) = image.fail(&[]);
    assert_eq!(status, 1);
    assert!(text.contains("missing"), "{text}");
}

#[test]
fn runs_profile_scripts_in_the_app_directory_at_each_start() {
    let image = image("command = ['''pwd''']\nworking-dir = \"sub dir\"");
    fs::create_dir(image.app().join("sub dir")).unwrap();
    write(&layer(&image, "a/profile.d/1.sh"), "pwd\n");
    assert_eq!(
        output_of(&image, 3),
        "/workspace\n/workspace/sub dir\n".repeat(3)
    );
}

#[test]
fn sources_a_profile_that_a_sync_adds_or_deletes() {
    let image = script(
        "echo \"<$SYNCED>\"; if [ -e .profile ]; then rm .profile; else echo 'export SYNCED=yes' > .profile; fi",
    );
    assert_eq!(output_of(&image, 3), "<>\n<yes>\n<>\n");
}

#[test]
fn evaluates_the_command_and_its_arguments_as_tokens() {
    for keys in [
        r#"command = ["$PROGRAM", "<%s>\\n", "$A", "a b", "${A}c", "$0", "'q'", "$(echo x y)"]"#,
        r#"command = "$PROGRAM"
           args = ["<%s>\\n", "$A", "a b", "${A}c", "$0", "'q'", "$(echo x y)"]"#,
    ] {
        let image = image(keys);
        write(
            &image.app().join(".profile"),
            "export PROGRAM=printf A='two words'\n",
        );
        assert_eq!(
            output(&image),
            "<two words>\n<a b>\n<two wordsc>\n<$PROGRAM>\n<'q'>\n<x y>\n"
        );
    }
}

#[test]
fn finds_programs_on_the_path_of_profile_scripts() {
    let image = script("helper");
    programs::write(
        &image.app().join("tools/helper"),
        "#!/bin/sh\necho helped\n",
    );
    write(
        &layer(&image, "a/profile.d/path.sh"),
        "export PATH=\"$PWD/tools:$PATH\"\n",
    );
    assert_eq!(output(&image), "helped\n");
}

#[test]
fn names_the_launcher_of_the_type_to_profile_scripts() {
    let image = script("true");
    write(&layer(&image, "a/profile.d/1.sh"), "echo \"$0\"\n");
    assert_eq!(output(&image), "/cnb/process/web\n");
}

#[test]
fn stops_a_shell_process_and_ends_with_its_status() {
    let image = script("exec ./app");
    programs::write(
        &image.app().join("app"),
        format!("#!/bin/sh\ntrap 'echo bye; exit 42' TERM\n{WAIT}"),
    );
    let running = image.start(&[]);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end(), (42, "bye\n".to_owned()));
}

#[test]
fn reports_an_image_without_bash() {
    let image = script("true");
    let inner = image.command(&[]);
    // A file that cannot be executed takes its place, in a mount namespace of this process.
    for unshare in [&["--mount"][..], &["-Ur", "--mount"]] {
        let mut outer = Command::new("unshare");
        outer
            .args(unshare)
            .args([
                "sh",
                "-c",
                "mount --bind /dev/null /bin/bash && exec \"$0\"",
            ])
            .arg(inner.get_program())
            .current_dir(image.app());
        let output = programs::run(&mut outer);
        let errors = String::from_utf8(output.stderr).unwrap();
        if errors.starts_with("live-reload: ") {
            assert_eq!(output.status.code(), Some(1));
            assert!(errors.contains("has no /bin/bash"), "{errors}");
            return;
        }
    }
    // The test harness captures `eprintln!`, but not this.
    writeln!(
        std::io::stderr(),
        "SKIPPED: this machine allows no mount namespace, so an image without bash is not tested"
    )
    .unwrap();
}
