//! Each start of the process. In its place watchexec starts this program, which logs the changed files, takes back
//! what watchexec has added to the environment, and becomes the process.
//!
//! watchexec hands the changes over in a file. Environment variables would do for a few of them, but one variable has
//! at most 128 KiB (execve(2), "Limits on size of arguments and environment"): after a sync of some thousand files
//! no process could be started.

use crate::checks;
use crate::launch::Launch;
use crate::problem::Problem;
use crate::process_tree::parent_of;
use crate::signals::STARTED;
use crate::texts::tell;
use nix::sys::signal::kill;
use nix::unistd::{AccessFlags, access, getppid};
use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The first argument of a start. It is for watchexec to give, and not one of the options of a user.
pub(crate) const ARGUMENT: &str = "--announce";

/// The variable in which watchexec names the file of changes.
const CHANGES: &str = "WATCHEXEC_EVENTS_FILE";

/// The variable that tells watchexec in which directory to write that file.
const CHANGES_DIRECTORY: &str = "WATCHEXEC_TMPDIR";

/// A directory in memory, which containers have even if their root is read-only and they lack /tmp.
const SHARED_MEMORY: &str = "/dev/shm";

/// The exit status for a program that cannot be run, in the convention of shells.
const CANNOT_RUN: u8 = 127;

/// Makes a watchexec start the process by this program.
pub(crate) fn add(watchexec: &mut Command, program: &Path, r#type: &str, app: &Path) {
    watchexec.arg(program).arg(ARGUMENT).arg(r#type).arg(app);
    if env::var_os(CHANGES_DIRECTORY).is_none() && access(SHARED_MEMORY, AccessFlags::W_OK).is_ok()
    {
        watchexec.env(CHANGES_DIRECTORY, SHARED_MEMORY);
    }
}

/// Starts the process: `TYPE APP_DIRECTORY PROGRAM ARGUMENT…`.
///
/// Returns only if the program cannot be run.
pub(crate) fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(r#type), Some(app), Some(program)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        tell(format_args!(
            "live-reload: error: {ARGUMENT} is for watchexec"
        ));
        return ExitCode::from(2);
    };
    let r#type = r#type.to_string_lossy();
    let arguments: Vec<OsString> = arguments.collect();
    match env::var_os(CHANGES).map(PathBuf::from) {
        Some(file) => {
            let changes = fs::read_to_string(&file).unwrap_or_default();
            // watchexec removes it too, unless it is killed.
            fs::remove_file(file).ok();
            // The first start has no change.
            if let Some(what) = summary(&changes, Path::new(&app)) {
                tell(format_args!(
                    "live-reload: {what} changed, restarting {type}"
                ));
            }
        }
        // watchexec could not write the file.
        None => tell(format_args!("live-reload: starting {type}")),
    }
    if let Some(supervisor) = parent_of(getppid()) {
        kill(supervisor, STARTED).ok();
    }
    let mut command = Command::new(&program);
    command.args(&arguments).env_remove(CHANGES);
    if env::var_os(CHANGES_DIRECTORY).is_some_and(|directory| directory == SHARED_MEMORY) {
        command.env_remove(CHANGES_DIRECTORY);
    }
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

/// Summarizes the changed files; `None` without changes. Each line has a kind of change and a path,
/// `modify:/workspace/app.py`.
///
/// Of files that are replaced, the temporary ones are gone by now. A file that is gone counts only if no
/// other has changed, and a directory only if no file has.
fn summary(changes: &str, app: &Path) -> Option<String> {
    let [mut files, mut removed, mut directories] = [const { BTreeSet::new() }; 3];
    for line in changes.lines() {
        let Some((_, path)) = line.split_once(':') else {
            continue;
        };
        let path = Path::new(path);
        let kind = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => &mut directories,
            Ok(_) => &mut files,
            Err(_) => &mut removed,
        };
        kind.insert(path.strip_prefix(app).unwrap_or(path));
    }
    let kinds = [files, removed, directories];
    let paths = kinds.iter().find(|paths| !paths.is_empty())?;
    let first = paths.first().filter(|path| **path != OsStr::new(""));
    let first = first.copied().unwrap_or(app).display();
    Some(match paths.len() {
        1 => first.to_string(),
        2 => format!("{first} and 1 other file"),
        more => format!("{first} and {} other files", more.saturating_sub(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_changed_file_and_counts_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let app = directory.path();
        for file in ["app.py", "b.py", "c.py"] {
            fs::write(app.join(file), "").unwrap();
        }
        fs::create_dir(app.join("static")).unwrap();
        let summary = |changes: &[&str]| {
            let lines = changes.iter().map(|change| {
                let (kind, path) = change.split_once(' ').unwrap();
                format!("{kind}:{}\n", app.join(path).display())
            });
            summary(&lines.collect::<String>(), app)
        };
        assert_eq!(summary(&[]), None);
        for (changes, expected) in [
            (&["create app.py", "modify app.py"][..], "app.py"),
            // As editors and tar replace a file.
            (
                &["create .app.py~", "rename .app.py~", "rename app.py"],
                "app.py",
            ),
            (&["modify b.py", "modify app.py"], "app.py and 1 other file"),
            (
                &[
                    "modify b.py",
                    "modify c.py",
                    "modify app.py",
                    "create static",
                ],
                "app.py and 2 other files",
            ),
            (&["remove gone.py", "other static"], "gone.py"),
            (&["other static"], "static"),
            (&["modify /etc/hosts"], "/etc/hosts"),
        ] {
            assert_eq!(summary(changes).as_deref(), Some(expected));
        }
        let app_itself = summary(&["other "]);
        assert_eq!(app_itself, Some(app.display().to_string()));
    }
}
