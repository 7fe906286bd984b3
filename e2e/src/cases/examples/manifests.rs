//! Tekton's manifests are checked with its types and its validation. Its controllers do not run here.

use anyhow::Result;

use crate::case::{Case, cases};
use crate::command::output;
use crate::directories::workspace;
use crate::offline;

cases![tekton];

fn tekton(case: &Case<'_>) -> Result<()> {
    let version = offline::manifests()?;
    let mut manifests = case.platform.command("manifests")?;
    manifests
        .args(["tekton/pipeline.yaml", "tekton/run.yaml"])
        .current_dir(workspace().join("examples"));
    output(&mut manifests)?;
    case.show(format!("checked by Tekton {version}"));
    Ok(())
}
