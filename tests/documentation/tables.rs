//! Tables that have to agree with the code.

use super::{assert_none, root};
use reload_options::ignore::default_patterns;
use reload_options::{Setting, Settings};
use std::fs;

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

#[test]
fn lists_every_pattern_that_is_ignored_by_default() {
    let page = text("docs/settings.md");
    let missing: Vec<String> = default_patterns()
        .map(|pattern| format!("`{pattern}`"))
        .filter(|pattern| !page.contains(pattern))
        .collect();
    assert_none(&missing);
}
