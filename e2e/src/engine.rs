//! The Docker engine: the one that answers, or a private one that runs as long as the suite.
//!
//! On an engine that was found, everything of ours has a name of this run alone and is removed at
//! the end. The private engine keeps the base images for the next run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fs_err as fs;
use fs_err::File;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::command::{last_lines, output};
use crate::debian::{self, as_root};
use crate::directories::Directories;

/// How long a starting or stopping engine may take; both are a matter of seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Docker engine.
#[derive(Debug)]
pub(crate) struct Engine {
    host: String,
    prefix: String,
    /// The engine to stop at the end, when it is the suite's own.
    daemon: Mutex<Option<Daemon>>,
    /// Ids of the images that were made: a rebuilt image's last one has no name any more.
    made: Mutex<Vec<String>>,
}

/// An engine that the suite started.
#[derive(Debug)]
struct Daemon {
    process: Child,
    pid: Pid,
    /// Short paths for its sockets, whose length is limited; removed when it has stopped.
    _sockets: TempDir,
}

impl Engine {
    /// Takes the engine that answers, else starts a private one, installing it where missing.
    pub(crate) fn open(directories: &Directories) -> Result<Self> {
        if answering_host().is_none() {
            debian::provide("dockerd", &["docker.io"], directories)?;
        }
        // On a machine with an init system the installation has started an engine.
        if let Some(host) = answering_host() {
            return Ok(Self {
                host,
                prefix: format!("live-reload-e2e-{}", std::process::id()),
                daemon: Mutex::new(None),
                made: Mutex::default(),
            });
        }
        let (daemon, host) = Daemon::start(directories)?;
        let engine = Self {
            host,
            prefix: "live-reload-e2e".to_owned(),
            daemon: Mutex::new(Some(daemon)),
            made: Mutex::default(),
        };
        // What a run that was killed has left.
        engine.remove_made()?;
        Ok(engine)
    }

    /// A docker command against this engine.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.host);
        command
    }

    /// The engine's address, for programs that are not the docker client.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// A name for an image, a volume or a container that is certain not to be the user's.
    pub(crate) fn named(&self, name: &str) -> String {
        format!(
            "{}-{}",
            self.prefix,
            name.replace("::", "-").replace('_', "-")
        )
    }

    /// One line on what runs where.
    pub(crate) fn description(&self) -> Result<String> {
        let version = output(
            self.docker()
                .args(["version", "--format", "{{.Server.Version}}"]),
        )?;
        Ok(if self.is_private() {
            format!("private engine {version}")
        } else {
            format!("engine {version} at {}", self.host)
        })
    }

    /// The id of an image, if there is one of that name.
    pub(crate) fn image_id(&self, image: &str) -> Option<String> {
        output(
            self.docker()
                .args(["image", "inspect", "--format", "{{.Id}}", image]),
        )
        .ok()
    }

    /// Notes an image for removal at the end.
    pub(crate) fn made(&self, image: &str) {
        let id = self.image_id(image);
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(id);
    }

    /// Makes an image of a root file system in a tarball. On the private engine the image of an
    /// earlier run is as good, since its name holds the digest of the tarball's recipe.
    pub(crate) fn import(&self, tarball: &Path, changes: &[&str]) -> Result<String> {
        let name = tarball
            .file_name()
            .context("a tarball has a name")?
            .to_string_lossy();
        let image = self.named(&format!("image-{name}"));
        if self.image_id(&image).is_none() {
            let mut command = self.docker();
            command.arg("import");
            for change in changes {
                command.args(["--change", change]);
            }
            output(command.arg(tarball).arg(&image))?;
        }
        Ok(image)
    }

    /// Removes what was made, and stops the engine if it is the suite's own. May be called again.
    pub(crate) fn close(&self) {
        if let Err(error) = self.remove_made() {
            eprintln!("e2e: not everything could be removed: {error:#}");
        }
        let daemon = self
            .daemon
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(daemon) = daemon
            && let Err(error) = daemon.stop()
        {
            eprintln!("e2e: the private Docker engine could not be stopped: {error:#}");
        }
    }

    fn is_private(&self) -> bool {
        self.daemon
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    fn remove_made(&self) -> Result<()> {
        let name = format!("name={}-", self.prefix);
        let containers = output(
            self.docker()
                .args(["ps", "--all", "--quiet", "--filter", &name]),
        )?;
        self.remove(&["rm", "--force", "--volumes"], containers.lines())?;

        let volumes = output(
            self.docker()
                .args(["volume", "ls", "--quiet", "--filter", &name]),
        )?;
        self.remove(&["volume", "rm", "--force"], volumes.lines())?;

        let reference = format!("reference={}-*", self.prefix);
        let images = output(self.docker().args([
            "images",
            "--format",
            "{{.Repository}}:{{.Tag}}",
            "--filter",
            &reference,
        ]))?;
        let base = self.named("image-");
        let keep_base = self.is_private();
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let images = images
            .lines()
            .filter(|image| !(keep_base && image.starts_with(&base)));
        self.remove(&["image", "rm", "--force"], images)?;
        let left = made
            .iter()
            .filter(|id| self.image_id(id).is_some())
            .map(String::as_str);
        self.remove(&["image", "rm", "--force"], left)
    }

    fn remove<'a>(&self, verb: &[&str], what: impl Iterator<Item = &'a str>) -> Result<()> {
        let what: Vec<&str> = what.collect();
        if !what.is_empty() {
            output(self.docker().args(verb).args(what))?;
        }
        Ok(())
    }
}

impl Daemon {
    /// Starts dockerd on a socket of its own. It gets no bridge and no firewall rules, which two
    /// engines on one machine would fight over: the suite's containers use the host's network.
    fn start(directories: &Directories) -> Result<(Self, String)> {
        let sockets = tempfile::Builder::new()
            .prefix("live-reload-e2e-")
            .tempdir()?;
        let host = format!("unix://{}", sockets.path().join("docker.sock").display());
        let data = directories.target("engine");
        let pidfile = directories.target("dockerd.pid");
        stop_left_behind(&pidfile, &data)?;
        let log = directories.log("dockerd");
        let file = File::create(&log)?.into_parts().0;
        let mut process = as_root("dockerd")
            .arg("--data-root")
            .arg(&data)
            .arg("--exec-root")
            .arg(sockets.path().join("exec"))
            .arg("--pidfile")
            .arg(&pidfile)
            .args([
                "--host",
                &host,
                "--group",
                &rustix::process::getgid().to_string(),
            ])
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start dockerd")?;

        let started = Instant::now();
        loop {
            let answer = output(
                Command::new("docker")
                    .env("DOCKER_HOST", &host)
                    .arg("version"),
            );
            if answer.is_ok()
                && let Some(pid) = read_pid(&pidfile)
            {
                return Ok((
                    Self {
                        process,
                        pid,
                        _sockets: sockets,
                    },
                    host,
                ));
            }
            let ended = process.try_wait()?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                let _ = process.kill();
                bail!(
                    "dockerd does not start:\n{}",
                    last_lines(&fs::read_to_string(&log)?)
                );
            }
            sleep(Duration::from_millis(100));
        }
    }

    fn stop(mut self) -> Result<()> {
        terminate(self.pid)?;
        self.process.wait()?;
        Ok(())
    }
}

/// The address of the engine that the docker client talks to, if one answers there.
fn answering_host() -> Option<String> {
    output(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"])).ok()?;
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        return Some(host);
    }
    let endpoint = "{{.Endpoints.docker.Host}}";
    output(Command::new("docker").args(["context", "inspect", "--format", endpoint])).ok()
}

/// Stops the private engine of a run that was killed before it could.
fn stop_left_behind(pidfile: &Path, data: &Path) -> Result<()> {
    let Some(pid) = read_pid(pidfile) else {
        return Ok(());
    };
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    // The id may be another process's by now: only one with our directory is ours.
    let ours = arguments
        .split(|byte| *byte == 0)
        .any(|word| Path::new(OsStr::from_bytes(word)) == data);
    if ours {
        terminate(pid)?;
        let asked = Instant::now();
        while process.exists() {
            if asked.elapsed() > PATIENCE {
                bail!("the engine of an earlier run, process {pid:?}, does not stop");
            }
            sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

fn read_pid(pidfile: &Path) -> Option<Pid> {
    Pid::from_raw(fs::read_to_string(pidfile).ok()?.trim().parse().ok()?)
}

/// Asks an engine to stop; under sudo it is root's, whom only root may signal.
fn terminate(pid: Pid) -> Result<()> {
    if rustix::process::geteuid().is_root() {
        kill_process(pid, Signal::TERM)?;
    } else {
        output(as_root("kill").arg(pid.as_raw_nonzero().to_string()))?;
    }
    Ok(())
}
