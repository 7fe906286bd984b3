//! What stands in for watchexec in these tests.
//!
//! It reports the changes that a test sends it, or restarts what it runs at each of them. It
//! differs from the real one, with which the suite runs (`make e2e`): it watches nothing and
//! ignores nothing, reports at once and never in batches, and takes its options for granted.

use crate::programs;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Notes its arguments and its process id beside itself, and reads lines from a FIFO there.
const SCRIPT: &str = r#"#!/bin/sh
here=${0%/*}
printf '%s\n' "$@" > "$here/arguments"
echo $$ >> "$here/starts"
exec 3<> "$here/events"
case " $* " in
*' --only-emit-events '*)
    # It watches.
    echo
    while read -r line <&3; do
        case $line in
        'end '*) exit "${line#end }" ;;
        'error '*) echo "${line#error }" >&2 ;;
        *) printf '%s\n\n' "$line" ;;
        esac
    done
    ;;
esac
while [ "$1" != -- ]; do shift; done
shift
while :; do
    # A new process keeps the traps of this shell for a moment, and would lose a signal.
    trap - TERM
    setsid "$@" 3<&- &
    # Any line is a change.
    trap 'wait $!; exit $?' TERM
    read -r _ <&3
    kill $!
    wait $!
done
"#;

/// Puts it at this path.
pub(crate) fn install(path: &Path) {
    programs::write(path, SCRIPT);
    mkfifo(&path.with_file_name("events"), Mode::S_IRWXU).unwrap();
}

/// Sends it a line: an event such as `modify:/workspace/app.py`, `error TEXT` to be written to its
/// standard error, or `end STATUS`.
pub(crate) fn send(path: &Path, line: &str) {
    let events = path.with_file_name("events");
    // Also for reading, so that it does not matter who opens it first.
    let mut events = OpenOptions::new()
        .read(true)
        .write(true)
        .open(events)
        .unwrap();
    events.write_all(format!("{line}\n").as_bytes()).unwrap();
    // What nobody has read is lost when the last one closes it.
    std::mem::forget(events);
}

/// The arguments of its last start.
pub(crate) fn arguments(path: &Path) -> Vec<String> {
    let arguments = fs::read_to_string(path.with_file_name("arguments")).unwrap_or_default();
    arguments.lines().map(str::to_owned).collect()
}

/// The process ids of its starts.
pub(crate) fn starts(path: &Path) -> Vec<i32> {
    let starts = fs::read_to_string(path.with_file_name("starts")).unwrap_or_default();
    starts.lines().map(|id| id.parse().unwrap()).collect()
}
