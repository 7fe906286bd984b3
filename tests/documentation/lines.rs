//! Lines of a log on the pages: each is one that a string of the sources can print.

use super::{assert_none, files_below, pages, root};
use std::fs;

/// The start of such a line, and the sources of what prints it.
const PRINTED: [(&str, &[&str]); 2] = [
    (
        "[builder] ",
        &[
            "src",
            "crates/watchexec-release/src",
            "crates/reload-options/src",
        ],
    ),
    (
        "live-reload: ",
        &["crates/live-reload/src", "crates/reload-options/src"],
    ),
];

/// Starts of lines that are put together from several strings, or from buildpack.toml.
const OTHERS: [&str; 2] = ["Watchexec Buildpack ", "web ended with status 1; "];

/// How many characters a string has to have besides its placeholders.
const FEWEST: usize = 7;

#[test]
fn shows_lines_that_the_sources_print() {
    let printed = PRINTED.map(|(start, sources)| (start, strings(sources)));
    let mut problems = Vec::new();
    for page in pages() {
        for block in &page.blocks {
            let texts = [Some(&block.text), block.output.as_ref()];
            for line in texts.into_iter().flatten().flat_map(|text| text.lines()) {
                for (start, strings) in &printed {
                    let Some((_, line)) = line.split_once(start) else {
                        continue;
                    };
                    let line = line.trim().trim_start_matches("[debug] ");
                    let known = line.is_empty()
                        || OTHERS.iter().any(|other| line.starts_with(other))
                        || strings.iter().any(|string| prints(string, line));
                    if !known {
                        problems.push(format!("{}: nothing prints {start}{line}", page.name()));
                    }
                }
            }
        }
    }
    assert_none(&problems);
}

/// The lines of all strings in these sources, without their start.
fn strings(sources: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    for source in sources {
        files_below(&root().join(source), &mut files);
    }
    let mut strings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|it| it == "rs"))
    {
        let text = fs::read_to_string(file).unwrap().replace("\\\"", "\u{1}");
        for string in text.split('"').skip(1).step_by(2) {
            // A backslash at the end of a line joins it to the next.
            let mut lines = string.split("\\\n");
            let first = lines.next().unwrap_or_default().to_owned();
            let string = lines.fold(first, |string, line| string + line.trim_start());
            for line in string
                .replace('\u{1}', "\"")
                .split("\\n")
                .flat_map(str::lines)
            {
                let line = line.trim();
                let starts = ["live-reload: ", "[debug] "];
                let line = starts
                    .iter()
                    .fold(line, |line, start| line.trim_start_matches(start));
                strings.push(line.to_owned());
            }
        }
    }
    strings
}

/// Whether a string with placeholders can print a line, in which `…` stands for any characters. It
/// stands for characters of the string's own only if the string does not begin with a placeholder.
fn prints(string: &str, line: &str) -> bool {
    let mut fixed = String::new();
    let mut pattern = Vec::new();
    for (index, part) in string.split('{').enumerate() {
        let text = match part.split_once('}') {
            Some((_, text)) if index > 0 => {
                pattern.push(None);
                text
            }
            _ => part,
        };
        fixed.push_str(text);
        pattern.extend(text.chars().map(Some));
    }
    let cut = pattern.first().is_some_and(Option::is_some);
    let line: Vec<Option<char>> = line
        .chars()
        .map(|c| (c != '…' || !cut).then_some(c))
        .collect();
    fixed.trim().chars().count() >= FEWEST && overlap(&pattern, &line)
}

/// Whether two texts can be the same, in which `None` stands for any characters.
fn overlap(one: &[Option<char>], other: &[Option<char>]) -> bool {
    // The lengths of the start of `other` that the start of `one` can be the same as.
    let skip = |mut ends: Vec<bool>| {
        for end in 1..ends.len() {
            ends[end] |= ends[end - 1] && other[end - 1].is_none();
        }
        ends
    };
    let mut ends = vec![false; other.len() + 1];
    ends[0] = true;
    ends = skip(ends);
    for character in one {
        let mut next = vec![false; ends.len()];
        for end in 0..ends.len() {
            let before = end.checked_sub(1);
            next[end] = match character {
                None => ends[end] || before.is_some_and(|before| next[before]),
                Some(_) => {
                    before.is_some_and(|before| ends[before] && other[before] == *character)
                        // Within what `other` leaves open.
                        || (ends[end] && before.is_some_and(|before| other[before].is_none()))
                }
            };
        }
        ends = skip(next);
    }
    ends.last() == Some(&true)
}

#[test]
fn compares_a_line_with_a_string() {
    for (string, line, matches) in [
        (
            "Downloading {version} from {url}",
            "Downloading 2.8.0 from https://example.com",
            true,
        ),
        (
            "Downloading {version} from {url}",
            "Downloading … from https://…",
            true,
        ),
        (
            "Downloading {version} from {url}",
            "Download 2.8.0 from https://example.com",
            false,
        ),
        (
            "{name} changed, restarting",
            "app.py changed, restarting",
            true,
        ),
        (
            "{name} changed, restarting",
            "app.py changed; restarting",
            false,
        ),
        (
            "{name} overrules {version} of the plan",
            "Verified … MB: sha256:…",
            false,
        ),
        (
            "watchexec {version} for {target}: the newest of {all}",
            "watchexec … for linux/…",
            true,
        ),
        ("{any} {thing}", "any thing", false),
    ] {
        assert_eq!(prints(string, line), matches, "{string}\n{line}");
    }
}
