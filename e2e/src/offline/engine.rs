//! The Docker engine: the user's, or a private one that runs as long as the suite.
//!
//! On the user's engine all names are unique to this run, and its images are removed at the end.
//! The private engine keeps the base images for the next run.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use rustix::process::geteuid;

use super::debian;
use crate::command::{as_root, last_lines, output, record, wait_for};
use crate::directories::{keep, log, target, workspace};
use harness::digest;

/// How long an engine may take to start or stop, which usually takes seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Docker engine.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Its `DOCKER_HOST`.
    pub(crate) host: String,
    prefix: String,
    /// The private engine.
    daemon: Option<Daemon>,
    closing: Once,
}

/// A private engine.
#[derive(Debug)]
struct Daemon {
    process: Mutex<Child>,
    directory: PathBuf,
}

impl Engine {
    /// Uses the engine that answers, else installs and starts a private one.
    pub(crate) fn open() -> Result<Self> {
        if answering_host().is_none() {
            debian::provide("dockerd", &["docker.io"])?;
        }
        // On a machine with an init system, the installation has started an engine.
        let (host, prefix, daemon) = if let Some(host) = answering_host() {
            let prefix = format!("live-reload-e2e-{}", std::process::id());
            (host, prefix, None)
        } else {
            let (daemon, host) = Daemon::start()?;
            (host, "live-reload-e2e".to_owned(), Some(daemon))
        };
        let engine = Self {
            host,
            prefix,
            daemon,
            closing: Once::new(),
        };
        // A killed run leaves containers on a private engine.
        engine.remove_made()?;
        Ok(engine)
    }

    /// A docker command against this engine.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", &self.host);
        command
    }

    /// Runs a docker command. Returns its output.
    pub(crate) fn run<A: AsRef<OsStr>>(
        &self,
        words: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        output(self.docker().args(words))
    }

    /// A name for an image, a volume or a container that is not the user's.
    pub(crate) fn named(&self, name: &str) -> String {
        let name = name.replace("::", "-").replace('_', "-");
        format!("{}-{name}", self.prefix)
    }

    /// Its version.
    pub(crate) fn version(&self) -> Result<String> {
        self.run(["version", "--format", "{{.Server.Version}}"])
    }

    /// The id of an image, if there is one of that name.
    pub(crate) fn image_id(&self, image: &str) -> Result<Option<String>> {
        // Without an image it succeeds, unlike `docker image inspect`.
        let ids = self.run(["images", "--quiet", "--no-trunc", image])?;
        Ok(Some(ids).filter(|ids| !ids.is_empty()))
    }

    /// Pushes an image under another name.
    pub(crate) fn push(&self, image: &str, name: &str) -> Result<()> {
        self.run(["tag", image, name])?;
        self.run(["push", "--quiet", name])?;
        self.run(["rmi", name])?;
        Ok(())
    }

    /// Makes an image from another one, with the contents of a directory copied to a path, and with
    /// these instructions. Existing directories keep their content.
    pub(crate) fn derive(
        &self,
        image: &str,
        from: &str,
        files: Option<(&Path, &str)>,
        changes: &[&str],
    ) -> Result<()> {
        // The container is never started, only committed. An image without a command needs one
        // here.
        let container = format!("{image}-derived");
        self.run(["create", "--name", &container, from, "true"])?;
        if let Some((directory, to)) = files {
            let to = format!("{container}:{to}");
            output(self.docker().arg("cp").arg(directory).arg(to))?;
        }
        let changes = changes.iter().flat_map(|change| ["--change", change]);
        self.run(
            std::iter::once("commit")
                .chain(changes)
                .chain([container.as_str(), image]),
        )?;
        self.run(["rm", &container])?;
        Ok(())
    }

    /// A base image, made unless an earlier run has. Its name has to change with its inputs.
    pub(super) fn base_image(
        &self,
        name: &str,
        make: impl FnOnce(&str) -> Result<()>,
    ) -> Result<String> {
        let image = self.named(&format!("base-{name}"));
        if self.image_id(&image)?.is_none() {
            make(&image)?;
        }
        Ok(image)
    }

    /// Removes images, volumes and networks of this run, and stops a private engine, unless they
    /// are to be kept. A second call waits for the first, since an interrupt and the end of the
    /// suite may coincide.
    pub(crate) fn close(&self) {
        self.closing.call_once(|| {
            if keep() {
                println!("Kept: DOCKER_HOST={} docker ps --all", self.host);
                return;
            }
            if let Err(error) = self.remove_made() {
                eprintln!("not everything could be removed: {error:#}");
            }
            let stopped = self.daemon.as_ref().map_or(Ok(()), Daemon::stop);
            if let Err(error) = stopped {
                eprintln!("the private Docker engine could not be stopped: {error:#}");
            }
        });
    }

    fn remove_made(&self) -> Result<()> {
        let named = format!("name={}-", self.prefix);
        let all = ["ps", "--all", "--quiet", "--filter"];
        let remove_containers = ["rm", "--force", "--volumes"];
        let containers = self.run(all.iter().chain([&named.as_str()]))?;
        self.remove(&remove_containers, containers.lines())?;

        let volumes = self.run(["volume", "ls", "--quiet", "--filter", &named])?;
        for volume in volumes.lines() {
            // pack does not name its containers, so those of an interrupted build are found here.
            let using = format!("volume={volume}");
            let builds = self.run(all.iter().chain([&using.as_str()]))?;
            self.remove(&remove_containers, builds.lines())?;
        }
        self.remove(&["volume", "rm", "--force"], volumes.lines())?;

        // Those of the cluster's registry too: a later one can have the same port, and a build must
        // not take them for its previous image.
        let [own, pushed] = ["", "*/*/"].map(|at| format!("reference={at}{}-*", self.prefix));
        // The tag of a pushed image moves on to the next one, and leaves its digest.
        let name = r#"{{.Repository}}{{if eq .Tag "<none>"}}@{{.Digest}}{{else}}:{{.Tag}}{{end}}"#;
        let listed = ["images", "--digests", "--format", name];
        let filters = ["--filter", &own, "--filter", &pushed];
        let images = self.run(listed.into_iter().chain(filters))?;
        let base = self.named("base-");
        let kept = |image: &&str| self.daemon.is_some() && image.starts_with(&base);
        let images = images.lines().filter(|image| !kept(image));
        self.remove(&["image", "rm", "--force"], images)
    }

    fn remove<'a>(&self, verb: &[&'a str], what: impl Iterator<Item = &'a str>) -> Result<()> {
        let what: Vec<&str> = what.collect();
        if !what.is_empty() {
            self.run(verb.iter().chain(&what))?;
        }
        Ok(())
    }
}

impl Daemon {
    /// Starts dockerd on its own socket. Without a bridge and firewall rules it does not interfere
    /// with another engine. The suite's containers use the host's network.
    fn start() -> Result<(Self, String)> {
        ensure!(
            geteuid().is_root(),
            "no Docker engine answers, and only root can start one"
        );
        let directory = directory()?;
        // The engine's own /run is its directory: some tools mount /var/run/docker.sock into
        // containers, whatever DOCKER_HOST says. Others mount that path, which the link keeps.
        symlink(
            ".",
            directory.join(directory.file_name().unwrap_or_default()),
        )?;
        let mut dockerd = Command::new("setpriv");
        if !keep() {
            dockerd.args(["--pdeathsig", "TERM"]);
        }
        dockerd
            .args(["unshare", "--mount", "sh", "-e", "-c"])
            .args(["mount --bind \"$1\" /run; shift; exec dockerd \"$@\"", "sh"])
            .arg(&directory)
            .arg("--data-root")
            .arg(target("engine"))
            .args(["--host", "unix:///run/docker.sock"])
            .args(["--exec-root", "/run/docker", "--pidfile", "/run/docker.pid"])
            .args(["--bridge=none", "--iptables=false", "--ip-forward=false"]);
        let host = format!("unix://{}/docker.sock", directory.display());
        let log = log("dockerd");
        // Ctrl-C must not stop the engine, which the suite still needs to clean up.
        dockerd.process_group(0);
        let mut process = record(&mut dockerd, &log)?
            .spawn()
            .context("cannot start dockerd")?;
        let answer = wait_for(PATIENCE, || {
            let mut docker = Command::new("docker");
            let answer = output(docker.env("DOCKER_HOST", &host).arg("version"));
            let ended = process.try_wait()?;
            ensure!(ended.is_none(), "it has ended: {ended:?}");
            Ok(answer.ok())
        });
        if let Err(error) = answer {
            let _ = process.kill();
            let printed = fs::read_to_string(&log)?;
            bail!("dockerd does not start: {error}\n{}", last_lines(&printed));
        }
        let process = Mutex::new(process);
        Ok((Self { process, directory }, host))
    }

    fn stop(&self) -> Result<()> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        output(as_root("kill").arg(process.id().to_string()))?;
        process.wait()?;
        clear(&self.directory)
    }
}

/// A new directory for the private engine: one for each checkout, and short, as paths of sockets
/// are limited to about 100 characters.
fn directory() -> Result<PathBuf> {
    let id = digest(workspace().as_os_str().as_encoded_bytes());
    let directory = PathBuf::from(format!("/run/live-reload-e2e-{}", &id[..16]));
    // The engine of a killed run may still be stopping, and one that was kept is running.
    let pidfile = directory.join("docker.pid");
    let pid = fs::read_to_string(&pidfile).unwrap_or_default();
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.trim()));
    if name.is_ok_and(|name| name == "dockerd\n") {
        output(as_root("kill").arg(pid.trim()))?;
    }
    let _ = wait_for(PATIENCE, || Ok((!pidfile.exists()).then_some(())));
    clear(&directory)?;
    fs::create_dir(&directory)?;
    Ok(directory)
}

/// The `DOCKER_HOST` of the docker client, if an engine answers there.
fn answering_host() -> Option<String> {
    output(Command::new("docker").args(["version", "--format", "{{.Server.Version}}"])).ok()?;
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        return Some(host);
    }
    let endpoint = "{{.Endpoints.docker.Host}}";
    output(Command::new("docker").args(["context", "inspect", "--format", endpoint])).ok()
}

/// Removes the directory of an engine, in which it leaves a mounted network namespace.
fn clear(directory: &Path) -> Result<()> {
    // The mount is missing if the engine did not start.
    let _ = output(Command::new("umount").arg(directory.join("exec/netns/default")));
    output(as_root("rm").arg("-rf").arg(directory))?;
    Ok(())
}
