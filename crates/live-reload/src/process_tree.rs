//! Parents and children, by /proc.

use nix::unistd::Pid;
use std::fs;

/// The children of a process; an empty list without /proc.
pub(crate) fn children(parent: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .filter(|process| parent_of(*process) == Some(parent))
        .collect()
}

/// The parent of a process (`proc_pid_stat(5)`: the second field after the name, which is in
/// parentheses, can hold parentheses and blanks itself, and need not be UTF-8).
pub(crate) fn parent_of(process: Pid) -> Option<Pid> {
    let stat = fs::read(format!("/proc/{process}/stat")).ok()?;
    let after_name = stat.rsplit(|byte| *byte == b')').next()?;
    let fields = str::from_utf8(after_name).ok()?;
    let parent = fields.split_whitespace().nth(1)?.parse().ok()?;
    Some(Pid::from_raw(parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_parents_and_children() {
        let parent = nix::unistd::getppid();
        assert_eq!(parent_of(Pid::this()), Some(parent));
        assert!(children(parent).contains(&Pid::this()));
    }
}
