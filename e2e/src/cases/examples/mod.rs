//! The examples and texts, as their readers have them: the commands are read from the pages and
//! typed, the edits are those that the pages ask for, and the application is asked from outside.

mod apps;
mod manifests;
mod platforms;
mod texts;
mod tools;

use anyhow::Result;

use super::{Case, show, show_reload};
use crate::container::Container;
use crate::terminal::Terminal;

/// The application that the tools, the platforms and the texts take.
const APP: &str = "examples/python/app.py";

pub(super) const CASES: &[&[Case]] = &[
    apps::CASES,
    tools::CASES,
    platforms::CASES,
    texts::CASES,
    manifests::CASES,
];

/// A changed file is copied into the container.
fn expect_reload(terminal: &Terminal<'_>, container: &Container<'_>) -> Result<()> {
    let app = terminal.save(APP)?;
    show_reload(container.reload(|container| container.copy_in(&app.path, "/workspace/app.py"))?);
    Ok(())
}
