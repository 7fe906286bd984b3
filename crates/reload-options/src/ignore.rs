//! Which changed files do not restart the process.

use crate::setting::Rejected;
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
    type Err = Rejected;

    fn from_str(text: &str) -> Result<Self, Rejected> {
        let pattern = text.strip_prefix('!').unwrap_or(text);
        if pattern.is_empty() {
            return Err(Rejected::because("is empty"));
        }
        if pattern.starts_with('#') {
            return Err(Rejected::because(
                "would be a comment (write `\\#` for a name that begins with `#`)",
            ));
        }
        if pattern.split('/').any(|part| part == "..") {
            return Err(Rejected::because(
                "leads out of the app directory, where no pattern matches",
            ));
        }
        well_formed(pattern)?;
        Ok(Self(text.to_owned()))
    }
}

/// Whether brackets and braces are balanced.
///
/// watchexec refuses other patterns when it starts; said at build it costs nobody a container.
fn well_formed(pattern: &str) -> Result<(), Rejected> {
    let mut characters = pattern.chars();
    let mut open_braces = 0_usize;
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.next().is_none() => {
                return Err(Rejected::because("ends in a `\\` that escapes nothing"));
            }
            '[' => {
                // A `]` that comes first in a class, or first after its negation, belongs to it.
                let class = characters.as_str();
                let body = class.strip_prefix(['!', '^']).unwrap_or(class);
                let first = body.chars().next().map_or(0, char::len_utf8);
                let Some((_, rest)) = body
                    .get(first..)
                    .and_then(|following| following.split_once(']'))
                else {
                    return Err(Rejected::because("has a `[` without its `]`"));
                };
                characters = rest.chars();
            }
            '{' => open_braces += 1,
            '}' => {
                open_braces = open_braces
                    .checked_sub(1)
                    .ok_or_else(|| Rejected::because("has a `}` without its `{`"))?;
            }
            _ => {}
        }
    }
    if open_braces == 0 {
        Ok(())
    } else {
        Err(Rejected::because("has a `{` without its `}`"))
    }
}

/// A pattern that is ignored from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultPattern {
    /// The pattern, as in [`IgnorePattern`].
    pub pattern: &'static str,
    /// Which files it is for, for documents.
    pub reason: &'static str,
}

/// What apps write into their own directory while they run.
///
/// Without these an app that does so is restarted by its own writing, and writes again: 112
/// starts in 6 s were seen. Each is a name that nobody's source code has. They come on top of
/// those that watchexec has built in (`.git` and other version control, swap files of editors,
/// `.DS_Store`, `*.pyc`), and before those of the user, so that `!PATTERN` takes one back.
pub const DEFAULT_PATTERNS: [DefaultPattern; 19] = [
    DefaultPattern {
        pattern: "*.log",
        reason: "logs, such as log/development.log, and reports of a crashed JVM",
    },
    DefaultPattern {
        pattern: "*.log.*",
        reason: "rotated logs, such as app.log.1",
    },
    DefaultPattern {
        pattern: "*.pid",
        reason: "process ids, written by servers at each start",
    },
    DefaultPattern {
        pattern: "*.sock",
        reason: "Unix sockets, made by servers at each start",
    },
    DefaultPattern {
        pattern: "*.tmp",
        reason: "files that are written under another name first; the renaming is seen",
    },
    DefaultPattern {
        pattern: "*.sqlite",
        reason: "SQLite databases, written with each request",
    },
    DefaultPattern {
        pattern: "*.sqlite-*",
        reason: "their journals (-journal, -wal, -shm)",
    },
    DefaultPattern {
        pattern: "*.sqlite3",
        reason: "SQLite databases, as Rails and Django name them",
    },
    DefaultPattern {
        pattern: "*.sqlite3-*",
        reason: "their journals",
    },
    DefaultPattern {
        pattern: "*.db",
        reason: "other embedded databases (H2, Bolt)",
    },
    DefaultPattern {
        pattern: "*.db-*",
        reason: "their journals",
    },
    DefaultPattern {
        pattern: "__pycache__",
        reason: "Python's bytecode, written at each import",
    },
    DefaultPattern {
        pattern: ".cache",
        reason: "caches, such as node_modules/.cache",
    },
    DefaultPattern {
        pattern: "**/.next/cache",
        reason: "the cache of a running Next.js server",
    },
    DefaultPattern {
        pattern: "/tmp",
        reason: "the scratch directory of Rails and others (tmp/cache, tmp/pids)",
    },
    DefaultPattern {
        pattern: "/var/cache",
        reason: "the cache of Symfony",
    },
    DefaultPattern {
        pattern: "/storage/framework",
        reason: "sessions and compiled views of Laravel",
    },
    DefaultPattern {
        pattern: "core.[0-9]*",
        reason: "core dumps, which would restart what has just crashed",
    },
    DefaultPattern {
        pattern: "nohup.out",
        reason: "the output of a process started with nohup",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_patterns_as_gitignore_does() {
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
    fn rejects_what_would_silently_match_nothing() {
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
    fn the_defaults_are_patterns_and_have_reasons() {
        for default in DEFAULT_PATTERNS {
            default.pattern.parse::<IgnorePattern>().unwrap();
            assert!(!default.reason.is_empty());
        }
    }
}
