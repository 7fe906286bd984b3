//! Containers that run as an arbitrary user, as `OpenShift` starts them: a high number without a name, in the group 0.

use std::time::Duration;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::build::Image;
use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, unaware_app};
use crate::command::wait_for;
use crate::container::{Container, SKAFFOLD, TILT};

cases![arbitrary_user, arbitrary_user_of_the_group];

/// A user in a project of `OpenShift`.
pub(super) const USER: &str = "1000680000";
/// A file in a directory that the build made.
const INNER: &str = "workspace/pages/page";

/// The app runs, and restarts for files at the top of the app directory. Those in its directories cannot be changed.
fn arbitrary_user(case: &Case<'_>) -> Result<()> {
    let image = image(case)?;
    let user = format!("{USER}:0");
    let container = Container::start_with(&image, &["--user", &user])?;
    container.wait_for("v1")?;
    ensure!(
        container.execute(&["id", "-G"])? == "0",
        "it has other groups"
    );
    for tar in [&TILT, &SKAFFOLD] {
        let denied = container.extract(tar, &[(INNER, b"2")]);
        let error = denied
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default();
        ensure!(error.contains("Cannot open: File exists"), "{error:?}");
    }
    sync_app(&container)
}

/// With the group of the image, all files can be changed.
fn arbitrary_user_of_the_group(case: &Case<'_>) -> Result<()> {
    let image = image(case)?;
    let user = format!("{USER}:0");
    let container = Container::start_with(&image, &["--user", &user, "--group-add", "1000"])?;
    container.wait_for("v1")?;
    for (starts, tar) in (2..).zip([&TILT, &SKAFFOLD]) {
        container.extract(tar, &[(INNER, format!("{starts}").as_bytes())])?;
        wait_for_starts(&container, starts)?;
    }
    sync_app(&container)
}

/// Syncs v2 of the app, and checks that it restarts.
fn sync_app(container: &Container<'_>) -> Result<()> {
    let changed = fs::read(unaware_app("v2")?.path().join("app.py"))?;
    let sync =
        |container: &Container<'_>| container.extract(&TILT, &[("workspace/app.py", &changed)]);
    container.reload("v2", sync).map(drop)
}

fn wait_for_starts(container: &Container<'_>, starts: usize) -> Result<()> {
    wait_for(Duration::from_mins(1), || {
        Ok((container.log()?.matches("started v1").count() == starts).then_some(()))
    })
}

/// An image of the Python app, with a directory.
fn image<'a>(case: &'a Case<'_>) -> Result<Image<'a>> {
    let app = unaware_app("v1")?;
    fs::create_dir(app.path().join("pages"))?;
    fs::write(app.path().join("pages/page"), "1")?;
    let build = case.build(app.path()).buildpacks(&[PROCFILE, WATCHEXEC]);
    build.live_reload("true").image()
}
