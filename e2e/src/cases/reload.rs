//! The main job: a language buildpack wraps its process with watchexec, a file is synced into the
//! running container, and a new process answers.

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::case::{Case, cases, python_app};
use crate::container::Container;
use crate::offline::compile_answer;

cases![python, static_server_on_tiny, java];

fn python(case: &Case<'_>) -> Result<()> {
    let image = case.build(python_app()).live_reload("true").image()?;
    Container::start(&image)?.reload_python()
}

fn static_server_on_tiny(case: &Case<'_>) -> Result<()> {
    let image = case
        .build(&case.platform.static_app)
        .live_reload("true")
        .arguments(&["--run-image", &case.platform.images.tiny])
        .image()?;
    ensure!(
        image.run_program(&["sh", "-c", "true"]).is_err(),
        "the tiny image has a shell, and shows nothing"
    );
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("version.txt");
    fs::write(&file, "v2\n")?;
    Container::start(&image)?.reload_by_copy("v2", &file, "/workspace/version.txt")
}

/// pack explodes the jar of a Spring Boot app into the app directory, and classes as an IDE compiles
/// them are synced over it.
fn java(case: &Case<'_>) -> Result<()> {
    let jar = &case.platform.jar;
    let image = case.build(jar).live_reload("true").image()?;
    let directory = tempfile::tempdir()?;
    let class = compile_answer(directory.path())?;
    let target = "/workspace/BOOT-INF/classes/e2e/Answer.class";
    Container::start(&image)?.reload_by_copy("v2", &class, target)
}
