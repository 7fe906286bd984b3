//! Patterns of paths, by the rules of .gitignore files (gitignore(5)): paths whose changes do not
//! count, and those that a command before a start is for.
//!
//! watchexec gets the patterns of ignored paths too. Here they serve the scans of `live-reload`
//! itself; renames, of which watchexec reports both names if one is not ignored; and errors for
//! patterns that would have no effect.

use crate::ignore::{IgnorePattern, default_patterns};
use fast_glob::glob_match;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What watchexec ignores by itself (watchexec-cli, `src/filterer.rs`; ignore-files,
/// `VCS_DIR_NAMES`).
const BUILT_IN: &str = ".DS_Store watchexec.*.log *.py[co] \\#*\\# .\\#* .*.kate-swp .*.sw? .*.sw?x \
                        .bzr _darcs .fossil-settings .git .hg .pijul .svn";

/// Patterns of paths, relative to the app directory.
#[derive(Debug)]
pub struct Patterns {
    app: PathBuf,
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// Compares the text with a path or a name. Most patterns are names and extensions, which a
    /// scan compares quickly with each file.
    is_like: fn(&str, &[u8]) -> bool,
    /// Of a whole path below the app directory, or of a name.
    text: String,
    is_of_name: bool,
    is_negated: bool,
    only_directories: bool,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let (is_negated, text) = text
            .strip_prefix('!')
            .map_or((false, text), |text| (true, text));
        let (only_directories, text) = text
            .strip_suffix('/')
            .map_or((false, text), |text| (true, text));
        let is_of_name = !text.contains('/');
        let text = text.trim_start_matches('/');
        let is_plain = |text: &str| !text.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
        let end = text.strip_prefix('*').filter(|_| is_of_name);
        let (is_like, text): (fn(&str, &[u8]) -> bool, _) = match end.filter(|end| is_plain(end)) {
            Some(end) => (|text, path| path.ends_with(text.as_bytes()), end),
            None if is_plain(text) => (|text, path| path == text.as_bytes(), text),
            None => (|text, path| glob_match(text, path), text),
        };
        Self {
            is_like,
            text: text.to_owned(),
            is_of_name,
            is_negated,
            only_directories,
        }
    }
}

impl Patterns {
    /// Those of ignored paths: of watchexec, of this project and of the user.
    pub fn ignored(given: &[IgnorePattern], app: &Path) -> Self {
        let own = BUILT_IN.split(' ').chain(default_patterns());
        let mut patterns = Self::given(given, app);
        patterns.patterns.splice(..0, own.map(Pattern::new));
        patterns
    }

    /// Those that a user has given.
    pub fn given(patterns: &[IgnorePattern], app: &Path) -> Self {
        let below = |pattern: &IgnorePattern| Pattern::new(&pattern.below(app));
        Self {
            patterns: patterns.iter().map(below).collect(),
            app: app.to_owned(),
        }
    }

    /// Why a pattern of the user that takes a file back has no effect: the file is in an ignored
    /// directory.
    pub(crate) fn unreachable(&self, pattern: &IgnorePattern) -> Option<String> {
        let taken_back = pattern.below(&self.app);
        let path = taken_back.strip_prefix('!')?;
        let mut directories = path.match_indices('/').map(|(end, _)| &path[..end]);
        let directory = directories.find(|directory| {
            let directory = directory.trim_start_matches('/');
            !directory.is_empty() && self.matches(&self.app.join(directory), true)
        })?;
        Some(format!(
            "is in the ignored directory {directory}: watch that directory again and ignore its other files, \
             with `!{directory}`, `{directory}/*` and `{taken_back}`"
        ))
    }

    /// Whether a path matches, or a directory above it.
    pub fn include(&self, path: &Path) -> bool {
        let is_below = |path: &&Path| path.starts_with(&self.app) && *path != self.app;
        let mut above = path.ancestors().skip(1).take_while(is_below);
        self.matches(path, path.is_dir()) || above.any(|directory| self.matches(directory, true))
    }

    /// Whether a path itself matches. The last pattern that matches counts.
    pub fn matches(&self, path: &Path, is_directory: bool) -> bool {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let below = path.strip_prefix(&self.app).ok();
        let below = below.map(|path| path.as_os_str().as_bytes());
        let matches = |pattern: &&Pattern| {
            let compared = pattern.is_of_name.then_some(name).or(below);
            (is_directory || !pattern.only_directories)
                && compared.is_some_and(|path| (pattern.is_like)(&pattern.text, path))
        };
        self.patterns
            .iter()
            .rev()
            .find(matches)
            .is_some_and(|pattern| !pattern.is_negated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a list of patterns says of its last one.
    fn unreachable(patterns: &[&str]) -> Option<String> {
        let given: Vec<IgnorePattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        Patterns::ignored(&given, Path::new("/app")).unreachable(given.last()?)
    }

    #[test]
    fn finds_patterns_that_take_back_files_of_ignored_directories() {
        insta::assert_snapshot!(unreachable(&["!/tmp/main"]).unwrap(), @"is in the ignored directory /tmp: watch that directory again and ignore its other files, with `!/tmp`, `/tmp/*` and `!/tmp/main`");
        for patterns in [
            &["!/app/tmp/main"][..],
            &["!/tmp/a/b"],
            &["!./tmp/*.go"],
            &["data", "!/x/data/keep"],
            &["data/", "!/data/**/*.py"],
            &["!node_modules/.cache/x"],
            &["!/tmp", "!/tmp/cache/x", "!/logs/x"],
        ] {
            assert!(unreachable(patterns).is_some(), "{patterns:?}");
        }
        for patterns in [
            &["!/tmp"][..],
            &["!/tmp/"],
            &["!*.log"],
            &["!/tmp", "!/tmp/main"],
            // In any order: the list is read as a whole.
            &["!/tmp", "/tmp/*", "!/tmp/main"],
            &["data", "!data", "!/data/keep"],
            &["data/*", "!/data/keep"],
            &["!src/app.log"],
            &["/tmp/main"],
            &["!**/main"],
        ] {
            assert_eq!(unreachable(patterns), None, "{patterns:?}");
        }
    }

    #[test]
    fn includes_what_is_below_a_directory_that_matches() {
        let given = ["migrations", "*.ts", "!*.d.ts"].map(|pattern| pattern.parse().unwrap());
        let patterns = Patterns::given(&given, Path::new("/app"));
        let included = |path: &str| patterns.include(&Path::new("/app").join(path));
        for path in ["a.ts", "src/a.ts", "migrations", "db/migrations/1.sql"] {
            assert!(included(path), "{path}");
        }
        for path in ["a.d.ts", "src", "migration", "/migrations/1.sql"] {
            assert!(!included(path), "{path}");
        }
    }

    #[test]
    fn follows_the_rules_of_gitignore() {
        let given = [
            "*.csv",
            "!keep.csv",
            "data/",
            "docs/*.md",
            "/top",
            "a/**/z",
            "{x,y}.[jt]s",
            "**/deep/er",
        ]
        .map(|pattern| pattern.parse().unwrap());
        let patterns = Patterns::ignored(&given, Path::new("/app"));
        let ignored = |path: &str| {
            let is_directory = path.ends_with('/');
            patterns.matches(
                &Path::new("/app").join(path.trim_end_matches('/')),
                is_directory,
            )
        };
        for path in [
            "a.csv",
            "x/a.csv",
            "data/",
            "x/data/",
            "docs/a.md",
            "top",
            "a/z",
            "a/b/c/z",
            "x.js",
            "sub/y.ts",
            "deep/er",
            "x/deep/er",
            "dev.log",
            "tmp/",
            ".git/",
            "#draft#",
            ".#lock",
            "m.pyc",
            ".a.swp",
            "core.12",
            "x/core.99",
        ] {
            assert!(ignored(path), "{path}");
        }
        for path in [
            "keep.csv",
            "x/keep.csv",
            "data",
            "x/docs/a.md",
            "docs/x/a.md",
            "x/top",
            "a/b",
            "z.js",
            "x.rs",
            "app.py",
            "x/tmp/",
            "core.js",
            "a.csv.py",
            "log.txt",
        ] {
            assert!(!ignored(path), "{path}");
        }
    }
}
