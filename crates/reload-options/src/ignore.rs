//! Patterns of files whose changes do not restart the process.

use std::path::Path;
use std::str::FromStr;

/// A pattern in the syntax of .gitignore files, relative to the app directory: `*.csv` and
/// `uploads` match at any depth, `/tmp` and `data/cache` only there, `!` takes an ignored name
/// back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnorePattern(String);

impl IgnorePattern {
    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern as watchexec needs it.
    ///
    /// To watchexec a pattern that begins with the app directory's own path, or with `./`, is one
    /// that never matches, without a word; people and other buildpacks write both.
    #[must_use]
    pub fn below(&self, app_directory: &Path) -> String {
        let (negation, pattern) = match self.0.strip_prefix('!') {
            Some(pattern) => ("!", pattern),
            None => ("", self.0.as_str()),
        };
        let anchored = pattern.strip_prefix("./").or_else(|| {
            pattern
                .strip_prefix(app_directory.to_str()?)?
                .strip_prefix('/')
        });
        match anchored {
            Some(rest) if !rest.is_empty() => format!("{negation}/{rest}"),
            _ => self.0.clone(),
        }
    }
}

impl FromStr for IgnorePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pattern = text.strip_prefix('!').unwrap_or(text);
        if pattern.is_empty() {
            return Err("is empty".to_owned());
        }
        if pattern.starts_with('#') {
            return Err(
                "would be a comment (write `\\#` for a name that begins with `#`)".to_owned(),
            );
        }
        if pattern.split('/').any(|part| part == "..") {
            return Err("leads out of the app directory, where no pattern matches".to_owned());
        }
        check_syntax(pattern)?;
        Ok(Self(text.to_owned()))
    }
}

/// Checks that brackets and braces are balanced.
///
/// watchexec refuses other patterns when it starts; the build reports them earlier.
fn check_syntax(pattern: &str) -> Result<(), String> {
    let mut characters = pattern.chars();
    let mut open_braces = 0_usize;
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(
                characters
                    .next()
                    .ok_or("ends in a `\\` that escapes nothing")?,
            ),
            '[' => {
                // A `]` that comes first in a class, or first after its negation, belongs to it.
                if characters.next().is_some_and(|first| "!^".contains(first)) {
                    characters.next();
                }
                let end = characters.find(|character| *character == ']');
                end.ok_or("has a `[` without its `]`")?;
            }
            '{' => open_braces += 1,
            '}' => {
                open_braces = open_braces
                    .checked_sub(1)
                    .ok_or("has a `}` without its `{`")?;
            }
            _ => {}
        }
    }
    if open_braces > 0 {
        return Err("has a `{` without its `}`".to_owned());
    }
    Ok(())
}

/// Names that apps and tools write into the app directory while the app runs.
///
/// Without these an app that does so is restarted by its own writing, and writes again: 112
/// starts in 6 s were seen. No file with the extension of a source language has such a name, unless it is in a
/// directory of the list. They come on top of those that watchexec has built in (`.git` and other version control, swap
/// files of editors, `.DS_Store`, `*.pyc`), and before those of the user, so that `!PATTERN` takes one back.
pub const DEFAULT_PATTERNS: [&str; 54] = [
    // Logs, such as log/development.log, and reports of a crashed JVM.
    "*.[Ll][Oo][Gg]",
    // Rotated logs: app.log.1, app.log.12, app.log.2026-11-29, app.log.gz, app.log.1.gz.
    "*.log.[0-9]",
    "*.log.[0-9][0-9]",
    "*.log.[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]",
    "*.log.gz",
    "*.log.*.gz",
    // The list of rotated logs of winston.
    ".*-audit.json",
    // Logs under any name.
    "/logs",
    // The output of a process started with nohup.
    "nohup.out",
    // Process ids, written by servers at each start.
    "*.pid",
    // Unix sockets, made by servers at each start.
    "*.sock",
    // Files that are written under another name first; the renaming is seen.
    "*.tmp",
    // SQLite databases, written with each request, and their journals (-journal, -wal, -shm).
    "*.sqlite",
    "*.sqlite-*",
    // SQLite databases, as Rails and Django name them.
    "*.sqlite3",
    "*.sqlite3-*",
    "*.s3db",
    "*.s3db-*",
    // Other embedded databases (H2, Bolt).
    "*.db",
    "*.db-*",
    // The schedule of Celery.
    "celerybeat-schedule",
    "celerybeat-schedule.*",
    "celerybeat-schedule-*",
    // Python's bytecode, written at each import.
    "__pycache__",
    // Caches of tools, such as node_modules/.cache.
    ".cache",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".eslintcache",
    ".coverage",
    ".coverage.*",
    // The cache of a running Next.js server.
    "**/.next/cache",
    // The scratch directory of Rails and others (tmp/cache, tmp/pids).
    "/tmp",
    // The cache of Symfony.
    "/var/cache",
    // Sessions and compiled views of Laravel.
    "/storage/framework",
    // The state of editors.
    ".idea",
    ".vscode",
    // Backups and locks of Emacs; watchexec takes its own pattern for a comment.
    "\\#*\\#",
    ".\\#*",
    // Version control that watchexec does not know.
    ".jj",
    // What a JVM writes when it is asked to (jcmd, jmap, flight recordings).
    ".attach_pid*",
    "*.hprof",
    "*.jfr",
    // Heap snapshots and reports of Node.js.
    "*.heapsnapshot",
    "*.heapprofile",
    "*.cpuprofile",
    "report.[0-9]*.json",
    // Core dumps, which would restart a process that has just crashed.
    "core.[1-9][0-9]",
    "core.[1-9][0-9][0-9]",
    "core.[1-9][0-9][0-9][0-9]",
    "core.[1-9][0-9][0-9][0-9][0-9]",
    "core.[1-9][0-9][0-9][0-9][0-9][0-9]",
    "core.[1-9][0-9][0-9][0-9][0-9][0-9][0-9]",
    // Python's dump of a profile.
    "*.prof",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_gitignore_patterns() {
        for text in [
            "*.csv",
            "uploads/",
            "/tmp",
            "!/tmp",
            "a/**/b",
            "[ab].txt",
            "[]x]",
            "[!]]",
            "{a,b}.js",
            "\\#note",
            "a\\{b",
            "naïve[é]*",
        ] {
            assert_eq!(text.parse::<IgnorePattern>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn rejects_patterns_that_match_nothing() {
        for text in [
            "",
            "!",
            "# note",
            "../shared",
            "a/../b",
            "[ab",
            "[",
            "[]",
            "{a,b",
            "a}",
            "a\\",
        ] {
            text.parse::<IgnorePattern>().unwrap_err();
        }
    }

    #[test]
    fn is_made_relative_to_the_app_directory() {
        let below = |text: &str| {
            text.parse::<IgnorePattern>()
                .unwrap()
                .below(Path::new("/workspace"))
        };
        for (given, passed) in [
            ("/workspace/node_modules", "/node_modules"),
            ("!/workspace/tmp", "!/tmp"),
            ("./uploads/", "/uploads/"),
            ("/tmp", "/tmp"),
            ("*.csv", "*.csv"),
            ("/workspace", "/workspace"),
            ("/workspaces/a", "/workspaces/a"),
            ("./", "./"),
        ] {
            assert_eq!(below(given), passed);
        }
    }

    #[test]
    fn accepts_the_default_patterns() {
        for pattern in DEFAULT_PATTERNS {
            pattern.parse::<IgnorePattern>().unwrap();
        }
    }
}
