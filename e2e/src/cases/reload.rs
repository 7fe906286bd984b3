//! The main job: a language buildpack wraps its process with watchexec, a file is synced into the
//! running container, and a new process answers.

use anyhow::Result;
use fs_err as fs;

use crate::case::{Case, cases, python_app};
use crate::command::expect_words;
use crate::container::Container;

cases![python, static_server_on_tiny];

fn python(case: &Case<'_>) -> Result<()> {
    let image = case.build(python_app()).live_reload("true").image()?;
    Container::start(&image)?.reload_python()
}

fn static_server_on_tiny(case: &Case<'_>) -> Result<()> {
    let image = case
        .build(case.platform.static_app()?)
        .live_reload("true")
        .arguments(&["--run-image", &case.platform.images.tiny])
        .image()?;
    let no_shell = image.run_program(&["sh", "-c", "true"]);
    let error = no_shell.map_or_else(|error| error.to_string(), |_| String::new());
    expect_words(&error, &["not found"])?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("version.txt");
    fs::write(&file, "v2\n")?;
    Container::start(&image)?.reload_by_copy("v2", &file, "/workspace/version.txt")
}
