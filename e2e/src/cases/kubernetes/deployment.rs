//! An app that reloads under Kubernetes: probes, replicas, restarts of the container, and the
//! end of a pod.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::{APP, DEPLOYMENT, deployed};
use crate::case::{Case, cases};
use crate::command::wait_for;
use crate::container::TILT;
use crate::directories::workspace;
use crate::pod::Pod;
use crate::terminal::Terminal;

cases![replicas, slow_restart, strict_liveness_probe, exit];

const PATIENCE: Duration = Duration::from_mins(2);
/// An app that takes long to start.
const SLOW_START: &str = "import time\ntime.sleep(8)\n";

/// A sync changes one pod.
fn replicas(case: &Case<'_>) -> Result<()> {
    let terminal = deployed(case, "app.yaml", str::to_owned)?;
    let pods = wait_for(PATIENCE, || Ok(terminal.pods(DEPLOYMENT)?.try_into().ok()))?;
    let [synced, other]: [Pod<'_>; 2] = pods;
    synced.reload("v2", || sync(&synced, "", "v2"))?;
    other.wait_for("v1")?;
    Ok(())
}

/// A pod whose process starts for 8 s gets no requests, and its container stays.
fn slow_restart(case: &Case<'_>) -> Result<()> {
    let terminal = one_replica(case, str::to_owned)?;
    let pod = terminal.pod(DEPLOYMENT)?;
    pod.reload("v2", || {
        sync(&pod, SLOW_START, "v2")?;
        wait_for(PATIENCE, || {
            Ok(terminal.pods(DEPLOYMENT)?.is_empty().then_some(()))
        })
        .context("the pod is always ready")
    })
}

/// A liveness probe with less patience restarts the container, which has the files of its image again.
fn strict_liveness_probe(case: &Case<'_>) -> Result<()> {
    let terminal = one_replica(case, |manifest| {
        manifest
            .replace("periodSeconds: 5", "periodSeconds: 1")
            .replace("failureThreshold: 6", "failureThreshold: 2")
    })?;
    let pod = terminal.pod(DEPLOYMENT)?;
    let before = pod.container()?;
    sync(&pod, SLOW_START, "v2")?;
    wait_for(PATIENCE, || Ok((pod.container()? != before).then_some(())))
        .context("the container has not been restarted")?;
    pod.wait_for("v1")?;
    Ok(())
}

/// A process that ends with 0 ends its container, if that is wanted, and the pod starts another.
fn exit(case: &Case<'_>) -> Result<()> {
    let terminal = one_replica(case, |manifest| {
        manifest.replace(
            "          env:\n",
            "          args: [\"--on-exit\", \"exit\"]\n          env:\n",
        )
    })?;
    let pod = terminal.pod(DEPLOYMENT)?;
    pod.wait_for("v1")?;
    let before = pod.container()?;
    let follow = format!("kubectl logs --follow {}", pod.name);
    let mut log = terminal.page("docs/kubernetes.md")?.start(&follow)?;
    sync(&pod, "raise SystemExit(0)\n", "v2")?;
    log.wait_for("web ended with status 0; exiting with its status")?;
    wait_for(PATIENCE, || Ok((pod.container()? != before).then_some(())))
        .context("the container has not been started again")?;
    pod.wait_for("v1").map(drop)
}

/// The app with one replica.
fn one_replica<'a>(
    case: &'a Case<'a>,
    change: impl FnOnce(&str) -> String,
) -> Result<Terminal<'a>> {
    deployed(case, "app.yaml", |manifest| {
        change(&manifest.replace("replicas: 2", "replicas: 1"))
    })
}

/// Syncs this version of the app with code in front of it.
fn sync(pod: &Pod<'_>, code: &str, version: &str) -> Result<()> {
    let app = fs::read_to_string(workspace().join(APP))?;
    let app = format!("{code}{}", app.replace("\"v1\"", &format!("{version:?}")));
    ensure!(app.contains(version), "{APP} has no version");
    pod.extract(&TILT, &[("workspace/app.py", app.as_bytes())])
}
