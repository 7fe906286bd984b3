//! The end of a container: the app gets its signal and its time, and its status is the container's.

use anyhow::{Result, ensure};

use crate::build::Image;
use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, python_app};
use crate::container::Container;

cases![slow_app];

/// An app that needs four seconds to stop gets them, before and after a reload, and the container exits
/// with the app's status.
fn slow_app(case: &Case<'_>) -> Result<()> {
    let image = slow(case)?;
    for reloads in [0, 1] {
        let container = Container::start(&image)?;
        container.wait_for("v1")?;
        if reloads == 1 {
            container.reload_python()?;
        }
        expect_goodbyes(&container, reloads + 1)?;
    }
    Ok(())
}

/// An image of the app that takes four seconds to stop and then exits with status 7.
fn slow<'a>(case: &'a Case<'_>) -> Result<Image<'a>> {
    let build = case.build(python_app()).buildpacks(&[PROCFILE, WATCHEXEC]);
    let build = build.env("BP_LIVE_RELOAD_PROCESS", "slow");
    build.live_reload("true").image()
}

/// Stops that app, and checks its status and how many goodbyes the log has, which come after four seconds.
fn expect_goodbyes(container: &Container<'_>, expected: usize) -> Result<()> {
    let status = container.stop()?;
    let log = container.log()?;
    let goodbyes = log.matches("goodbye").count();
    ensure!(
        status == 7 && goodbyes == expected,
        "status {status}, {goodbyes} goodbyes, not {expected}:\n{log}"
    );
    Ok(())
}
