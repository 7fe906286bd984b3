//! A pod of the cluster: requests to its own address, and its state.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::app::{Answer, App};
use crate::command::wait_for;
use crate::container::send_archive;
use crate::terminal::Terminal;

/// How long a pod can take to be ready.
const PATIENCE: Duration = Duration::from_mins(3);

/// A pod with one container.
#[derive(Debug)]
pub(crate) struct Pod<'a> {
    terminal: &'a Terminal<'a>,
    pub(crate) name: String,
    app: App,
}

impl<'a> Terminal<'a> {
    /// The ready pods of a deployment of the pages, except for those that are being stopped.
    pub(crate) fn pods(&'a self, deployment: &str) -> Result<Vec<Pod<'a>>> {
        let label = format!("app={}", self.case.named(deployment));
        let listed = self.kubectl(&["get", "pods", "--selector", &label, "--output", "json"])?;
        let listed: Value = serde_json::from_str(&listed)?;
        let pods = listed["items"].as_array().context("no list of pods")?;
        let is_ready = |pod: &&Value| {
            pod["metadata"]["deletionTimestamp"].is_null()
                && pod["status"]["containerStatuses"][0]["ready"] == true
        };
        let pod = |pod: &Value| {
            let name = pod["metadata"]["name"].as_str()?.to_owned();
            let address = pod["status"]["podIP"].as_str()?;
            let app = App::at(&format!("{address}:{}", self.port()));
            Some(Pod {
                terminal: self,
                name,
                app,
            })
        };
        Ok(pods.iter().filter(is_ready).filter_map(pod).collect())
    }

    /// Waits until a deployment has one pod, which is ready and is not this one.
    pub(crate) fn pod_after(&'a self, deployment: &str, before: &str) -> Result<Pod<'a>> {
        let pod = wait_for(PATIENCE, || {
            let mut pods = self.pods(deployment)?;
            Ok(pods
                .pop()
                .filter(|pod| pods.is_empty() && pod.name != before))
        });
        pod.with_context(|| {
            let state = self.kubectl(&["describe", "pods"]).unwrap_or_default();
            format!("no pod of {deployment} is ready:\n{state}")
        })
    }

    /// Waits until a deployment has one pod, which is ready.
    pub(crate) fn pod(&'a self, deployment: &str) -> Result<Pod<'a>> {
        self.pod_after(deployment, "")
    }
}

impl Pod<'_> {
    /// Waits until the app answers with this version.
    pub(crate) fn wait_for(&self, version: &str) -> Result<Answer> {
        self.wait_until(version, |answer| answer.version == version)
    }

    /// Waits for the first answer.
    pub(crate) fn answer(&self) -> Result<Answer> {
        self.wait_until("answer", |_| true)
    }

    fn wait_until(&self, what: &str, expected: impl Fn(&Answer) -> bool) -> Result<Answer> {
        self.app.wait_until(what, || self.log(), expected)
    }

    /// Checks that a change leads to this version, of a different process in the same container. Reports the
    /// time from before the change to the first answer.
    pub(crate) fn reload(&self, version: &str, change: impl FnOnce() -> Result<()>) -> Result<()> {
        let before = self.answer()?;
        let container = self.container()?;
        let started = Instant::now();
        change()?;
        self.app.wait_for_restart(version, &before, || self.log())?;
        let milliseconds = started.elapsed().as_millis();
        println!("{}: {version} after {milliseconds} ms", self.terminal.case.name);
        ensure!(
            self.container()? == container,
            "the container has been replaced"
        );
        Ok(())
    }

    /// Runs a program in the container, as its user. Returns its output.
    pub(crate) fn execute(&self, words: &[&str]) -> Result<String> {
        let exec = ["exec", &self.name, "--"];
        self.terminal.kubectl(&[&exec, words].concat())
    }

    /// Extracts files with `tar` in the container, as Tilt and Skaffold do.
    pub(crate) fn extract(&self, tar: &[&str], files: &[(&str, &[u8])]) -> Result<()> {
        let exec = ["exec", "--stdin", &self.name, "--"];
        let mut kubectl = self.terminal.kubectl_command(&[&exec, tar].concat())?;
        send_archive(&mut kubectl, files)
    }

    /// The id of the running container, and the number of its earlier starts.
    pub(crate) fn container(&self) -> Result<String> {
        let state = "{.status.containerStatuses[0].containerID} \
            {.status.containerStatuses[0].restartCount}";
        let output = format!("jsonpath={state}");
        self.terminal
            .kubectl(&["get", "pod", &self.name, "--output", &output])
    }

    /// The log of the container.
    pub(crate) fn log(&self) -> Result<String> {
        self.terminal.kubectl(&["logs", &self.name])
    }
}
