//! The origin of a release: the predicate of a provenance by SLSA 1 (<https://slsa.dev/spec/v1.0/provenance>).

use crate::command::output;
use crate::toolchain::Toolchain;
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Result, ensure};
use fs_err as fs;
use serde_json::{Value, json};
use std::process::Command;
use watchexec_release::catalog::Dependency;
use watchexec_release::checksum::Checksum;

/// The repository, whose page explains these names.
const REPOSITORY: &str = "https://github.com/live-reload/watchexec-buildpack";

/// The commit that is released. Only a trial may have changes that are not committed.
pub(super) fn commit(allow_dirty: bool) -> Result<String> {
    let git = |arguments: &[&str]| -> Result<String> {
        let mut git = Command::new("git");
        let printed = output(git.args(arguments).current_dir(workspace::root()))?;
        Ok(String::from_utf8(printed)?.trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain"])?;
    ensure!(
        changes.is_empty() || allow_dirty,
        "the checkout is not what the commit {commit} has:\n{changes}\nCommit the changes, or make a \
         trial by --allow-dirty"
    );
    let mark = if changes.is_empty() { "" } else { "-dirty" };
    Ok(commit + mark)
}

/// The predicate: the same for the same commit, toolchain and builder, whenever it is made.
pub(super) fn predicate(
    commit: &str,
    toolchains: &[(&Triple, Toolchain)],
    inside: &[Dependency],
) -> Result<Value> {
    let tools = toolchains
        .iter()
        .map(|(triple, toolchain)| (triple.to_string(), json!(toolchain.description)))
        .collect::<serde_json::Map<_, _>>();
    let lock = Checksum::of(&fs::read(workspace::root().join("Cargo.lock"))?);
    let mut from = vec![
        json!({"uri": format!("git+{REPOSITORY}"), "digest": {"gitCommit": commit}}),
        json!({"name": "Cargo.lock", "digest": {"sha256": lock.hex()}}),
    ];
    for dependency in inside {
        let checksum = dependency.checksum()?;
        from.push(json!({"uri": dependency.uri, "digest": {"sha256": checksum.hex()}}));
    }
    // GitHub names the workflow so, with the tag.
    let builder = std::env::var("GITHUB_WORKFLOW_REF").map_or_else(
        |_| format!("{REPOSITORY}/blob/main/docs/verify.md#a-release-of-your-own"),
        |workflow| format!("https://github.com/{workflow}"),
    );
    Ok(json!({
        "buildDefinition": {
            "buildType": format!("{REPOSITORY}/blob/main/docs/repackaging.md#the-same-release-again"),
            "externalParameters": {"command": "cargo xtask release"},
            "internalParameters": {"toolchains": tools},
            "resolvedDependencies": from,
        },
        "runDetails": {"builder": {"id": builder}},
    }))
}
