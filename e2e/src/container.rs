//! A running app in a container: requests from outside, and the syncs of a developer.

use std::io::Seek;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::build::Image;
use crate::case::{Case, unaware_app};
use crate::command::{free_port, last_lines, output, wait_for};
use crate::directories::keep;
use crate::terminal::Terminal;

/// How long an app can take to answer: Java on two busy cores takes a good part of it.
const PATIENCE: Duration = Duration::from_mins(2);

/// How a container starts `reload` where it is not the default.
pub(crate) const RELOAD: [&str; 2] = ["--entrypoint", "reload"];

/// How Tilt and Skaffold run `tar` in a container.
pub(crate) const TILT: [&str; 6] = ["tar", "-C", "/", "-x", "-f", "-"];
pub(crate) const SKAFFOLD: [&str; 6] = ["tar", "xmf", "-", "-C", "/", "--no-same-owner"];

/// A container of the engine, removed when dropped, or the one of a pod.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    case: &'a Case<'a>,
    /// Its name for the engine, or that of the pod.
    pub(crate) name: String,
    port: u16,
    url: String,
    /// The terminal of the cluster, for a pod.
    cluster: Option<&'a Terminal<'a>>,
}

impl<'a> Terminal<'a> {
    /// A container that a command has started.
    pub(crate) fn container(&self, name: &str) -> Container<'a> {
        Container::running(self.case, self.case.named(name), self.port())
    }
}

/// The answer of a sample app.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The version of the app.
    pub(crate) version: String,
    /// The id of its process, in the container.
    pub(crate) process: String,
}

impl<'a> Container<'a> {
    /// Starts the image's default process.
    pub(crate) fn start(image: &Image<'a>) -> Result<Self> {
        Self::start_with(image, &[])
    }

    /// Starts the image with further options of `docker run`, such as the entrypoint. It shares
    /// the host's network, as a private engine has no other, and gets a port of its own there.
    pub(crate) fn start_with(image: &Image<'a>, options: &[&str]) -> Result<Self> {
        Self::run(image, options, &[])
    }

    /// The same with words after the image.
    pub(crate) fn run(image: &Image<'a>, options: &[&str], words: &[&str]) -> Result<Self> {
        let name = format!("{}-app", image.name);
        let container = Self::running(image.case, name, free_port()?);
        let port = container.port_variable();
        let mut docker = image.case.platform.engine.docker();
        docker.args(["run", "--detach", "--name", &container.name]);
        docker.args(["--network", "host", "--env", &port]);
        output(docker.args(options).arg(&image.name).args(words))?;
        Ok(container)
    }

    /// A container that was started elsewhere, with its port on the host.
    pub(crate) fn running(case: &'a Case<'a>, name: String, port: u16) -> Self {
        Self {
            case,
            name,
            port,
            url: format!("http://127.0.0.1:{port}/"),
            cluster: None,
        }
    }

    /// The container of a pod with this address.
    pub(crate) fn of_pod(terminal: &'a Terminal<'a>, name: &str, address: &str) -> Self {
        let port = terminal.port();
        Self {
            case: terminal.case,
            name: name.to_owned(),
            port,
            url: format!("http://{address}:{port}/"),
            cluster: Some(terminal),
        }
    }

    /// The variable that tells the app its port.
    pub(crate) fn port_variable(&self) -> String {
        format!("PORT={}", self.port)
    }

    /// Copies a file into the container, as `docker cp` does for a developer.
    pub(crate) fn copy_in(&self, file: &Path, target: &str) -> Result<()> {
        let target = format!("{}:{target}", self.name);
        let mut docker = self.case.platform.engine.docker();
        output(docker.arg("cp").arg(file).arg(target))?;
        Ok(())
    }

    /// Runs a program in the container, as its user. Returns its output.
    pub(crate) fn execute(&self, words: &[&str]) -> Result<String> {
        output(&mut self.exec(words)?)
    }

    /// Extracts files with `tar` in the container, as Tilt and Skaffold do.
    pub(crate) fn extract(&self, tar: &[&str], files: &[(&str, &[u8])]) -> Result<()> {
        send_archive(&mut self.exec(tar)?, files)
    }

    fn exec(&self, words: &[&str]) -> Result<Command> {
        let separator: &[&str] = match self.cluster {
            Some(_) => &["--"],
            None => &[],
        };
        self.client(&[&["exec", "-i", &self.name], separator, words].concat())
    }

    /// `docker`, or `kubectl` for a pod, with these words.
    fn client(&self, words: &[&str]) -> Result<Command> {
        if let Some(terminal) = self.cluster {
            return terminal.kubectl_command(words);
        }
        let mut docker = self.case.platform.engine.docker();
        docker.args(words);
        Ok(docker)
    }

    /// Stops it as `docker stop` does, with 20 s until it is killed. Returns its exit status.
    pub(crate) fn stop(&self) -> Result<i32> {
        let engine = &self.case.platform.engine;
        engine.run(["stop", "--time", "20", &self.name])?;
        let status = self.inspect("{{.State.ExitCode}}")?;
        status.parse().context("no exit status")
    }

    /// Waits until the app answers with this version.
    pub(crate) fn wait_for(&self, version: &str) -> Result<Answer> {
        self.wait_until(version, |answer| answer.version == version)
    }

    /// Waits for the first answer.
    pub(crate) fn answer(&self) -> Result<Answer> {
        self.wait_until("answer", |_| true)
    }

    /// Checks that a sync restarts the app, in the same container, and that the new process answers
    /// this version. Returns and prints the time from the end of the sync to the first answer.
    pub(crate) fn reload(
        &self,
        version: &str,
        sync: impl FnOnce() -> Result<()>,
    ) -> Result<Duration> {
        let before = self.answer()?;
        let start = self.last_start()?;
        sync()?;
        let synced = Instant::now();
        self.wait_until(&format!("{version} of another process"), |answer| {
            answer.version == version && answer.process != before.process
        })?;
        let duration = synced.elapsed();
        let name = &self.case.name;
        println!(
            "{name}: {version} {} ms after the sync",
            duration.as_millis()
        );
        let is_same = self.last_start()? == start;
        ensure!(is_same, "the container has been started again");
        Ok(duration)
    }

    /// Checks that copying a file restarts the app.
    pub(crate) fn reload_by_copy(&self, version: &str, file: &Path, target: &str) -> Result<()> {
        self.reload(version, || self.copy_in(file, target))
            .map(drop)
    }

    /// Checks that copying v2 of the Python app restarts it.
    pub(crate) fn reload_python(&self) -> Result<()> {
        let changed = unaware_app("v2")?;
        let file = changed.path().join("app.py");
        self.reload_by_copy("v2", &file, "/workspace/app.py")
    }

    /// Identifies the current start of the container, by its id and its start time or number of
    /// restarts. Differs after a restart.
    pub(crate) fn last_start(&self) -> Result<String> {
        let Some(terminal) = self.cluster else {
            return self
                .inspect("{{.Id}} {{.State.Running}} {{.State.StartedAt}} {{.RestartCount}}");
        };
        let container = ".status.containerStatuses[0]";
        let output = format!("jsonpath={{{container}.containerID}} {{{container}.restartCount}}");
        terminal.kubectl(&["get", "pod", &self.name, "--output", &output])
    }

    fn inspect(&self, format: &str) -> Result<String> {
        let engine = &self.case.platform.engine;
        engine.run(["inspect", "--format", format, &self.name])
    }

    /// The output so far.
    pub(crate) fn log(&self) -> Result<String> {
        let log = self.client(&["logs", &self.name])?.output();
        let log = log.context("cannot read the log")?;
        let text = [log.stdout, log.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        ensure!(log.status.success(), "cannot read the log:\n{text}");
        Ok(text)
    }

    /// Waits for an answer that is as expected. An error shows the log.
    fn wait_until(&self, what: &str, expected: impl Fn(&Answer) -> bool) -> Result<Answer> {
        let mut last = None;
        let answer = wait_for(PATIENCE, || {
            last = self.ask().or(last.take());
            Ok(last.clone().filter(|answer| expected(answer)))
        });
        answer.with_context(|| {
            let log = self.log().unwrap_or_default();
            let printed = last_lines(&log);
            format!("no {what}, the last answer was {last:?}; the container printed:\n{printed}")
        })
    }

    fn ask(&self) -> Option<Answer> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .into();
        let mut response = agent.get(&self.url).call().ok()?;
        let body = response.body_mut().read_to_string().ok()?;
        let (version, process) = body.trim().split_once(' ')?;
        Some(Answer {
            version: version.to_owned(),
            process: process.to_owned(),
        })
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // Pods end with their namespace.
        if self.cluster.is_some() {
            return;
        }
        let engine = &self.case.platform.engine;
        if keep() {
            println!(
                "Kept: DOCKER_HOST={} docker logs {}",
                engine.host, self.name
            );
            return;
        }
        // Were it still there, the end of the suite would remove it.
        let _ = engine.run(["rm", "--force", &self.name]);
    }
}

/// Runs a command that reads an archive of these files. Like the archives of Tilt and Skaffold, it
/// has no entries for directories.
fn send_archive(command: &mut Command, files: &[(&str, &[u8])]) -> Result<()> {
    let mut archive = tar::Builder::new(tempfile::tempfile()?);
    for (name, contents) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(contents.len() as u64);
        archive.append_data(&mut header, name, *contents)?;
    }
    let mut archive = archive.into_inner()?;
    archive.rewind()?;
    let output = command.stdin(archive).output();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    ensure!(output.status.success(), "{command:?} failed:\n{printed}");
    Ok(())
}
