//! A running application, asked from outside, and what a developer does to it.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fs_err::File;

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
    /// Starts the image's default process.
    pub(crate) fn start(image: &Image<'a>) -> Result<Self> {
        Self::start_with(image, &[])
    }

    /// Starts the image with further options of `docker run`, such as the entrypoint. It shares
    /// the host's network, as a private engine has no other, and gets a port of its own there.
    pub(crate) fn start_with(image: &Image<'a>, options: &[&str]) -> Result<Self> {
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
                .args(["--env", &format!("PORT={}", container.port)])
                .args(options)
                .arg(&image.name),
        )?;
        Ok(container)
    }

    /// One that somebody else has started.
    pub(crate) fn running(platform: &'a Platform, name: String, port: u16) -> Self {
        Self {
            platform,
            name,
            port,
        }
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

    /// Runs a program in the container, as its user. Returns what it printed.
    pub(crate) fn execute(&self, words: &[&str]) -> Result<String> {
        output(
            self.platform
                .engine
                .docker()
                .args(["exec", &self.name])
                .args(words),
        )
    }

    /// The same with a file as the program's standard input.
    pub(crate) fn execute_with(&self, input: &Path, words: &[&str]) -> Result<()> {
        let output = self
            .platform
            .engine
            .docker()
            .args(["exec", "--interactive", &self.name])
            .args(words)
            .stdin(File::open(input)?.into_parts().0)
            .output()
            .context("cannot run docker exec")?;
        ensure!(
            output.status.success(),
            "{words:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
        );
        Ok(())
    }

    /// Stops it as `docker stop` does, and waits for its end at most this long before it is
    /// killed. Returns its exit status.
    pub(crate) fn stop(&self, patience: Duration) -> Result<i32> {
        let seconds = patience.as_secs().to_string();
        let docker = || self.platform.engine.docker();
        output(docker().args(["stop", "--time", &seconds, &self.name]))?;
        let status =
            output(docker().args(["inspect", "--format", "{{.State.ExitCode}}", &self.name]))?;
        status
            .parse()
            .with_context(|| format!("{status:?} is no exit status"))
    }

    /// Waits until the application answers with this version.
    pub(crate) fn wait_for(&self, version: &str) -> Result<Answer> {
        self.wait_until(version, |answer| answer.version == version)
    }

    fn wait_until(&self, what: &str, expected: impl Fn(&Answer) -> bool) -> Result<Answer> {
        let started = Instant::now();
        let mut last = None;
        while started.elapsed() < PATIENCE {
            if let Some(answer) = self.ask() {
                if expected(&answer) {
                    return Ok(answer);
                }
                last = Some(answer);
            }
            // Short, since the time until the first answer is measured.
            sleep(Duration::from_millis(2));
        }
        bail!(
            "no {what} within {PATIENCE:?}, the last answer was {last:?}; the container printed:\n{}",
            last_lines(&self.log()?)
        );
    }

    /// A sync that changes nothing of what the application answers, but leads to a new process in
    /// this very container. Returns the time from the end of the sync to that one's first answer.
    pub(crate) fn restart(&self, sync: impl FnOnce(&Self) -> Result<()>) -> Result<Duration> {
        let before = self.wait_for("v1")?;
        let identity = self.identity()?;
        sync(self)?;
        let synced = Instant::now();
        self.wait_until("other process", |answer| answer.process != before.process)?;
        let duration = synced.elapsed();
        self.expect_same(&identity)?;
        Ok(duration)
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
        self.expect_same(&identity)?;
        Ok(duration)
    }

    /// That this is still the container that it was.
    pub(crate) fn expect_same(&self, identity: &str) -> Result<()> {
        ensure!(
            self.identity()? == identity,
            "the container has been started again"
        );
        Ok(())
    }

    /// Which container this is, and since when and after how many restarts it runs.
    pub(crate) fn identity(&self) -> Result<String> {
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

    /// What it has printed so far.
    pub(crate) fn log(&self) -> Result<String> {
        let log = self
            .platform
            .engine
            .docker()
            .args(["logs", &self.name])
            .output()
            .context("cannot run docker logs")?;
        let text = [log.stdout, log.stderr].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
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
