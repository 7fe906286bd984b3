//! The end of a container: the app gets its signal and its time, and its status is the container's.

use anyhow::{Result, ensure};

use crate::build::Image;
use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, python_app};
use crate::container::Container;

use super::restarts::image;

cases![slow_app, script_without_exec];

/// A server that a script starts without `exec`. It drains for 2 s after SIGTERM, and holds its port.
const SCRIPT: &str = "#!/bin/sh\necho migrating\npython3 server.py\n";
const SERVER: &str = "import signal, sys, threading, time\n\
    def stop(*_):\n    time.sleep(2)\n    print('drained', flush=True)\n    import os; os._exit(0)\n\
    signal.signal(signal.SIGTERM, stop)\nimport app\n";

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
        expect_goodbyes(case, &container, reloads + 1)?;
    }
    Ok(())
}

/// A start script that does not pass signals on: the next server starts when the last one has drained.
fn script_without_exec(case: &Case<'_>) -> Result<()> {
    let image = image(
        case,
        "web: ./start.sh\n",
        &[("start.sh", SCRIPT), ("server.py", SERVER)],
    )?;
    let container = Container::start(&image)?;
    container.reload_python()?;
    let (status, seconds) = container.stop()?;
    let log = container.log()?;
    case.show(format!("stopped after {seconds:.2} s"));
    // bash gives the status of the script, which the signal has ended.
    ensure!(
        status == 143 && log.matches("drained").count() == 2 && log.contains("(python3)"),
        "status {status}:\n{log}"
    );
    Ok(())
}

/// An image of the app that takes four seconds to stop and then exits with status 7.
fn slow<'a>(case: &'a Case<'_>) -> Result<Image<'a>> {
    let build = case.build(python_app()).buildpacks(&[PROCFILE, WATCHEXEC]);
    let build = build.env("BP_LIVE_RELOAD_PROCESS", "slow");
    build.live_reload("true").image()
}

/// Stops that app, and checks its status and how many goodbyes the log has, which come after four seconds.
fn expect_goodbyes(case: &Case<'_>, container: &Container<'_>, expected: usize) -> Result<()> {
    let (status, seconds) = container.stop()?;
    case.show(format!("stopped after {seconds:.2} s"));
    let log = container.log()?;
    let goodbyes = log.matches("goodbye").count();
    ensure!(
        status == 7 && goodbyes == expected,
        "status {status} after {seconds} s, {goodbyes} goodbyes, not {expected}:\n{log}"
    );
    Ok(())
}
