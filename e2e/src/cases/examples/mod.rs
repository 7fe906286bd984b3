//! The examples and texts, as their readers have them: the commands are read from the pages and
//! typed, the edits are those that the pages ask for, and the application is asked from outside.

mod apps;
mod manifests;
mod platforms;
mod texts;
mod tools;

use super::{Case, show, show_reload};

pub(super) const CASES: &[&[Case]] = &[
    apps::CASES,
    tools::CASES,
    platforms::CASES,
    texts::CASES,
    manifests::CASES,
];
