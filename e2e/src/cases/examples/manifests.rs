//! Manifests for a cluster are not applied, but checked with the types and validations of their tools.

use anyhow::{Result, ensure};
use fs_err as fs;
use serde_json::Value;

use crate::case::{Case, cases};
use crate::command::output;
use crate::directories::workspace;
use crate::offline;

cases![skaffold, kpack, tekton, tilt_kubernetes];

/// A context that Tilt takes for a local cluster. Tilt never connects to it.
const CONTEXT: &str = r#"apiVersion: v1
kind: Config
current-context: kind-nowhere
clusters: [{name: kind-nowhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: kind-nowhere, context: {cluster: kind-nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
"#;

fn skaffold(case: &Case<'_>) -> Result<()> {
    let skaffold = "github.com/GoogleContainerTools/skaffold/v2";
    check(case, skaffold, "skaffold/skaffold.yaml skaffold/app.yaml")
}

fn kpack(case: &Case<'_>) -> Result<()> {
    let files = "kpack/buildpack.yaml kpack/builder.yaml kpack/image.yaml";
    check(case, "github.com/pivotal/kpack", files)
}

fn tekton(case: &Case<'_>) -> Result<()> {
    let files = "tekton/pipeline.yaml tekton/run.yaml";
    check(case, "github.com/tektoncd/pipeline", files)
}

/// Tilt evaluates the Tiltfile and prints the result.
fn tilt_kubernetes(case: &Case<'_>) -> Result<()> {
    check(case, "k8s.io/api", "tilt/kubernetes/app.yaml")?;
    let version = offline::tool("tilt")?;
    let terminal = case.terminal()?;
    fs::write(terminal.path("kubeconfig"), CONTEXT)?;
    let result = terminal.run(
        "export KUBECONFIG=$PWD/kubeconfig; cd examples/tilt
        tilt alpha tiltfile-result --file kubernetes/Tiltfile 2>log || { cat log; exit 1; }",
        &terminal.path(""),
    )?;
    let result: Value = serde_json::from_str(&result)?;
    let image = &result["Manifests"][0]["ImageTargets"][0];
    ensure!(
        image["LiveUpdateSpec"]["syncs"][0]["containerPath"] == "/workspace"
            && image["BuildDetails"]["outputTag"] == "dev",
        "not what the example is for:\n{result:#}"
    );
    case.show(format!("checked by Tilt {version}, without a cluster"));
    Ok(())
}

/// Decodes every document of these files strictly into the types of this module, and validates it.
fn check(case: &Case<'_>, module: &str, files: &str) -> Result<()> {
    let version = offline::manifests(module)?;
    let mut manifests = case.platform.command("manifests")?;
    manifests
        .args(files.split(' '))
        .current_dir(workspace().join("examples"));
    output(&mut manifests)?;
    case.show(format!("{files} checked by {module} {version}"));
    Ok(())
}
