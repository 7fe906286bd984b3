//! Patterns of paths, by the rules of .gitignore files (gitignore(5)): paths whose changes do not count, and those that a
//! command before a start is for.
//!
//! watchexec gets the patterns of ignored paths too, so this program need not check what it reports. They are for the
//! looks of its own.

use fast_glob::glob_match;
use reload_options::Settings;
use reload_options::ignore::{IgnorePattern, default_patterns};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What watchexec ignores by itself (watchexec-cli, `src/filterer.rs`; ignore-files, `VCS_DIR_NAMES`).
const BUILT_IN: &str = ".DS_Store watchexec.*.log *.py[co] \\#*\\# .\\#* .*.kate-swp .*.sw? .*.sw?x \
                        .bzr _darcs .fossil-settings .git .hg .pijul .svn";

/// Patterns of paths, relative to the app directory.
#[derive(Debug)]
pub(crate) struct Patterns {
    app: PathBuf,
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// Of a whole path below the app directory, or of a name.
    glob: String,
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
        Self {
            glob: text.trim_start_matches('/').to_owned(),
            is_of_name: !text.contains('/'),
            is_negated,
            only_directories,
        }
    }
}

impl Patterns {
    /// Those of ignored paths: of watchexec, of this program and of the user.
    pub(crate) fn ignored(settings: &Settings, app: &Path) -> Self {
        let own = BUILT_IN.split(' ').chain(default_patterns());
        let mut patterns = Self::given(&settings.ignore, app);
        patterns.patterns.splice(..0, own.map(Pattern::new));
        patterns
    }

    /// Those that a user has given.
    pub(crate) fn given(patterns: &[IgnorePattern], app: &Path) -> Self {
        let below = |pattern: &IgnorePattern| Pattern::new(&pattern.below(app));
        Self {
            patterns: patterns.iter().map(below).collect(),
            app: app.to_owned(),
        }
    }

    /// Whether a path matches, or a directory above it.
    pub(crate) fn include(&self, path: &Path) -> bool {
        let is_below = |path: &&Path| path.starts_with(&self.app) && *path != self.app;
        let mut above = path.ancestors().skip(1).take_while(is_below);
        self.matches(path, path.is_dir()) || above.any(|directory| self.matches(directory, true))
    }

    /// Whether a path itself matches. The last pattern that matches counts.
    pub(crate) fn matches(&self, path: &Path, is_directory: bool) -> bool {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let below = path
            .strip_prefix(&self.app)
            .map(|path| path.as_os_str().as_bytes());
        let matches = |pattern: &&Pattern| {
            (is_directory || !pattern.only_directories)
                && if pattern.is_of_name {
                    glob_match(&pattern.glob, name)
                } else {
                    below
                        .as_ref()
                        .is_ok_and(|path| glob_match(&pattern.glob, *path))
                }
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

    /// Names of sources that look like names of the default list, and of a package.
    const RESTART: &str = "audit.log.js request.log.ts core.2f3a1b.js core.0.py core.1 core.12.go login.py blog.rb \
        catalog.log.html src/logs/view.py app/tmp/main.go coverage.py report.json tmp.js pid.rs db.php sock.c \
        .env .eslintrc.json idea.md attach.java schedule.py app.db.ts logs.py nohup.sh core.js changelog.md";

    /// What tools write.
    const NO_RESTART: &str = "error.LOG app.log.1 app.log.12 app.log.2026-11-29 app.log.1.gz logs/access nohup.out \
        x/server.pid web.sock .a.tmp dev.sqlite dev.sqlite3-wal a.s3db h2.db celerybeat-schedule \
        celerybeat-schedule-shm src/__pycache__ node_modules/.cache .pytest_cache .mypy_cache .ruff_cache .eslintcache \
        .coverage .coverage.host.1 .next/cache tmp var/cache storage/framework .idea .vscode #a.py# .#a.py .jj \
        .attach_pid42 java.hprof a.jfr Heap.1.heapsnapshot report.2026.json core.42 core.123456 .winston-audit.json .git";

    #[test]
    fn ignores_what_tools_write_and_no_sources() {
        let patterns = Patterns::ignored(&Settings::default(), Path::new("/app"));
        let is_ignored = |name: &str| patterns.matches(&Path::new("/app").join(name), false);
        // A file below an ignored directory is not looked at.
        let below = |name: &str| {
            name.strip_prefix("logs/")
                .map_or(is_ignored(name), |_| is_ignored("logs"))
        };
        for name in RESTART.split_whitespace() {
            assert!(!is_ignored(name), "{name}");
        }
        for name in NO_RESTART.split_whitespace() {
            assert!(below(name), "{name}");
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
        ];
        let settings = Settings {
            ignore: given
                .iter()
                .map(|pattern| pattern.parse().unwrap())
                .collect(),
            ..Settings::default()
        };
        let patterns = Patterns::ignored(&settings, Path::new("/app"));
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
