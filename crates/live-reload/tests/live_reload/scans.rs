//! Changes that watchexec does not report, and that `live-reload` finds by itself.

use crate::image::{Image, Running};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

const APP: &str = "trap 'exit 0' TERM\necho up\nwhile :; do sleep 0.01; done\n";

fn stop(running: Running) {
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end(), (0, String::new()));
}

#[test]
fn finds_a_change_before_all_directories_are_watched() {
    let image = Image::running(APP);
    let deep = image.app().join("a/b/c/app.py");
    crate::image::write(&deep, "old");
    let mut running = image.start(&[]);
    fs::write(&deep, "new").unwrap();
    running.logs("a/b/c/app.py changed, restarting web");
    running.wait_for("up");
    stop(running);
}

#[test]
fn finds_a_change_whose_name_watchexec_cannot_write() {
    let image = Image::running(APP);
    let mut running = image.start(&[]);
    // The last scan after a start.
    thread::sleep(Duration::from_secs(14));
    for (name, event, logged) in [
        ("a\nb", "modify:APP/a\nb", "a\\nb"),
        (
            "a\nmodify:/etc/shadow",
            "modify:APP/a\nmodify:/etc/shadow",
            "shadow",
        ),
    ] {
        let file = image.app().join(name.replace("/etc/", ""));
        fs::write(&file, "new").unwrap();
        image.report(&event.replace("APP", image.app().to_str().unwrap()));
        running.logs(&format!("{logged} changed, restarting web"));
        running.wait_for("up");
    }
    stop(running);
}

/// Polls, and has started with this file.
fn polling(file: &str) -> (Image, Running) {
    let image = Image::running(APP);
    fs::write(image.app().join(file), "1").unwrap();
    let running = image.start(&["--poll", "100ms"]);
    (image, running)
}

#[test]
fn polls_for_each_save_however_soon_it_follows() {
    let (image, mut running) = polling("app.py");
    for version in ["2", "3", "4"] {
        thread::sleep(Duration::from_millis(600));
        fs::write(image.app().join("app.py"), version).unwrap();
        running.logs("app.py changed, restarting web");
        running.wait_for("up");
    }
    fs::remove_file(image.app().join("app.py")).unwrap();
    running.logs("app.py changed, restarting web");
    running.wait_for("up");
    stop(running);
}

#[test]
fn polls_for_files_with_an_older_time() {
    let (image, mut running) = polling("app.py");
    let file = image.app().join("app.py");
    let old = SystemTime::now() - Duration::from_secs(1_000_000);
    // As `cp -p`, `rsync --inplace -t`, and one that leaves the time as it is.
    for (version, time) in [
        ("22", old),
        ("333", old - Duration::from_secs(1000)),
        ("4444", old - Duration::from_secs(1000)),
    ] {
        fs::write(&file, version).unwrap();
        fs::File::open(&file).unwrap().set_modified(time).unwrap();
        running.logs("app.py changed, restarting web");
        running.wait_for("up");
    }
    stop(running);
}

#[test]
fn polling_skips_ignored_files() {
    let (image, running) = polling("app.log");
    fs::write(image.app().join("app.log"), "longer").unwrap();
    crate::image::write(&image.app().join(".git/index"), "new");
    thread::sleep(Duration::from_secs(1));
    stop(running);
}

/// Makes a link lead elsewhere in one step.
fn swap(link: &Path, target: &str) {
    let new = link.with_file_name("new");
    symlink(target, &new).unwrap();
    fs::rename(new, link).unwrap();
}

#[test]
fn follows_links_to_watched_paths_each_time_they_change() {
    let image = Image::running(APP);
    // A ConfigMap in a pod.
    let volume = image.layers().join("../config");
    for version in ["1", "2", "3"] {
        crate::image::write(&volume.join(version).join("app.yaml"), version);
    }
    symlink("1", volume.join("data")).unwrap();
    symlink("data/app.yaml", volume.join("app.yaml")).unwrap();
    let file = volume.join("app.yaml");
    let mut running = image.start(&["--watch", file.to_str().unwrap()]);
    for version in ["2", "3"] {
        swap(&volume.join("data"), version);
        running.logs(&format!("{version}/app.yaml changed, restarting web"));
        running.wait_for("up");
    }
    stop(running);
}

#[test]
fn watches_a_directory_again_that_was_deleted_and_made_again() {
    let image = Image::running(APP);
    let directory = image.app().join("config");
    crate::image::write(&directory.join("a"), "1");
    let mut running = image.start(&["--watch", "config"]);
    for version in 2..4 {
        fs::remove_dir_all(&directory).unwrap();
        thread::sleep(Duration::from_millis(50));
        crate::image::write(&directory.join("a"), &version.to_string());
        running.logs("config/a changed, restarting web");
        running.wait_for("up");
        image.wait_for_watchexec(version);
    }
    stop(running);
}

#[test]
fn does_not_restart_for_files_that_changed_before_the_last_start() {
    let image = Image::running(APP);
    let mut running = image.start(&["--debounce", "300ms"]);
    // Of a sync of two files, watchexec reports one. The scans after its start come later too.
    for file in ["reported", "unreported"] {
        fs::write(image.app().join(file), "new").unwrap();
    }
    image.change("reported");
    running.wait_for("up");
    thread::sleep(Duration::from_secs(2));
    stop(running);
}
