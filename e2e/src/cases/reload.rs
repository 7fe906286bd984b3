//! The main job: a language buildpack wraps its process with watchexec, a file is synced into the
//! running container, and the next answer is a new process's.

use anyhow::{Result, ensure};
use fs_err as fs;

use super::{Case, show_reload};
use crate::container::Container;
use crate::maven;
use crate::pack::Build;
use crate::platform::Platform;

pub(super) const CASES: &[Case] = &[
    ("reload::python", python),
    ("reload::static_server_on_tiny", static_server_on_tiny),
    ("reload::java", java),
];

fn python(platform: &Platform) -> Result<()> {
    let app = platform.directories.source("apps/python");
    let image = Build::new(platform, "reload::python", &app)
        .live_reload("true")
        .image()?;

    let original = fs::read_to_string(app.join("app.py"))?;
    let changed = original.replace("\"v1\"", "\"v2\"");
    ensure!(changed != original, "app.py answers no \"v1\"");
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("app.py");
    fs::write(&file, changed)?;

    let container = Container::start(&image)?;
    show_reload(container.reload(|container| container.copy_in(&file, "/workspace/app.py"))?);
    Ok(())
}

fn static_server_on_tiny(platform: &Platform) -> Result<()> {
    let image = Build::new(
        platform,
        "reload::static_server_on_tiny",
        &platform.static_app,
    )
    .live_reload("true")
    .arguments(&["--run-image", &platform.images.tiny])
    .image()?;
    ensure!(
        image.run_program(&["sh", "-c", "true"]).is_err(),
        "the tiny image has a shell, and shows nothing"
    );

    let directory = tempfile::tempdir()?;
    let file = directory.path().join("version.txt");
    fs::write(&file, "v2\n")?;

    let container = Container::start(&image)?;
    show_reload(container.reload(|container| container.copy_in(&file, "/workspace/version.txt"))?);
    Ok(())
}

/// A Spring Boot application, whose jar pack explodes into the app directory; what an IDE compiles
/// is synced over it.
fn java(platform: &Platform) -> Result<()> {
    let image = Build::new(platform, "reload::java", &platform.jar)
        .live_reload("true")
        .image()?;

    let directory = tempfile::tempdir()?;
    let class = maven::compile_answer("v2", directory.path(), &platform.directories)?;

    let container = Container::start(&image)?;
    show_reload(container.reload(|container| {
        container.copy_in(&class, "/workspace/BOOT-INF/classes/e2e/Answer.class")
    })?);
    Ok(())
}
