//! Commands that run before a start.

use crate::ignore::IgnorePattern;
use std::fmt;
use std::str::FromStr;

/// A command that runs before the process starts: `PATTERN[:PATTERN…]: COMMAND` if files that match
/// one of the patterns have changed, `COMMAND` alone before every start.
///
/// The patterns end with the first word, so none contains a blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    text: String,
    /// The files that the command is for; empty if it runs before every start.
    pub patterns: Vec<IgnorePattern>,
    /// Program and arguments, not empty.
    pub command: Vec<String>,
}

impl Rule {
    /// The command as it was given.
    pub fn command_line(&self) -> &str {
        split(&self.text).1
    }
}

/// Splits a rule into its patterns, if it has any, and its command.
fn split(text: &str) -> (Option<&str>, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match first.strip_suffix(':') {
        Some(patterns) => (Some(patterns), rest.trim_start()),
        None => (None, text),
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (given, command) = split(text);
        let mut patterns = Vec::new();
        for pattern in given.into_iter().flat_map(|given| given.split(':')) {
            let invalid = |why: String| format!("contains the pattern {pattern:?}, which {why}");
            patterns.push(pattern.parse().map_err(invalid)?);
        }
        let command =
            shlex::split(command).ok_or("contains an unclosed quote, or ends in a `\\`")?;
        let program = command.first().map(String::as_str).unwrap_or_default();
        if program.is_empty() {
            return Err("has no command".to_owned());
        }
        if program.contains(':') {
            let why = "contains a `:` in the program's name (put a blank after the patterns)";
            return Err(why.to_owned());
        }
        let text = text.to_owned();
        Ok(Self {
            text,
            patterns,
            command,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn parts(text: &str) -> (Vec<String>, Vec<String>, String) {
        let rule: Rule = text.parse().unwrap();
        let patterns = rule
            .patterns
            .iter()
            .map(|pattern| pattern.as_str().to_owned());
        assert_eq!(rule.to_string(), text, "kept as it was given");
        let command_line = rule.command_line().to_owned();
        (patterns.collect(), rule.command, command_line)
    }

    #[test]
    fn has_patterns_and_a_command() {
        for (text, patterns, command) in [
            ("*.ts: npx tsc", &["*.ts"][..], &["npx", "tsc"][..]),
            (
                "db/migrate:*.sql:\tmake db",
                &["db/migrate", "*.sql"],
                &["make", "db"],
            ),
            ("npm run build:dev", &[], &["npm", "run", "build:dev"]),
            (
                "*.py:!*_test.py: sh -c 'lint && echo \"a: b\"'",
                &["*.py", "!*_test.py"],
                &["sh", "-c", "lint && echo \"a: b\""],
            ),
        ] {
            let (found, words, _) = parts(text);
            assert_eq!((found, words), (owned(patterns), owned(command)), "{text}");
        }
        assert_eq!(parts("*.ts:  npx 'tsc'").2, "npx 'tsc'");
    }

    #[test]
    fn rejects_what_cannot_run() {
        let why = [
            "*.ts:",
            "*.ts:npx tsc",
            "*.ts: sh -c 'a",
            "[a: b",
            "a:: b",
            "''",
        ]
        .map(|text| text.parse::<Rule>().unwrap_err());
        insta::assert_snapshot!(why.join("\n"), @r#"
        has no command
        contains a `:` in the program's name (put a blank after the patterns)
        contains an unclosed quote, or ends in a `\`
        contains the pattern "[a", which contains a `[` without a `]`
        contains the pattern "", which is empty
        has no command
        "#);
    }
}
