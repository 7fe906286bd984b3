//! Tables that have to name all there is.

use super::{assert_none, root, sources};
use reload_options::Setting;
use reload_options::ignore::DEFAULT_PATTERNS;
use std::fs;

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

#[test]
fn the_readme_has_every_setting() {
    let readme = text("README.md");
    let missing: Vec<String> = Setting::ALL
        .iter()
        .map(|setting| format!("| `{}` |", setting.variable()))
        .filter(|row| !readme.contains(row))
        .collect();
    assert_none(&missing);
}

#[test]
fn every_pattern_that_is_ignored_from_the_start_is_told() {
    let page = text("docs/app-developers.md");
    let missing: Vec<String> = DEFAULT_PATTERNS
        .iter()
        .map(|default| format!("`{}`", default.pattern))
        .filter(|pattern| !page.contains(pattern))
        .collect();
    assert_none(&missing);
}

/// The last column of the table of faults names tests.
#[test]
fn every_fault_is_shown_by_a_test_that_exists() {
    let tests = sources("tests");
    let page = text("docs/operators.md");
    let (_, table) = page.split_once("| fault |").unwrap();
    let names = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .flat_map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let last = cells[cells.len() - 2];
            last.split('`').skip(1).step_by(2).collect::<Vec<_>>()
        });
    let missing: Vec<String> = names
        .map(|name| format!("fn {name}()"))
        .filter(|function| !tests.contains(function))
        .collect();
    assert_none(&missing);
}
