//! The processes of the container, by /proc.

use nix::unistd::Pid;
use printable::printable;
use std::fmt::{self, Display, Formatter};
use std::fs;

/// A process; people see it as `42 (python3)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) id: Pid,
    pub(crate) parent: Pid,
    pub(crate) group: Pid,
    /// The first 15 bytes of its program's name.
    name: String,
    /// It has ended, and its parent has not noticed.
    is_zombie: bool,
}

impl Display for Process {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.id, printable(&self.name))
    }
}

impl Process {
    /// Reads `proc_pid_stat(5)`: the name in parentheses can contain parentheses and blanks itself,
    /// and need not be UTF-8. State, parent and group follow it.
    fn read(id: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{id}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let (name, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace();
        let is_zombie = fields.next()? == "Z";
        let mut numbers = fields.filter_map(|field| field.parse().ok().map(Pid::from_raw));
        Some(Self {
            id: Pid::from_raw(id),
            parent: numbers.next()?,
            group: numbers.next()?,
            name: name.split_once('(')?.1.to_owned(),
            is_zombie,
        })
    }
}

/// All processes that have not ended and that this program can see; none without /proc.
pub(crate) fn running() -> impl Iterator<Item = Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Process::read(entry.file_name().to_str()?.parse().ok()?))
        .filter(|process| !process.is_zombie)
}

/// Children of this program that have outlived the process, and have been named.
#[derive(Debug, Default)]
pub(crate) struct Survivors {
    named: Vec<Pid>,
}

impl Survivors {
    /// Those that have not been named, for a log line, if there are any.
    pub(crate) fn find(&mut self, is_survivor: impl Fn(&Process) -> bool) -> Option<String> {
        let survivors =
            running().filter(|process| process.parent == Pid::this() && is_survivor(process));
        let (known, new): (Vec<_>, Vec<_>) =
            survivors.partition(|process| self.named.contains(&process.id));
        // The number of one that has ended can be used again.
        self.named = known.iter().chain(&new).map(|process| process.id).collect();
        (!new.is_empty()).then(|| list(&new))
    }
}

/// Process ids and names, for a log line.
pub(crate) fn list(processes: &[Process]) -> String {
    let names: Vec<String> = processes.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn reads_a_process_with_any_name() {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("x) S 1 1 1");
        // A copy could not be started while another thread's child has it open for writing.
        symlink("/bin/sleep", &program).unwrap();
        let mut child = Command::new(&program)
            .arg("60")
            .process_group(0)
            .spawn()
            .unwrap();
        let id = Pid::from_raw(child.id().cast_signed());
        let found = running().find(|process| process.id == id).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((found.parent, found.group), (Pid::this(), id));
        assert_eq!(found.to_string(), format!("{id} (x) S 1 1 1)"));
        assert!(running().all(|process| process.id != id));
    }
}
