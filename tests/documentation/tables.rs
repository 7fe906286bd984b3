//! Tables that have to agree with the code.

use super::{assert_none, root};
use reload_options::ignore::default_patterns;
use reload_options::patterns::Patterns;
use reload_options::{Setting, Settings};
use std::fs;
use std::path::Path;

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

#[test]
fn lists_every_setting_with_its_option_and_its_default() {
    let page = text("docs/settings.md");
    let default = Settings::default();
    let missing: Vec<String> = Setting::ALL
        .iter()
        .map(|setting| {
            let option = format!("| `{}` | `{}` |", setting.variable, setting.argument);
            match setting.argument {
                "--debounce" => format!("{option} `{}` |", default.debounce),
                "--signal" => format!("{option} `{}` |", default.signal),
                "--stop-timeout" => format!("{option} `{}` |", default.stop_timeout),
                _ => option,
            }
        })
        .filter(|row| !page.contains(row))
        .collect();
    assert_none(&missing);
}

/// The names between backticks in the columns of a row.
fn cells(row: &str) -> Vec<Vec<&str>> {
    let cells = row.trim_matches('|').split(" | ");
    cells
        .map(|cell| cell.split('`').skip(1).step_by(2).collect())
        .collect()
}

/// The rows of the tables of patterns: patterns, names that match, and names that do not.
fn rows(page: &str) -> Vec<[Vec<&str>; 3]> {
    let (tables, _) = page.split_once("## What is not ignored").unwrap();
    let rows = tables.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| cells(row).try_into().unwrap()).collect()
}

#[test]
fn ignores_what_tools_write_and_no_sources() {
    let page = text("docs/ignored.md");
    let patterns = Patterns::ignored(&[], Path::new("/app"));
    let mut wrong = Vec::new();
    for [_, ignored, restarts] in rows(&page) {
        for (files, expected) in [(ignored, true), (restarts, false)] {
            let files = files.into_iter().map(str::to_owned);
            wrong.extend(
                files.filter(|file| patterns.include(&Path::new("/app").join(file)) != expected),
            );
        }
    }
    assert_none(&wrong);
}

#[test]
fn lists_every_pattern_with_a_name_that_only_it_matches() {
    let page = text("docs/ignored.md");
    let rows = rows(&page);
    let listed: Vec<&str> = rows
        .iter()
        .flat_map(|[patterns, ..]| patterns.clone())
        .collect();
    let mut wrong: Vec<String> = Vec::new();
    let mut all: Vec<&str> = default_patterns().collect();
    all.retain(|pattern| !listed.contains(pattern));
    wrong.extend(
        all.iter()
            .map(|pattern| format!("{pattern} is not on the page")),
    );
    for [patterns, ignored, _] in &rows {
        for pattern in patterns {
            if !default_patterns().any(|one| one == *pattern) {
                wrong.push(format!("{pattern} is not a default pattern"));
            }
            // Without the pattern, a name in its row must no longer be ignored.
            let taken_back = [format!("!{pattern}").parse().unwrap()];
            let without = Patterns::ignored(&taken_back, Path::new("/app"));
            if ignored
                .iter()
                .all(|file| without.include(&Path::new("/app").join(file)))
            {
                wrong.push(format!(
                    "{pattern}: no name in its row is ignored by it alone"
                ));
            }
        }
    }
    assert_none(&wrong);
}
