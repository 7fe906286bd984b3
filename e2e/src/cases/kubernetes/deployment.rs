//! An app that reloads under Kubernetes: probes, replicas, restarts of the container, and the
//! end of a pod.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use fs_err as fs;

use super::{DEPLOYMENT, DIRECTORY, app, deploy, deployed};
use crate::case::{Case, cases};
use crate::cases::examples::expect_argument;
use crate::command::{retry, wait_for};
use crate::container::{Container, SKAFFOLD, TILT};
use crate::directories::workspace;
use crate::terminal::Terminal;

cases![replicas, slow_restart, exit, arbitrary_user];

const PATIENCE: Duration = Duration::from_mins(2);
/// A user in a project of `OpenShift`: a high number without a name.
const USER: &str = "1000680000";
/// An app that takes long to start.
const SLOW_START: &str = "import time\ntime.sleep(8)\n";

/// A sync changes one pod. The arguments of the page, which are the same for Compose, reach the
/// app.
fn replicas(case: &Case<'_>) -> Result<()> {
    let page = fs::read_to_string(workspace().join("docs/settings.md"))?;
    let arguments = page.lines().find(|line| line.starts_with("args: "));
    let arguments = arguments.context("the page has no args")?;
    let command = arguments.replace("args: ", "command: ");
    ensure!(page.contains(&command), "the page does not show {command}");
    let terminal = deployed(case, "app.yaml", |manifest| {
        manifest.replace(
            "          env:",
            &format!("          {arguments}\n          env:"),
        )
    })?;
    let pods: [Container<'_>; 2] = retry(PATIENCE, || {
        let ready: Result<_, Vec<_>> = terminal.pods(DEPLOYMENT)?.try_into();
        ready.map_err(|ready| anyhow!("{} pods are ready", ready.len()))
    })?;
    let [synced, other] = pods;
    expect_argument(&synced, "v1")?;
    synced.reload("v2", || sync(&synced, "", "v2"))?;
    expect_argument(&synced, "v2")?;
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
    .map(drop)
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
    let before = pod.last_start()?;
    let follow = format!("kubectl logs --follow {}", pod.name);
    let mut log = terminal.page("docs/kubernetes.md")?.start(&follow)?;
    sync(&pod, "raise SystemExit(0)\n", "v2")?;
    log.wait_for("web ended with status 0; exiting with its status", 1)?;
    wait_for(PATIENCE, || Ok((pod.last_start()? != before).then_some(())))
        .context("the container has not been started again")?;
    pod.wait_for("v1").map(drop)
}

/// A user as `OpenShift` gives one, with each of the settings that make the app directory writable,
/// and without.
fn arbitrary_user(case: &Case<'_>) -> Result<()> {
    let terminal = case.cluster_terminal()?;
    fs::create_dir(terminal.path(DIRECTORY).join("pages"))?;
    fs::write(terminal.path(DIRECTORY).join("pages/page"), "1")?;
    let one_replica = |manifest: &str| manifest.replace("replicas: 2", "replicas: 1");
    deploy(&terminal, "app.yaml", one_replica)?;
    let manifest = fs::read_to_string(terminal.path("examples/kubernetes/app.yaml"))?;
    let mut pod = terminal.pod(DEPLOYMENT)?;
    for (groups, may_write) in [
        ("runAsGroup: 0", false),
        ("runAsGroup: 0, supplementalGroups: [1000]", true),
        ("runAsGroup: 0, fsGroup: 1000", true),
        ("runAsGroup: 1000", true),
    ] {
        let user = format!("securityContext: {{runAsUser: {USER}, {groups}}}\n      containers:");
        terminal.apply(&manifest.replace("containers:", &user))?;
        pod = terminal.pod_after(DEPLOYMENT, &pod.name)?;
        for tar in [&TILT, &SKAFFOLD] {
            let written = pod.extract(tar, &[("workspace/pages/page", b"2")]);
            let error = written
                .err()
                .map_or_else(String::new, |error| format!("{error:#}"));
            let is_as_expected = if may_write {
                error.is_empty()
            } else {
                error.contains("Cannot open: File exists")
            };
            ensure!(is_as_expected, "{groups}: {error:?}");
        }
        pod.reload("v2", || sync(&pod, "", "v2")).context(groups)?;
    }
    Ok(())
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
fn sync(pod: &Container<'_>, code: &str, version: &str) -> Result<()> {
    super::sync(pod, &format!("{code}{}", app(version)?))
}
