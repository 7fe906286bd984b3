//! Calls of a packaged buildpack, as the lifecycle makes them.

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What a build finds.
#[derive(Clone, Copy)]
pub(crate) enum State {
    /// No layer of an earlier build.
    Cold,
    /// The layer of the same build before.
    Kept,
}

/// A package, with an app and layers in a folder of their own.
pub(crate) struct Buildpack {
    package: PathBuf,
    folder: TempDir,
}

impl Buildpack {
    pub(crate) fn new(package: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        for name in ["app", "platform/env", "layers"] {
            fs::create_dir_all(folder.path().join(name))?;
        }
        fs::write(
            folder.path().join("plan.toml"),
            "[[entries]]\nname = \"watchexec\"\n[entries.metadata]\nlaunch = true\n",
        )?;
        fs::write(folder.path().join("app/Procfile"), "web: ./server\n")?;
        Ok(Self {
            package: package.to_owned(),
            folder,
        })
    }

    /// How long `bin/detect` takes with this value of the flag.
    pub(crate) fn detect(&self, flag: &str) -> Result<Duration> {
        let plan = self.folder.path().join("build-plan.toml");
        if plan.exists() {
            fs::remove_file(&plan)?;
        }
        // Empty, as the lifecycle makes it. (To cut off a longer one may wait for the disk.)
        fs::write(&plan, "")?;
        let mut command = self.phase("detect", &["platform", "build-plan.toml"]);
        command.env("BP_LIVE_RELOAD_ENABLED", flag);
        let started = Instant::now();
        let status = command.status()?;
        let duration = started.elapsed();
        // A detect that takes no part exits with 100.
        ensure!(matches!(status.code(), Some(0 | 100)), "detect: {status}");
        Ok(duration)
    }

    /// How long `bin/build` takes.
    pub(crate) fn build(&self, state: State) -> Result<Duration> {
        let mut command = self.command(state)?;
        let started = Instant::now();
        let status = command.status()?;
        let duration = started.elapsed();
        ensure!(status.success(), "build: {status}");
        Ok(duration)
    }

    /// The call of `bin/build`, with its layers as they are to be found.
    pub(crate) fn command(&self, state: State) -> Result<Command> {
        match state {
            State::Cold => {
                let layers = self.layers();
                fs::remove_dir_all(&layers)?;
                fs::create_dir(layers)?;
            }
            State::Kept => self.restore()?,
        }
        let mut command = self.phase("build", &["layers", "platform", "plan.toml"]);
        command.env("BP_LIVE_RELOAD_ENABLED", "true");
        Ok(command)
    }

    /// Leaves the layers as the lifecycle restores them: what is cached, with its metadata but
    /// without its types.
    fn restore(&self) -> Result<()> {
        let metadata = self.layers().join("watchexec.toml");
        let text = fs::read_to_string(&metadata)?;
        let mut table: toml::Table = text.parse()?;
        table.remove("types").context("the layer has no types")?;
        for entry in fs::read_dir(self.layers())? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with("watchexec") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        fs::write(metadata, toml::to_string(&table)?)?;
        Ok(())
    }

    fn layers(&self) -> PathBuf {
        self.folder.path().join("layers")
    }

    fn phase(&self, name: &str, arguments: &[&str]) -> Command {
        let arch = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            _ => "amd64",
        };
        let mut command = Command::new(self.package.join("bin").join(name));
        command
            .args(arguments.iter().map(|name| self.folder.path().join(name)))
            .current_dir(self.folder.path().join("app"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env_clear()
            .env("CNB_BUILDPACK_DIR", &self.package)
            .env("CNB_TARGET_OS", "linux")
            .env("CNB_TARGET_ARCH", arch)
            .env("CNB_TARGET_DISTRO_NAME", "debian")
            .env("CNB_TARGET_DISTRO_VERSION", "12");
        command
    }
}
