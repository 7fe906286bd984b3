//! A terminal of the cluster: its commands work in a namespace of their own, and the registry of the pages
//! is the suite's.

use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::case::Case;
use crate::command::output;
use crate::offline::Namespace;
use crate::terminal::Terminal;

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

impl Terminal<'_> {
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
}

impl Drop for Terminal<'_> {
    /// Removes the pods, with which the next cases would share the machine.
    fn drop(&mut self) {
        if let Ok(namespace) = self.namespace() {
            let _ = self.kubectl(&["delete", "namespace", &namespace.name, "--wait=false"]);
        }
    }
}
