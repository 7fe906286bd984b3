//! The Docker engine: the one that answers, or a private one that runs as long as the suite.
//!
//! On an engine that was found, everything of ours has a name of this run alone and is removed at
//! the end. The private engine keeps the base images for the next run.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fs_err as fs;
use fs_err::File;
use rustix::process::{Pid, Signal, geteuid, getgid, kill_process};

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
    /// Whether it is the suite's own.
    private: bool,
    /// The suite's own, until it is stopped.
    daemon: Mutex<Option<Daemon>>,
    closed: Mutex<bool>,
    /// Ids of the images that were made: a rebuilt image's last one has no name any more.
    made: Mutex<Vec<String>>,
}

/// An engine that the suite started.
#[derive(Debug)]
struct Daemon {
    process: Child,
    pid: Pid,
    directory: PathBuf,
}

impl Engine {
    /// Takes the engine that answers, else starts a private one, installing it where missing.
    pub(crate) fn open(directories: &Directories) -> Result<Self> {
        if answering_host().is_none() {
            debian::provide("dockerd", &["docker.io"], directories)?;
        }
        // On a machine with an init system the installation has started an engine.
        if let Some(host) = answering_host() {
            let prefix = format!("live-reload-e2e-{}", std::process::id());
            return Ok(Self::new(host, prefix, None));
        }
        let (daemon, host) = Daemon::start(directories)?;
        let engine = Self::new(host, "live-reload-e2e".to_owned(), Some(daemon));
        // What a run that was killed has left.
        engine.remove_made()?;
        Ok(engine)
    }

    fn new(host: String, prefix: String, daemon: Option<Daemon>) -> Self {
        Self {
            host,
            prefix,
            private: daemon.is_some(),
            daemon: Mutex::new(daemon),
            closed: Mutex::new(false),
            made: Mutex::default(),
        }
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
        let version = self.version()?;
        Ok(if self.private {
            format!("private engine {version}")
        } else {
            format!("engine {version} at {}", self.host)
        })
    }

    /// Its version.
    pub(crate) fn version(&self) -> Result<String> {
        output(
            self.docker()
                .args(["version", "--format", "{{.Server.Version}}"]),
        )
    }

    /// The first number of its version.
    pub(crate) fn major(&self) -> Result<u32> {
        let version = self.version()?;
        let major = version.split('.').next().unwrap_or_default();
        major
            .parse()
            .with_context(|| format!("{version:?} is no version"))
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

    /// Makes an image of another one's files, with a configuration that differs from its.
    pub(crate) fn derive(&self, image: &str, name: &str, changes: &[&str]) -> Result<String> {
        let derived = format!("{image}-{name}");
        if self.image_id(&derived).is_none() {
            let container = self.named(&format!("derive-{name}"));
            // Never started: only what a container has can be committed.
            let create = ["create", "--network", "none", "--name", &container, image];
            output(self.docker().args(create).arg("true"))?;
            let mut command = self.docker();
            command.arg("commit");
            for change in changes {
                command.args(["--change", change]);
            }
            output(command.args([&container, &derived]))?;
            output(self.docker().args(["rm", &container]))?;
        }
        Ok(derived)
    }

    /// Removes what was made, and stops the engine if it is the suite's own. A second call waits
    /// for the first one, so that the end of the suite does not cut an interrupt's short.
    pub(crate) fn close(&self) {
        let mut closed = lock(&self.closed);
        if *closed {
            return;
        }
        *closed = true;
        if let Err(error) = self.remove_made() {
            eprintln!("not everything could be removed: {error:#}");
        }
        if let Some(daemon) = lock(&self.daemon).take()
            && let Err(error) = daemon.stop()
        {
            eprintln!("the private Docker engine could not be stopped: {error:#}");
        }
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
        for volume in volumes.lines() {
            // The containers of a build that was interrupted: pack gives them no name.
            let volume = format!("volume={volume}");
            let builds = output(
                self.docker()
                    .args(["ps", "--all", "--quiet", "--filter", &volume]),
            )?;
            self.remove(&["rm", "--force", "--volumes"], builds.lines())?;
        }
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
        let keep_base = self.private;
        let made = std::mem::take(&mut *lock(&self.made));
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
        // One place for each checkout, so that what a killed run has left is found; and a short
        // one, as the paths of sockets are limited to about 100 characters.
        let directory = PathBuf::from(format!("/run/live-reload-e2e-{}", directories.id()));
        let pidfile = directory.join("docker.pid");
        stop_left_behind(&pidfile, &directory)?;
        output(as_root("mkdir").arg(&directory))?;

        let host = format!("unix://{}/docker.sock", directory.display());
        let log = directories.log("dockerd");
        let file = File::create(&log)?.into_parts().0;
        let mut process = as_root("dockerd")
            .arg("--data-root")
            .arg(directories.target("engine"))
            .arg("--exec-root")
            .arg(directory.join("exec"))
            .arg("--pidfile")
            .arg(&pidfile)
            .args(["--host", &host, "--group", &getgid().to_string()])
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false"])
            // Ctrl-C is for the suite, which still needs the engine to clean up.
            .process_group(0)
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
                        directory,
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
        clear(&self.directory)
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

/// Stops the private engine of a run that was killed before it could, and clears its place.
fn stop_left_behind(pidfile: &Path, directory: &Path) -> Result<()> {
    if let Some(pid) = read_pid(pidfile) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        // The id may be another process's by now: only one that names our file is ours.
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        let pidfile = pidfile.as_os_str().as_encoded_bytes();
        if arguments
            .split(|byte| *byte == 0)
            .any(|argument| argument == pidfile)
        {
            terminate(pid)?;
            let asked = Instant::now();
            while process.exists() {
                if asked.elapsed() > PATIENCE {
                    bail!("the engine of an earlier run, process {pid}, does not stop");
                }
                sleep(Duration::from_millis(100));
            }
        }
    }
    clear(directory)
}

/// Removes what an engine leaves in its place, a mounted network namespace among it.
fn clear(directory: &Path) -> Result<()> {
    // There is none where the engine did not come that far.
    let _ = output(as_root("umount").arg(directory.join("exec/netns/default")));
    output(
        as_root("rm")
            .args(["--recursive", "--force", "--one-file-system"])
            .arg(directory),
    )?;
    Ok(())
}

fn read_pid(pidfile: &Path) -> Option<Pid> {
    Pid::from_raw(fs::read_to_string(pidfile).ok()?.trim().parse().ok()?)
}

/// Asks an engine to stop; under sudo it is root's, whom only root may signal.
fn terminate(pid: Pid) -> Result<()> {
    if geteuid().is_root() {
        kill_process(pid, Signal::TERM)?;
    } else {
        output(as_root("kill").arg(pid.as_raw_nonzero().to_string()))?;
    }
    Ok(())
}

/// The value of a mutex, whose holder may have panicked: what is to be cleaned up still is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
