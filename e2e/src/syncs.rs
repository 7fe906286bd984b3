//! What a tool does to the files of a container: the events of a save, as three kinds of editors make it,
//! and of a branch switch that changes 500 files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fs_err as fs;
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use walkdir::WalkDir;

use crate::case::Case;
use crate::command::{output, wait_for};

/// How many files a branch changes: it deletes every fiftieth, and adds as many.
const FILES: usize = 500;
/// The directory of these files in the app.
const PAGES: &str = "pages";
/// A sync is over when nothing has changed for this long.
const OVER: Duration = Duration::from_secs(2);
/// How long a tool may take to begin.
const PATIENCE: Duration = Duration::from_mins(1);
/// The times of watchexec's `--debounce` that the report compares, in milliseconds.
const DEBOUNCES: [u64; 3] = [50, 20, 10];

/// Saves a file and switches branches in the app directory on the host, which a tool syncs into the
/// container whose app has this port, by itself or when it is called. Notes the events in the container, and
/// how often the app was restarted.
pub(crate) fn note(
    case: &Case<'_>,
    app: &Path,
    port: u16,
    call: impl Fn() -> Result<()>,
    log: impl Fn() -> Result<String>,
) -> Result<()> {
    let synced = app_directory(port)?;
    let (from, to) = (app.join(PAGES), synced.join(PAGES));
    let repository = tempfile::tempdir()?;
    let git = |words: &[&str]| {
        let directory = repository.path().join(".git");
        let mut git = Command::new("git");
        git.arg("-C").arg(app).args(["-c", "user.name=e2e"]);
        git.args(["-c", "user.email=e2e@localhost", "--work-tree=."]);
        output(git.arg("--git-dir").arg(directory).args(words))
    };
    git(&["init", "--quiet"])?;
    for branch in ["one", "other"] {
        let elsewhere = format!("--work-tree={}", repository.path().display());
        write_pages(repository.path(), branch)?;
        git(&[&elsewhere, "checkout", "--quiet", "-b", branch])?;
        git(&[&elsewhere, "add", "--all", PAGES])?;
        git(&[&elsewhere, "commit", "--quiet", "--message", branch])?;
    }
    let switch = |branch| git(&["checkout", "--quiet", "--force", branch]).map(drop);
    let events = events_below(&synced)?;
    let sync = |what: &str, change: &dyn Fn() -> Result<()>| -> Result<()> {
        let before = log()?;
        change()?;
        call()?;
        wait_for(PATIENCE, || Ok(has_all(&to, &from).then_some(())))
            .with_context(|| format!("after the {what}"))?;
        let mut changes = Vec::new();
        while let Ok(change) = events.recv_timeout(OVER) {
            changes.push(change);
        }
        let log = log()?;
        let lines = log.lines().skip(before.lines().count());
        let restarts: Vec<&str> = lines.filter(|line| line.contains(" restarting ")).collect();
        let (count, summary) = (restarts.len(), summary(&changes));
        case.show(format!("{what}: {summary}; {count} now"));
        if count > 1 {
            case.show(restarts.join("; "));
        }
        Ok(())
    };
    sync("new directory", &|| switch("one"))?;
    let page = from.join("0/1.py");
    let [next, backup] = ["1.py.next", "1.py~"].map(|name| page.with_file_name(name));
    let text = |editor: &str| format!("EDITOR = {editor:?}\n");
    sync("save in place", &|| Ok(fs::write(&page, text("VS Code"))?))?;
    sync("save by rename", &|| {
        fs::write(&next, text("JetBrains"))?;
        Ok(fs::rename(&next, &page)?)
    })?;
    sync("save with a backup", &|| {
        fs::rename(&page, &backup)?;
        fs::write(&page, text("Vim"))?;
        Ok(fs::remove_file(&backup)?)
    })?;
    sync("branch switch", &|| switch("other"))?;
    sync("branch switch", &|| switch("one"))
}

/// The app directory in the container, as this machine sees it.
fn app_directory(port: u16) -> Result<PathBuf> {
    let variable = format!("PORT={port}");
    let processes = fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path()));
    let read = |process: &Path, file| std::fs::read(process.join(file)).unwrap_or_default();
    let mut found = processes.filter(|process| {
        let environment = read(process, "environ");
        let mut variables = environment.split(|byte| *byte == 0);
        read(process, "comm") == b"live-reload\n" && variables.any(|one| one == variable.as_bytes())
    });
    let found = found.next();
    let found = found.with_context(|| format!("no live-reload has {variable}"))?;
    Ok(found.join("root/workspace"))
}

/// Writes the files of a branch.
fn write_pages(root: &Path, branch: &str) -> Result<()> {
    for page in 0..FILES + FILES / 50 {
        let file = root.join(format!("{PAGES}/{}/{page}.py", page % 20));
        fs::create_dir_all(file.parent().unwrap_or(root))?;
        let only_other = page >= FILES;
        if (page % 50 == 0 || only_other) && only_other != (branch == "other") {
            let _ = fs::remove_file(file);
        } else {
            fs::write(file, format!("BRANCH = {branch:?}\n").repeat(page))?;
        }
    }
    Ok(())
}

/// Whether a directory has all files of another one.
fn has_all(directory: &Path, original: &Path) -> bool {
    let mut files = WalkDir::new(original).into_iter().filter_map(Result::ok);
    files.all(|file| {
        let name = file.path().strip_prefix(original).unwrap_or(original);
        file.file_type().is_dir()
            || std::fs::read(file.path()).ok() == std::fs::read(directory.join(name)).ok()
    })
}

/// The times of all events below a directory that watchexec acts on.
fn events_below(directory: &Path) -> Result<Receiver<(Instant, PathBuf)>> {
    let inotify = init(CreateFlags::CLOEXEC)?;
    let flags = WatchFlags::CREATE
        | WatchFlags::MODIFY
        | WatchFlags::ATTRIB
        | WatchFlags::MOVE
        | WatchFlags::DELETE;
    let inotify = Arc::new(inotify);
    let watching = Arc::clone(&inotify);
    let mut watched = BTreeMap::new();
    let watch = move |directory: &Path, watched: &mut BTreeMap<i32, PathBuf>| {
        for entry in WalkDir::new(directory).into_iter().filter_map(Result::ok) {
            if entry.file_type().is_dir() {
                let id = add_watch(&watching, entry.path(), flags)?;
                watched.insert(id, entry.into_path());
            }
        }
        rustix::io::Result::Ok(())
    };
    watch(directory, &mut watched)?;
    let (sender, events) = channel();
    spawn(move || -> rustix::io::Result<()> {
        let mut buffer = vec![MaybeUninit::uninit(); 64 << 10];
        let mut reader = Reader::new(&inotify, &mut buffer);
        loop {
            let event = reader.next()?;
            let now = Instant::now();
            let name = event.file_name().unwrap_or_default().to_bytes();
            let parent = watched.get(&event.wd()).cloned().unwrap_or_default();
            let path = parent.join(OsStr::from_bytes(name));
            if event
                .events()
                .contains(ReadFlags::ISDIR | ReadFlags::CREATE)
            {
                watch(&path, &mut watched)?;
            }
            if sender.send((now, path)).is_err() {
                return Ok(());
            }
        }
    });
    Ok(events)
}

/// How many events there are, how long they take, when a second file changes, their largest gaps, and how often
/// watchexec would restart the app if it collected them for each of the times from the first one on.
fn summary(events: &[(Instant, PathBuf)]) -> String {
    let milliseconds = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1e3);
    let times: Vec<Instant> = events.iter().map(|(time, _)| *time).collect();
    let since_first = |time: &Instant| time.duration_since(times[0]);
    let span = times.last().map(since_first).unwrap_or_default();
    let second = events.iter().find(|(_, path)| *path != events[0].1);
    let second = second.map_or("never".to_owned(), |(time, _)| {
        milliseconds(since_first(time))
    });
    let mut gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable_by(|one, other| other.cmp(one));
    let gaps: Vec<String> = gaps.into_iter().take(3).map(milliseconds).collect();
    let restarts = DEBOUNCES.map(|debounce| {
        let mut ends = None;
        let mut starts = |time: &&Instant| {
            let starts = ends.is_none_or(|end| **time >= end);
            if starts {
                ends = Some(**time + Duration::from_millis(debounce));
            }
            starts
        };
        times.iter().filter(|time| starts(time)).count()
    });
    format!(
        "{} events in {} ms, second file after {second} ms, largest gaps {} ms, restarts at {DEBOUNCES:?} ms: {restarts:?}",
        times.len(),
        milliseconds(span),
        gaps.join(", ")
    )
}
