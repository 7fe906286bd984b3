//! What needs a cluster, and is only checked: the manifests are read as their tools read them.

use std::process::Command;

use anyhow::Result;

use super::Case;
use crate::command::output;
use crate::go;
use crate::platform::Platform;

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
    ("examples::tilt_kubernetes", |platform| {
        let files = ["tilt/kubernetes/app.yaml"];
        check(platform, "examples::tilt_kubernetes", KUBERNETES, &files)
    }),
];

const SKAFFOLD: &str = "github.com/GoogleContainerTools/skaffold/v2";
const KPACK: &str = "github.com/pivotal/kpack";
const TEKTON: &str = "github.com/tektoncd/pipeline";
const KUBERNETES: &str = "k8s.io/api";

/// Every document, strictly into the types of this module, and by its validation.
fn check(platform: &Platform, case: &str, module: &str, files: &[&str]) -> Result<()> {
    let (program, version) = go::manifests(module, &platform.directories)?;
    let examples = platform.directories.workspace().join("examples");
    output(Command::new(program).args(files).current_dir(examples))?;
    super::show("checked, not run: needs a cluster")?;
    let how = format!("{} read as {module} {version} reads them", files.join(", "));
    platform.report.checked(case, &how);
    Ok(())
}
