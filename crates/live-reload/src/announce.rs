//! Each start of the process. In its place watchexec starts this program, which waits until the sync is over, logs
//! the changed files, takes back what watchexec has added to the environment, and becomes the process.
//!
//! watchexec collects changes for a fixed time from the first one on, and a sync of many files takes longer than
//! anyone wants to wait after a save. Whenever more changes follow, watchexec stops this program while it waits,
//! and starts it again: a sync leads to one start of the process, however long it takes.
//!
//! watchexec hands the changes over in a file. Environment variables would do for a few of them, but one variable has
//! at most 128 KiB (execve(2), "Limits on size of arguments and environment"): after a sync of some thousand files
//! no process could be started.

use crate::changes::{CALM, Changes, GAP};
use crate::checks;
use crate::launch::Launch;
use crate::problem::Problem;
use crate::process_tree::parent_of;
use crate::signals::STARTED;
use crate::texts::tell;
use nix::sys::signal::{Signal, kill};
use nix::unistd::getppid;
use reload_options::TimeSpan;
use signal_hook::flag;
use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};
use tempfile::TempDir;

/// The first argument of a start. It is for watchexec to give, and not one of the options of a user.
pub(crate) const ARGUMENT: &str = "--announce";

/// The variable in which watchexec names the file of changes.
const CHANGES: &str = "WATCHEXEC_EVENTS_FILE";

/// The variable that tells watchexec in which directory to write that file.
const CHANGES_DIRECTORY: &str = "WATCHEXEC_TMPDIR";

/// A directory in memory, which containers have even if their root is read-only and they lack /tmp.
const SHARED_MEMORY: &str = "/dev/shm";

/// The start of the name of watchexec's directory.
const PREFIX: &str = "live-reload-";

/// The file in which a start that is stopped leaves its changes to the next one.
const LEFT: &str = "live-reload";

/// The file with the changes of the last start, written when the process started.
const LAST: &str = "live-reload.last";

/// The exit status for a program that cannot be run, in the convention of shells.
const CANNOT_RUN: u8 = 127;

/// Makes a watchexec start the process by this program. Returns the directory for files of changes, which is
/// removed when dropped; `None` leaves the place to watchexec.
pub(crate) fn add(
    watchexec: &mut Command,
    program: &Path,
    r#type: &str,
    app: &Path,
    debounce: &TimeSpan,
) -> Option<TempDir> {
    watchexec.arg(program).arg(ARGUMENT).arg(r#type).arg(app);
    watchexec.arg(debounce.to_string());
    let directory = env::var_os(CHANGES_DIRECTORY).unwrap_or_else(|| SHARED_MEMORY.into());
    // The containers of a pod share this memory.
    let directory = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(directory);
    let directory = directory.ok()?;
    watchexec.env(CHANGES_DIRECTORY, directory.path());
    Some(directory)
}

/// Starts the process: `TYPE APP_DIRECTORY DEBOUNCE PROGRAM ARGUMENT…`.
///
/// Returns only if the program cannot be run.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(r#type), Some(app), Some(debounce), Some(program)) = (
        arguments.next(),
        arguments.next(),
        arguments.next(),
        arguments.next(),
    ) else {
        tell(format_args!(
            "live-reload: error: {ARGUMENT} is for watchexec"
        ));
        return ExitCode::from(2);
    };
    let r#type = r#type.to_string_lossy();
    let arguments: Vec<OsString> = arguments.collect();
    if let Some(supervisor) = parent_of(getppid()) {
        kill(supervisor, STARTED).ok();
    }
    let debounce = debounce.to_str().and_then(|time| time.parse().ok());
    let debounce = debounce.map_or(GAP, |time: TimeSpan| time.duration());
    match env::var_os(CHANGES).map(PathBuf::from) {
        Some(file) => {
            let changes = fs::read_to_string(&file).unwrap_or_default();
            // watchexec removes it too, unless it is killed.
            fs::remove_file(&file).ok();
            // The first start has no change.
            if !changes.is_empty() {
                let changes = wait_for_more(changes, &file, debounce);
                if let Some(what) = Changes::read(&changes).summary(Path::new(&app)) {
                    tell(format_args!(
                        "live-reload: {what} changed, restarting {type}"
                    ));
                }
            }
        }
        // watchexec could not write the file.
        None => tell(format_args!("live-reload: starting {type}")),
    }
    let mut command = Command::new(&program);
    command.args(&arguments).env_remove(CHANGES);
    let directory = env::var_os(CHANGES_DIRECTORY).map(PathBuf::from);
    match directory.as_deref().and_then(given_directory) {
        Some(given) if given != SHARED_MEMORY => command.env(CHANGES_DIRECTORY, given),
        Some(_) => command.env_remove(CHANGES_DIRECTORY),
        None => &mut command,
    };
    let error = command.exec();
    let launch = Launch {
        command: vec![program.to_string_lossy().into_owned()],
        working_directory: env::current_dir().unwrap_or_default(),
        environment: env::vars_os().collect(),
    };
    match checks::program(&launch) {
        // A sync can have removed it.
        Err(reason) => tell(format_args!(
            "live-reload: error: {}",
            Problem::Program(r#type.into_owned(), reason)
        )),
        Ok(()) => tell(format_args!(
            "live-reload: error: {} cannot be run ({error})",
            program.display()
        )),
    }
    ExitCode::from(CANNOT_RUN)
}

/// The directory in which this program has made that of watchexec.
fn given_directory(directory: &Path) -> Option<&Path> {
    let name = directory.file_name()?.to_str()?;
    directory.parent().filter(|_| name.starts_with(PREFIX))
}

/// Waits until no more changes follow. Returns all changes since the last start of the process: where this
/// program was stopped while it waited, it has left them to the next one.
fn wait_for_more(mut changes: String, file: &Path, debounce: Duration) -> String {
    let [left, last] = [LEFT, LAST].map(|name| file.with_file_name(name));
    let started = last.metadata().and_then(|metadata| metadata.modified());
    let calm = started.map_or(Duration::MAX, |time| time.elapsed().unwrap_or_default());
    let before = fs::read_to_string(&last).unwrap_or_default();
    let stopped = fs::read_to_string(&left).unwrap_or_default();
    changes.insert_str(0, &stopped);
    // The stop signal ends this program, even one that a program ignores unless it handles it.
    for signal in [Signal::SIGCHLD, Signal::SIGURG, Signal::SIGWINCH] {
        let (status, always) = (128 + signal as i32, Arc::new(AtomicBool::new(true)));
        flag::register_conditional_shutdown(signal as i32, status, always).ok();
    }
    fs::write(&left, &changes).ok();
    let known = Changes::read(&changes);
    // A file that is saved again is no further file of a sync.
    let is_new = calm > CALM || known.are_among(&Changes::read(&before));
    let follows = !stopped.is_empty() || !is_new;
    match known.few(debounce) {
        Some(files) if !follows => wait_until_written(files, debounce),
        // watchexec collects changes before it stops this program.
        _ => thread::sleep(debounce.saturating_add(known.gap(follows))),
    }
    fs::remove_file(left).ok();
    fs::write(last, &changes).ok();
    changes
}

/// Waits until neither these files nor their directories have changed for this long: a large file can take longer
/// to write than watchexec collects changes, and its neighbours can be next. An empty file is expected to get its
/// content, which tools write after they have created it.
fn wait_until_written(files: &BTreeSet<&Path>, debounce: Duration) {
    let longest = debounce.saturating_add(GAP);
    let started = Instant::now();
    loop {
        let is_empty = |file: &&Path| file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        let is_written = !files.iter().any(is_empty);
        let quiet = if is_written { debounce } else { longest };
        let paths = files.iter().flat_map(|file| [Some(*file), file.parent()]);
        let ages = paths
            .flatten()
            .filter_map(|path| path.symlink_metadata().ok());
        let youngest = ages.map(|metadata| age(&metadata)).min().unwrap_or(quiet);
        let left = quiet.saturating_sub(youngest);
        // Where others write into the directory all the time, it never rests.
        match left.min(longest.saturating_sub(started.elapsed())) {
            Duration::ZERO => break,
            left => thread::sleep(left),
        }
    }
}

/// How long ago something has changed in any way: copied files keep the time of their last modification. A change in
/// the future is one by another clock, and counts as old.
fn age(metadata: &Metadata) -> Duration {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let nanoseconds = u64::try_from(metadata.ctime_nsec()).unwrap_or_default();
    let changed = Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
    let changed = UNIX_EPOCH.checked_add(changed);
    let age = changed.and_then(|changed| changed.elapsed().ok());
    age.unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_a_file_that_is_still_being_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("large");
        let debounce = Duration::from_millis(50);
        for (content, quiet) in [("large", debounce), ("", debounce + GAP)] {
            let written = Instant::now();
            fs::write(&file, content).unwrap();
            wait_until_written(&[file.as_path()].into(), debounce);
            // The kernel's clock for files ticks less often.
            let tick = Duration::from_millis(10);
            assert!(written.elapsed() + tick >= quiet, "{content:?}");
        }
    }
}
