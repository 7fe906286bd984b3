//! The temporary names of `tar`: in use, after a signal, and of many calls at once.

use crate::image::PROGRAM;
use crate::programs;
use crate::tar::{Archive, names, run, target};
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A call of `tar` that waits for the end of its archive.
struct Waiting(Child);

impl Waiting {
    fn start(directory: &Path, archive: &[u8]) -> Self {
        // Whoever runs the tests may ignore signals, as `nohup` does, and programs inherit that.
        let mut command = Command::new("env");
        command
            .args(["--default-signal", PROGRAM, "tar", "-xf", "-"])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = programs::start(&mut command);
        child.stdin.as_mut().unwrap().write_all(archive).unwrap();
        Self(child)
    }

    fn succeeds(mut self) {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

/// The relative paths of everything below a directory.
fn all(directory: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for name in names(directory) {
        let path = directory.join(&name);
        if path.is_dir() {
            all.extend(
                self::all(&path)
                    .iter()
                    .map(|inner| format!("{name}/{inner}")),
            );
        }
        all.push(name);
    }
    all.sort();
    all
}

/// Waits until a directory has these names.
fn wait_for(directory: &Path, expected: &[&str]) {
    let limit = Instant::now() + programs::LIMIT;
    while all(directory) != expected {
        assert!(Instant::now() < limit, "{:?}", all(directory));
        thread::sleep(Duration::from_millis(5));
    }
}

/// The archive without the blocks that end it.
fn unfinished() -> Vec<u8> {
    let archive = Archive::new()
        .file("a", "new")
        .file("d/a", "")
        .link("d/b", "a");
    let mut bytes = archive.bytes();
    bytes.truncate(bytes.len() - 1024);
    bytes
}

/// watchexec 2.7 and 2.8 get slower with each unique name that disappears.
#[test]
fn uses_the_same_names_again() {
    const FIRST: [&str; 7] = [
        ".live-reload-1.tmp",
        ".live-reload-1.tmp/1.tmp",
        "d",
        "d/.live-reload-1.tmp",
        "d/.live-reload-1.tmp/2.tmp",
        "d/.live-reload-1.tmp/3.tmp",
        "kept",
    ];
    let directory = target();
    fs::write(directory.path().join("kept"), "").unwrap();
    let first = Waiting::start(directory.path(), &unfinished());
    wait_for(directory.path(), &FIRST);
    let second = Waiting::start(directory.path(), &unfinished());
    let both: Vec<String> = FIRST
        .iter()
        .filter(|name| name.contains("tmp"))
        .flat_map(|name| [(*name).to_owned(), name.replace("reload-1", "reload-2")])
        .chain(["d".to_owned(), "kept".to_owned()])
        .collect();
    let mut both: Vec<&str> = both.iter().map(String::as_str).collect();
    both.sort_unstable();
    wait_for(directory.path(), &both);
    first.succeeds();
    second.succeeds();
    assert_eq!(all(directory.path()), ["a", "d", "d/a", "d/b", "kept"]);
    for name in ["a", "d/a", "d/b"] {
        fs::remove_file(directory.path().join(name)).unwrap();
    }
    let third = Waiting::start(directory.path(), &unfinished());
    wait_for(directory.path(), &FIRST);
    third.succeeds();
}

#[test]
fn leaves_nothing_when_a_signal_ends_it() {
    const LARGE: usize = 300_000;
    let mut large = Archive::new()
        .file("file", "new")
        .file("large", &"x".repeat(LARGE))
        .bytes();
    large.truncate(LARGE);
    for signal in [1, 2, 15] {
        for archive in [&unfinished(), &large] {
            let directory = target();
            let mut waiting = Waiting::start(directory.path(), archive);
            let limit = Instant::now() + programs::LIMIT;
            while !directory.path().join(".live-reload-1.tmp/1.tmp").exists() {
                assert!(Instant::now() < limit, "it has not started");
                thread::sleep(Duration::from_millis(5));
            }
            let kill = format!("kill -{signal} {}", waiting.0.id());
            assert!(
                programs::run(Command::new("/bin/sh").args(["-c", &kill]))
                    .status
                    .success()
            );
            let status = waiting.0.wait().unwrap();
            assert_eq!(status.signal(), Some(signal));
            let left = all(directory.path());
            assert!(left.is_empty() || left == ["d"], "{left:?}");
        }
    }
}

#[test]
fn sixty_at_once_do_not_disturb_each_other() {
    const CALLS: usize = 60;
    let directory = target();
    thread::scope(|scope| {
        for call in 0..CALLS {
            let directory = directory.path();
            scope.spawn(move || {
                // Each makes the same directories, if it is the first.
                let archive = Archive::new()
                    .file(&format!("own/{call}/file"), "")
                    .file(&format!("deep/deeper/{call}"), "")
                    .directory("made/")
                    .file(&format!("made/{call}"), "")
                    .file("same", &call.to_string())
                    .hard_link(&format!("hard-{call}"), "same");
                let mut command = Command::new(PROGRAM);
                command.args(["tar", "-xf", "-"]);
                run(command, directory, &archive.bytes()).succeeded();
            });
        }
    });
    let mut expected: Vec<String> = (0..CALLS)
        .flat_map(|call| {
            [
                format!("own/{call}"),
                format!("own/{call}/file"),
                format!("deep/deeper/{call}"),
                format!("made/{call}"),
                format!("hard-{call}"),
            ]
        })
        .chain(["own", "deep", "deep/deeper", "made", "same"].map(str::to_owned))
        .collect();
    expected.sort();
    assert_eq!(all(directory.path()), expected);
    for call in 0..CALLS {
        let hard = directory.path().join(format!("hard-{call}"));
        assert_eq!(fs::read_to_string(hard).unwrap(), call.to_string());
    }
}
