//! A terminal of the cluster: its commands work in a namespace of their own, and the registry of
//! the pages is the suite's.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use fs_err as fs;
use serde_json::Value;

use crate::case::Case;
use crate::command::{output, wait_for};
use crate::container::Container;
use crate::offline::Namespace;
use crate::terminal::Terminal;

/// How long a pod can take to be ready.
const PATIENCE: Duration = Duration::from_mins(3);

impl Case<'_> {
    /// A terminal whose current context is a new namespace of the cluster.
    pub(crate) fn cluster_terminal(&self) -> Result<Terminal<'_>> {
        let cluster = self.platform.cluster()?;
        let name = self.name.replace("::", "-").replace('_', "-");
        let terminal = Terminal::open(self, Some(cluster.namespace(name)?))?;
        terminal.kubectl(&["create", "namespace", &terminal.namespace()?.name])?;
        Ok(terminal)
    }
}

impl<'a> Terminal<'a> {
    fn namespace(&self) -> Result<&Namespace> {
        let namespace = self.namespace.as_ref();
        namespace.context("the terminal is not one of the cluster")
    }

    /// A kubectl command in the namespace.
    pub(crate) fn kubectl_command(&self, words: &[&str]) -> Result<Command> {
        let mut shell = self.shell("kubectl \"$@\"", &self.path(""))?;
        shell.arg("kubectl").args(words);
        Ok(shell)
    }

    /// Runs kubectl in the namespace. Returns its output.
    pub(crate) fn kubectl(&self, words: &[&str]) -> Result<String> {
        output(&mut self.kubectl_command(words)?)
    }

    /// Applies manifests.
    pub(crate) fn apply(&self, manifests: &str) -> Result<()> {
        let file = self.path("manifests.yaml");
        fs::write(&file, manifests)?;
        self.kubectl(&["apply", "--filename", &file.to_string_lossy()])?;
        Ok(())
    }

    /// Enforces a Pod Security Standard.
    pub(crate) fn enforce(&self, standard: &str) -> Result<()> {
        let label = format!("pod-security.kubernetes.io/enforce={standard}");
        self.kubectl(&["label", "namespace", &self.namespace()?.name, &label])?;
        Ok(())
    }

    /// The ready pods of a deployment of the pages, except for those that are being stopped.
    pub(crate) fn pods(&'a self, deployment: &str) -> Result<Vec<Container<'a>>> {
        let label = format!("app={}", self.case.named(deployment));
        let listed = self.kubectl(&["get", "pods", "--selector", &label, "--output", "json"])?;
        let listed: Value = serde_json::from_str(&listed)?;
        let pods = listed["items"].as_array().context("no list of pods")?;
        let is_ready = |pod: &&Value| {
            pod["metadata"]["deletionTimestamp"].is_null()
                && pod["status"]["containerStatuses"][0]["ready"] == true
        };
        let pod = |pod: &Value| {
            let name = pod["metadata"]["name"].as_str()?;
            let address = pod["status"]["podIP"].as_str()?;
            Some(Container::of_pod(self, name, address))
        };
        Ok(pods.iter().filter(is_ready).filter_map(pod).collect())
    }

    /// Waits until a deployment has one pod, which is ready and is not this one.
    pub(crate) fn pod_after(&'a self, deployment: &str, before: &str) -> Result<Container<'a>> {
        let pod = wait_for(PATIENCE, || {
            let mut pods = self.pods(deployment)?;
            let pod = pods.pop().filter(|pod| pod.name != before);
            Ok(pod.filter(|_| pods.is_empty()))
        });
        pod.with_context(|| {
            let state = self.kubectl(&["describe", "pods"]).unwrap_or_default();
            format!("no pod of {deployment} is ready:\n{state}")
        })
    }

    /// Waits until a deployment has one pod, which is ready.
    pub(crate) fn pod(&'a self, deployment: &str) -> Result<Container<'a>> {
        self.pod_after(deployment, "")
    }
}

impl Drop for Terminal<'_> {
    /// Removes the pods, with which the next cases would share the machine.
    fn drop(&mut self) {
        if let Ok(namespace) = self.namespace() {
            let _ = self.kubectl(&["delete", "namespace", &namespace.name, "--wait=false"]);
        }
    }
}
