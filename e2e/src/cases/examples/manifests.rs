//! What needs a cluster, and is only checked: the manifests are read as their tools read them.

use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;
use serde_json::Value;

use super::Case;
use crate::command::output;
use crate::go;
use crate::platform::Platform;
use crate::terminal::Terminal;

pub(super) const CASES: &[Case] = &[
    ("examples::skaffold", |platform| {
        let files = ["skaffold/skaffold.yaml", "skaffold/app.yaml"];
        check(platform, "examples::skaffold", SKAFFOLD, &files)
    }),
    ("examples::kpack", |platform| {
        let files = [
            "kpack/buildpack.yaml",
            "kpack/builder.yaml",
            "kpack/image.yaml",
        ];
        check(platform, "examples::kpack", KPACK, &files)
    }),
    ("examples::tekton", |platform| {
        let files = ["tekton/pipeline.yaml", "tekton/run.yaml"];
        check(platform, "examples::tekton", TEKTON, &files)
    }),
    ("examples::tilt_kubernetes", tilt_kubernetes),
];

const SKAFFOLD: &str = "github.com/GoogleContainerTools/skaffold/v2";
const KPACK: &str = "github.com/pivotal/kpack";
const TEKTON: &str = "github.com/tektoncd/pipeline";
const KUBERNETES: &str = "k8s.io/api";

/// A context that Tilt takes for a cluster on the same machine; nothing asks it anything.
const CONTEXT: &str = r#"apiVersion: v1
kind: Config
current-context: kind-nowhere
clusters: [{name: kind-nowhere, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: kind-nowhere, context: {cluster: kind-nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
"#;

/// Tilt runs the Tiltfile and says what it would do.
fn tilt_kubernetes(platform: &Platform) -> Result<()> {
    let case = "examples::tilt_kubernetes";
    check(platform, case, KUBERNETES, &["tilt/kubernetes/app.yaml"])?;
    let tilt = go::tilt(&platform.directories)?;
    let terminal = Terminal::open(platform, case)?;
    fs::write(terminal.path("kubeconfig"), CONTEXT)?;
    let result = output(
        Command::new(&tilt.program)
            .args(["alpha", "tiltfile-result", "--file", "kubernetes/Tiltfile"])
            .current_dir(terminal.path("examples/tilt"))
            .env("KUBECONFIG", terminal.path("kubeconfig"))
            .env("TILT_DEV_DIR", terminal.path("tilt-dev"))
            .env("DO_NOT_TRACK", "1"),
    )?;
    let result: Value = serde_json::from_str(&result)?;
    let image = &result["Manifests"][0]["ImageTargets"][0];
    ensure!(
        image["LiveUpdateSpec"]["syncs"][0]["containerPath"] == "/workspace"
            && image["BuildDetails"]["outputTag"] == "dev",
        "not what the example is for:\n{result:#}"
    );
    let how = format!(
        "tilt/kubernetes/Tiltfile run by Tilt {}, without a cluster",
        tilt.version
    );
    platform.report.checked(case, &how);
    Ok(())
}

/// Every document, strictly into the types of this module, and by its validation.
fn check(platform: &Platform, case: &str, module: &str, files: &[&str]) -> Result<()> {
    let (program, version) = go::manifests(module, &platform.directories)?;
    let examples = platform.directories.workspace().join("examples");
    output(Command::new(program).args(files).current_dir(examples))?;
    let how = format!("{} read as {module} {version} reads them", files.join(", "));
    platform.report.checked(case, &how);
    Ok(())
}
