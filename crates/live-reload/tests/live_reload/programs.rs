//! Programs that are written and started by tests that run at the same time.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Held by whoever writes a program or starts a process. A process that is being started has, for a
/// moment, all files open that this one has; and a file that anyone has open for writing cannot be
/// executed (execve(2), `ETXTBSY`).
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static PROGRAMS: Mutex<()> = Mutex::new(());
    PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes an executable file, with the directories that it is in.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    let _guard = one_at_a_time();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// Makes a copy of a program, if it can be without writing it.
pub(crate) fn link_or_copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    // Of another user's file, or from another disk, there can be no link.
    if fs::hard_link(from, to).is_err() {
        let _guard = one_at_a_time();
        fs::copy(from, to).unwrap();
    }
}

/// Starts a process.
pub(crate) fn start(command: &mut Command) -> Child {
    let _guard = one_at_a_time();
    command.spawn().unwrap()
}

/// Runs a process to its end. Returns its status and output.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    start(command).wait_with_output().unwrap()
}

/// After this time a test gives up on a process that hangs.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// Waits until a process has ended, and gives its exit status. One that hangs fails the test.
pub(crate) fn end(child: &mut Child) -> i32 {
    let limit = Instant::now() + LIMIT;
    while Instant::now() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("it hangs");
}
