//! The steps of Tekton's task `buildpacks`, whose catalog is in no package registry, run by hand in a pod:
//! the lifecycle's creator with the same volumes and the same user.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::expect_reload;
use crate::case::{Case, cases};
use crate::command::wait_for;
use crate::directories::copy;
use crate::package::package_offline;

cases![tekton];

/// How long the build may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// The directory in which the example's pipeline builds: the app directory of the image.
const APP: &str = "/workspace/source/examples/python";
/// Replaces `git-clone`, and then runs the task's steps as root.
const PREPARE: &str = "mkdir -p $APP /platform/env && cp /example/* $APP && \
    printf true >/platform/env/BP_LIVE_RELOAD_ENABLED && chown -R 1000:1000 /workspace /layers /cache";

/// The builder is that of the example, and the image reloads where files are synced to the directory of
/// the build.
fn tekton(case: &Case<'_>) -> Result<()> {
    let terminal = case.cluster_terminal()?;
    let cluster = case.platform.cluster()?;
    let (local, engine) = (cluster.registry()?, &case.platform.engine);
    let registry = cluster.reach(local.parse()?)?;
    let buildpack = terminal.path("target/package/buildpack");
    copy(&package_offline("package-for-tekton")?, &buildpack)?;
    let builder = terminal.page("examples/builder/README.md")?;
    builder.run(&builder.all_blocks("run: examples::builder")?[0].text)?;
    engine.push(&case.named("example-builder"), &format!("{local}/builder"))?;
    engine.push(&case.platform.images.base, &format!("{local}/run"))?;
    let example = terminal.path("examples/python");
    let from = format!("--from-file={}", example.display());
    terminal.kubectl(&["create", "configmap", "example", &from])?;

    let mount = |name: &str, path: &str| json!({"name": name, "mountPath": path});
    let volumes = ["source", "layers", "cache", "platform"];
    let mut mounts = vec![mount("example", "/example"), mount("source", "/workspace")];
    mounts.extend(
        volumes[1..]
            .iter()
            .map(|name| mount(name, &format!("/{name}"))),
    );
    let mut all = vec![json!({"name": "example", "configMap": {"name": "example"}})];
    all.extend(volumes.map(|name| json!({"name": name, "emptyDir": {}})));
    let step = |name: &str, user: u32, command: &[&str]| {
        json!({
            "name": name,
            "image": format!("{registry}/builder"),
            "command": command,
            "env": [{"name": "APP", "value": APP}, {"name": "CNB_PLATFORM_API", "value": "0.12"}],
            "securityContext": {"runAsUser": user, "runAsGroup": user},
            "volumeMounts": mounts,
        })
    };
    let app = format!("-app={APP}");
    let run = format!("-run-image={registry}/run");
    let image = format!("{registry}/apps/tekton");
    let create = [
        "/cnb/lifecycle/creator",
        &app,
        "-cache-dir=/cache",
        "-layers=/layers",
    ];
    let options = ["-platform=/platform", "-process-type=reload", &run, &image];
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "task"},
        "spec": {
            "restartPolicy": "Never",
            "initContainers": [step("prepare", 0, &["sh", "-c", PREPARE])],
            "containers": [step("create", 1000, &[&create[..], &options].concat())],
            "volumes": all,
        },
    });
    let started = Instant::now();
    terminal.apply(&pod.to_string())?;
    let phase = wait_for(PATIENCE, || {
        let phase =
            terminal.kubectl(&["get", "pod", "task", "--output=jsonpath={.status.phase}"])?;
        Ok(["Succeeded", "Failed"]
            .contains(&phase.as_str())
            .then_some(phase))
    })?;
    let log = terminal.kubectl(&["logs", "task", "--all-containers"])?;
    ensure!(phase == "Succeeded", "the build failed:\n{log}");
    case.show(format!("built in {:.1} s", started.elapsed().as_secs_f64()));
    expect_reload(&terminal, "apps/tekton", APP.trim_start_matches('/'))
}
