//! The main job: a language buildpack wraps its process with watchexec, a file is synced into the
//! running container, and a new process answers.

use anyhow::Result;

use crate::case::{Case, cases, python_app};
use crate::container::Container;

cases![python];

fn python(case: &Case<'_>) -> Result<()> {
    let image = case.build(python_app()).live_reload("true").image()?;
    Container::start(&image)?.reload_python()
}
