//! Tables that have to name all there is.

use super::{assert_none, root};
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
        .map(|setting| format!("| `{}` |", setting.variable))
        .filter(|row| !readme.contains(row))
        .collect();
    assert_none(&missing);
}

#[test]
fn every_pattern_that_is_ignored_from_the_start_is_told() {
    let page = text("docs/app-developers.md");
    let missing: Vec<String> = DEFAULT_PATTERNS
        .iter()
        .map(|pattern| format!("`{pattern}`"))
        .filter(|pattern| !page.contains(pattern))
        .collect();
    assert_none(&missing);
}
