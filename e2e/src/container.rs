//! A running application, asked from outside, and what a developer does to it.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{last_lines, output};
use crate::pack::Image;
use crate::platform::Platform;
use crate::server::free_port;

/// How long an application may take to answer: Java on two busy cores takes a good part of it.
const PATIENCE: Duration = Duration::from_mins(2);

/// What the sample applications answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The version of the application.
    pub(crate) version: String,
    /// The id that its process has in the container.
    pub(crate) process: String,
}

/// A container, removed when dropped.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    platform: &'a Platform,
    name: String,
    port: u16,
}

impl<'a> Container<'a> {
    /// Starts the image's default process. It shares the host's network, as a private engine has
    /// no other, and gets a port of its own there.
    pub(crate) fn start(image: &Image<'a>) -> Result<Self> {
        let container = Self {
            platform: image.platform,
            name: format!("{}-app", image.name),
            port: free_port()?,
        };
        output(
            container
                .platform
                .engine
                .docker()
                .args([
                    "run",
                    "--detach",
                    "--name",
                    &container.name,
                    "--network",
                    "host",
                ])
                .args(["--env", &format!("PORT={}", container.port), &image.name]),
        )?;
        Ok(container)
    }

    /// Copies a file into the container, as `docker cp` does for a developer.
    pub(crate) fn copy_in(&self, file: &Path, target: &str) -> Result<()> {
        let target = format!("{}:{target}", self.name);
        output(
            self.platform
                .engine
                .docker()
                .arg("cp")
                .arg(file)
                .arg(target),
        )?;
        Ok(())
    }

    /// Waits until the application answers with this version.
    pub(crate) fn wait_for(&self, version: &str) -> Result<Answer> {
        let started = Instant::now();
        let mut last = None;
        while started.elapsed() < PATIENCE {
            if let Some(answer) = self.ask() {
                if answer.version == version {
                    return Ok(answer);
                }
                last = Some(answer);
            }
            // Short, since the time until the first answer is measured.
            sleep(Duration::from_millis(2));
        }
        bail!(
            "no {version} within {PATIENCE:?}, the last answer was {last:?}; the container printed:\n{}",
            self.log()?
        );
    }

    /// Lets the application go from v1 to v2: a sync must lead to a new process, in this very
    /// container. Returns the time from the end of the sync to the first answer of that process.
    pub(crate) fn reload(&self, sync: impl FnOnce(&Self) -> Result<()>) -> Result<Duration> {
        let before = self.wait_for("v1")?;
        let identity = self.identity()?;
        sync(self)?;
        let synced = Instant::now();
        let after = self.wait_for("v2")?;
        let duration = synced.elapsed();
        ensure!(
            after.process != before.process,
            "v2 is of the same process as v1: {after:?}"
        );
        ensure!(
            self.identity()? == identity,
            "the container has been started again"
        );
        Ok(duration)
    }

    /// Which container this is, and since when and after how many restarts it runs.
    fn identity(&self) -> Result<String> {
        let format = "{{.Id}} {{.State.Running}} {{.State.StartedAt}} {{.RestartCount}}";
        output(
            self.platform
                .engine
                .docker()
                .args(["inspect", "--format", format, &self.name]),
        )
    }

    fn ask(&self) -> Option<Answer> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .into();
        let url = format!("http://127.0.0.1:{}/", self.port);
        let body = agent
            .get(&url)
            .call()
            .ok()?
            .body_mut()
            .read_to_string()
            .ok()?;
        let (version, process) = body.trim().split_once(' ')?;
        Some(Answer {
            version: version.to_owned(),
            process: process.to_owned(),
        })
    }

    fn log(&self) -> Result<String> {
        let log = self
            .platform
            .engine
            .docker()
            .args(["logs", &self.name])
            .output()
            .context("cannot run docker logs")?;
        let text = [log.stdout, log.stderr].concat();
        Ok(last_lines(&String::from_utf8_lossy(&text)))
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // Were it still there, the end of the suite would remove it.
        let _ = output(
            self.platform
                .engine
                .docker()
                .args(["rm", "--force", &self.name]),
        );
    }
}
