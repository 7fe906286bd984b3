//! Patterns of files whose changes do not restart the process.

use std::path::Path;
use std::str::FromStr;

/// A pattern in the syntax of .gitignore files, relative to the app directory: `*.csv` and
/// `uploads` match at any depth, `/tmp` and `data/cache` only there, `!` watches an ignored name
/// again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnorePattern(String);

impl IgnorePattern {
    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern as watchexec needs it.
    ///
    /// watchexec silently never matches a pattern that begins with the app directory's own path or
    /// with `./`; people and other buildpacks write both.
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
                end.ok_or("contains a `[` without a `]`")?;
            }
            '{' => open_braces += 1,
            '}' => {
                open_braces = open_braces
                    .checked_sub(1)
                    .ok_or("contains a `}` without a `{`")?;
            }
            _ => {}
        }
    }
    if open_braces > 0 {
        return Err("contains a `{` without a `}`".to_owned());
    }
    Ok(())
}

/// Names that apps and tools write into the app directory while the app runs.
///
/// Without them, such an app restarts because of its own writing, and writes again: 112 starts in 6
/// s were seen. No file with the extension of a source language has such a name, except for names
/// that only a tool gives, and what is in a directory of the list; docs/ignored.md has examples of
/// each. The patterns follow those that are built into watchexec (`.git` and other version control,
/// swap files of editors, `.DS_Store`, `*.pyc`), and precede those of the user, so that `!PATTERN`
/// takes one back.
pub fn default_patterns() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("default-patterns.gitignore").lines();
    lines.filter(|line| !line.starts_with('#'))
}

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
        for pattern in default_patterns() {
            pattern.parse::<IgnorePattern>().unwrap();
        }
    }
}
