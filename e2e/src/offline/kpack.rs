//! kpack in the cluster: its programs in an image, the manifests of its module, and the suite's
//! lifecycle.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use fs_err as fs;
use serde_json::json;
use toml::Table;

use super::{Lifecycle, go};
use crate::command::retry;
use crate::directories::{source, target};
use crate::platform::Platform;
use crate::terminal::Terminal;

/// How long the webhook may take to answer after its start.
const PATIENCE: Duration = Duration::from_mins(1);
/// The manifests that are left out: the schema of their values, and the lifecycle of kpack's
/// release.
const LEFT_OUT: [&str; 2] = ["schema.yaml", "default_clusterlifecycle.yaml"];

/// Installs kpack, which pulls from the registry at this address.
pub(crate) fn install_kpack(terminal: &Terminal<'_>, registry: &str) -> Result<()> {
    let platform = terminal.case.platform;
    let tree = target("kpack");
    let (version, module) = go::kpack(&tree.join("cnb/process"))?;
    let user = ["USER 1000:1000", "ENV HOME=/tmp"];
    push(platform, "kpack", (&tree.join("."), "/"), &user)?;
    let labels = lifecycle_labels(&platform.lifecycle)?;
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let files = (platform.lifecycle.directory.as_path(), "/cnb");
    push(platform, "lifecycle", files, &labels)?;

    let mut manifests = Vec::new();
    for entry in fs::read_dir(module.join("config"))? {
        let file = entry?.path();
        if !LEFT_OUT.iter().any(|name| file.ends_with(name)) {
            manifests.push(manifest(&fs::read_to_string(file)?, registry, &version));
        }
    }
    manifests.sort_by_key(|manifest| !manifest.contains("kind: Namespace"));
    terminal.apply(&manifests.join("\n---\n"))?;
    let namespace = "--namespace=kpack";
    let timeout = "--timeout=2m";
    terminal.kubectl(&[
        "wait",
        namespace,
        timeout,
        "--for=condition=Available",
        "deployment",
        "--all",
    ])?;
    let lifecycle = json!({
        "apiVersion": "kpack.io/v1alpha2",
        "kind": "ClusterLifecycle",
        "metadata": {"name": "default-lifecycle"},
        "spec": {"image": format!("{registry}/lifecycle")},
    });
    // The webhook answers some time after it has started.
    retry(PATIENCE, || terminal.apply(&lifecycle.to_string()))
}

/// Fills in a manifest, which is a template. All programs are in one image.
fn manifest(template: &str, registry: &str, version: &str) -> String {
    let filled = |line: &str| match line.split_once("#@ data.values.") {
        None => format!("{line}\n"),
        Some((key, "kpack_version")) => format!("{key}{version:?}\n"),
        Some((key, value @ ("controller.image" | "webhook.image"))) => {
            let program = value.trim_end_matches(".image");
            let command = key.replace("image:", "command:");
            format!("{key}{registry}/kpack\n{command}[/cnb/process/{program}]\n")
        }
        Some((key, _)) => format!("{key}{registry}/kpack\n"),
    };
    let lines = template.lines().filter(|line| !line.starts_with("#@ load"));
    lines.map(filled).collect()
}

/// Pushes the tiny image with more files in a layer of its own.
fn push(platform: &Platform, name: &str, files: (&Path, &str), changes: &[&str]) -> Result<()> {
    let image = platform.engine.named(name);
    platform
        .engine
        .derive(&image, &platform.images.tiny, Some(files), changes)?;
    let registry = platform.cluster()?.registry()?;
    platform.engine.push(&image, &format!("{registry}/{name}"))
}

/// The labels by which kpack knows the version and the APIs of a lifecycle.
fn lifecycle_labels(lifecycle: &Lifecycle) -> Result<[String; 2]> {
    let descriptor = fs::read_to_string(source("tools/lifecycle/lifecycle.toml"))?;
    let descriptor: Table = descriptor.parse()?;
    let metadata = json!({"lifecycle": {"version": lifecycle.version}, "api": descriptor["api"]});
    let label = |name: &str, value: String| format!("LABEL {name}='{value}'");
    Ok([
        label("io.buildpacks.builder.metadata", metadata.to_string()),
        label(
            "io.buildpacks.lifecycle.apis",
            serde_json::to_string(&descriptor["apis"])?,
        ),
    ])
}
