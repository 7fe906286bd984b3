//! A running app: requests from outside, and the syncs of a developer.

use std::io::Seek;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::app::{Answer, App};
use crate::build::Image;
use crate::case::{Case, unaware_app};
use crate::command::{free_port, output};
use crate::directories::keep;

/// How a container starts `reload` where it is not the default.
pub(crate) const RELOAD: [&str; 2] = ["--entrypoint", "reload"];

/// How Tilt and Skaffold run `tar` in a container.
pub(crate) const TILT: [&str; 6] = ["tar", "-C", "/", "-x", "-f", "-"];
pub(crate) const SKAFFOLD: [&str; 6] = ["tar", "xmf", "-", "-C", "/", "--no-same-owner"];

/// A container, removed when dropped.
#[derive(Debug)]
pub(crate) struct Container<'a> {
    pub(crate) case: &'a Case<'a>,
    name: String,
    port: u16,
    app: App,
}

impl<'a> Container<'a> {
    /// Starts the image's default process.
    pub(crate) fn start(image: &Image<'a>) -> Result<Self> {
        Self::start_with(image, &[])
    }

    /// Starts the image with further options of `docker run`, such as the entrypoint. It shares
    /// the host's network, as a private engine has no other, and gets a port of its own there.
    pub(crate) fn start_with(image: &Image<'a>, options: &[&str]) -> Result<Self> {
        let name = format!("{}-app", image.name);
        let container = Self::running(image.case, name, free_port()?);
        let port = container.port_variable();
        let mut docker = image.case.platform.engine.docker();
        docker.args(["run", "--detach", "--name", &container.name]);
        docker.args(["--network", "host", "--env", &port]);
        output(docker.args(options).arg(&image.name))?;
        Ok(container)
    }

    /// A container that was started elsewhere, with its port on the host.
    pub(crate) fn running(case: &'a Case<'a>, name: String, port: u16) -> Self {
        let app = App::at(&format!("127.0.0.1:{port}"));
        Self {
            case,
            name,
            port,
            app,
        }
    }

    /// Its name for the engine.
    pub(crate) fn name(&self) -> &str {
        &self.name
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
        let exec = ["exec", &self.name];
        self.case.platform.engine.run(exec.iter().chain(words))
    }

    /// Extracts files with `tar` in the container, as Tilt and Skaffold do.
    pub(crate) fn extract(&self, tar: &[&str], files: &[(&str, &[u8])]) -> Result<()> {
        let mut docker = self.case.platform.engine.docker();
        docker.args(["exec", "--interactive", &self.name]).args(tar);
        send_archive(&mut docker, files)
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
        let is_expected = |answer: &Answer| answer.version == version;
        self.app.wait_until(version, || self.log(), is_expected)
    }

    /// Waits for the first answer.
    pub(crate) fn answer(&self) -> Result<Answer> {
        self.app.wait_until("answer", || self.log(), |_| true)
    }

    /// Checks that a sync restarts the app, which answers v1, in the same container, and that the new
    /// process answers this version. Returns and reports the time from the end of the sync to the first
    /// answer.
    pub(crate) fn reload(
        &self,
        version: &str,
        sync: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<Duration> {
        let before = self.wait_for("v1")?;
        self.expect_same_after(|| {
            sync(self)?;
            let synced = Instant::now();
            self.app.wait_for_restart(version, &before, || self.log())?;
            let duration = synced.elapsed();
            let milliseconds = duration.as_millis();
            println!("{}: {version} after {milliseconds} ms", self.case.name);
            Ok(duration)
        })
    }

    /// Checks that copying a file restarts the app.
    pub(crate) fn reload_by_copy(&self, version: &str, file: &Path, target: &str) -> Result<()> {
        let copy = |container: &Self| container.copy_in(file, target);
        self.reload(version, copy).map(drop)
    }

    /// Checks that copying v2 of the Python app restarts it.
    pub(crate) fn reload_python(&self) -> Result<()> {
        let changed = unaware_app("v2")?;
        let file = changed.path().join("app.py");
        self.reload_by_copy("v2", &file, "/workspace/app.py")
    }

    /// Checks that an action neither restarts nor replaces the container.
    pub(crate) fn expect_same_after<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let format = "{{.Id}} {{.State.Running}} {{.State.StartedAt}} {{.RestartCount}}";
        let before = self.inspect(format)?;
        let done = act()?;
        let is_same = self.inspect(format)? == before;
        ensure!(is_same, "the container has been started again");
        Ok(done)
    }

    fn inspect(&self, format: &str) -> Result<String> {
        let engine = &self.case.platform.engine;
        engine.run(["inspect", "--format", format, &self.name])
    }

    /// The output so far.
    pub(crate) fn log(&self) -> Result<String> {
        let log = self
            .case
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

/// Runs a command that reads an archive of these files. Like the archives of Tilt and Skaffold, it has no
/// entries for directories.
pub(crate) fn send_archive(command: &mut Command, files: &[(&str, &[u8])]) -> Result<()> {
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
