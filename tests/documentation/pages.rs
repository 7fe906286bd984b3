//! Checks the pages of the repository: links resolve, each command block is run or says why not,
//! tables are complete, and log lines are ones that the programs print.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod commands;
mod lines;
mod links;
mod markdown;
mod tables;

use markdown::Page;
use std::fs;
use std::path::{Path, PathBuf};

/// The texts for users and contributors.
const TEXTS: [&str; 6] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs",
    "examples",
];

/// The root of the repository.
fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own)
}

/// All texts.
fn pages() -> Vec<Page> {
    let mut files = Vec::new();
    for text in TEXTS {
        files_below(&root().join(text), &mut files);
    }
    files.sort();
    files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "md"))
        .map(|file| Page::read(file))
        .collect()
}

/// The sources below a directory as one text.
fn sources(directory: &str) -> String {
    let mut files = Vec::new();
    files_below(&root().join(directory), &mut files);
    files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

/// The files below a directory, or the file itself. What is built is no source.
fn files_below(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
        return;
    }
    if path.ends_with("target") || path.ends_with("node_modules") {
        return;
    }
    for entry in fs::read_dir(path).unwrap() {
        files_below(&entry.unwrap().path(), files);
    }
}

/// Fails with all problems at once.
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
