//! The output that a page shows for a command.

use anyhow::{Result, ensure};

/// Matches output that differs from run to run: alone in a line for any number of lines, elsewhere
/// for any characters of the line.
const VARIES: &str = "…";

/// Lines that depend on the engine of the suite, or on the version of Docker.
const DROPPED: [&str; 2] = [
    "WARNING: Published ports are discarded",
    "Successfully copied",
];

/// Compares the output of a command with the page.
pub(crate) fn expect(printed: &str, page: &str) -> Result<()> {
    let expected: Vec<&str> = page.lines().map(str::trim_end).collect();
    let printed = without_colours(printed);
    let lines = printed.lines().map(str::trim_end);
    let lines: Vec<&str> = lines
        .filter(|line| !DROPPED.iter().any(|start| line.starts_with(start)))
        .collect();
    ensure!(
        lines_match(&expected, &lines),
        "the page shows\n{page}\nthe commands printed\n{}",
        lines.join("\n")
    );
    Ok(())
}

/// Removes the sequences `ESC [ … LETTER` with which programs colour their output.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part
            .split_once(|c: char| c.is_ascii_alphabetic())
            .unwrap_or_default();
        plain.push_str(rest);
    }
    plain
}

fn lines_match(expected: &[&str], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((&VARIES, rest)) => {
            (0..=lines.len()).any(|skipped| lines_match(rest, &lines[skipped..]))
        }
        Some((pattern, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| line_matches(pattern, line) && lines_match(rest, lines)),
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let Some((start, rest)) = pattern.split_once(VARIES) else {
        return pattern == line;
    };
    let Some(line) = line.strip_prefix(start) else {
        return false;
    };
    let ends = line.char_indices().map(|(index, _)| index);
    ends.chain([line.len()])
        .any(|end| line_matches(rest, &line[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_output_with_the_page() {
        for (page, printed, matches) in [
            ("v1 from process …", "v1 from process 15\n", true),
            ("v2 from process …", "v1 from process 15\n", false),
            ("…\nlast", "first\n  second\nlast\n", true),
            ("…\nlast", "last\nbut one\n", false),
            ("first\n…", "first\n", true),
            ("a … c … e", "a b c d e", true),
            (
                "  Watch enabled",
                "\u{1b}[92m  \u{1b}[0mWatch enabled",
                true,
            ),
            ("first\nlast", "first\nsecond\nlast", false),
        ] {
            assert_eq!(expect(printed, page).is_ok(), matches, "{page}\n{printed}");
        }
    }
}
