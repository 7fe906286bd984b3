//! `pack build`, as a user runs it, and what comes of it.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail, ensure};
use fs_err as fs;

use crate::builder::WATCHEXEC;
use crate::command::{last_lines, output, recorded};
use crate::platform::Platform;

/// One `pack build`.
#[derive(Debug)]
pub(crate) struct Build<'a> {
    platform: &'a Platform,
    name: String,
    command: Command,
}

/// The image that a build made.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    pub(crate) platform: &'a Platform,
    /// The image's name.
    pub(crate) name: String,
    /// What the build printed.
    pub(crate) log: String,
}

impl<'a> Build<'a> {
    /// A build of an application directory, or of a jar, with the suite's builder. Builds of the
    /// same name make the same image and share a cache.
    pub(crate) fn new(platform: &'a Platform, name: &str, app: &Path) -> Self {
        let image = platform.engine.named(name);
        let mut command = Command::new(&platform.pack);
        command
            .args(["build", &image, "--builder", &platform.builder])
            .arg("--path")
            .arg(app)
            .args(["--trust-builder", "--pull-policy", "never", "--no-color"])
            // The server that builds download from listens on the host's loopback.
            .args(["--network", "host", "--docker-host", "inherit"])
            .env("DOCKER_HOST", platform.engine.host())
            .env("PACK_HOME", platform.directories.target("pack-home"));
        for kind in ["build", "launch"] {
            // Named, since pack derives a name that nothing tells from the user's.
            let volume = format!("type={kind};format=volume;name={image}-{kind}");
            command.args(["--cache", &volume]);
        }
        Self {
            platform,
            name: image,
            command,
        }
    }

    /// With `BP_LIVE_RELOAD_ENABLED`.
    pub(crate) fn live_reload(self, value: &str) -> Self {
        self.env("BP_LIVE_RELOAD_ENABLED", value)
    }

    /// With a variable for the buildpacks.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.args(["--env", &format!("{name}={value}")]);
        self
    }

    /// With these buildpacks, ids or directories, none of them optional, instead of the builder's
    /// order.
    pub(crate) fn buildpacks(mut self, buildpacks: &[&str]) -> Self {
        for buildpack in buildpacks {
            self.command.args(["--buildpack", buildpack]);
        }
        // pack does not trust a builder with added buildpacks, and then takes the phases that
        // need the engine from an image that has nothing else.
        self.command
            .args(["--lifecycle-image", &self.platform.images.lifecycle]);
        self
    }

    /// With further flags of pack.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Runs it, and expects an image.
    pub(crate) fn image(mut self) -> Result<Image<'a>> {
        let (succeeded, log) = self.run()?;
        ensure!(succeeded, "the build failed:\n{}", last_lines(&log));
        Ok(Image {
            platform: self.platform,
            name: self.name,
            log,
        })
    }

    /// Runs it, and expects that it fails and leaves no image. Returns what it printed.
    pub(crate) fn failure(mut self) -> Result<String> {
        let engine = &self.platform.engine;
        ensure!(
            engine.image_id(&self.name).is_none(),
            "{} was there before",
            self.name
        );
        let (succeeded, log) = self.run()?;
        ensure!(
            !succeeded,
            "the build should have failed:\n{}",
            last_lines(&log)
        );
        ensure!(
            engine.image_id(&self.name).is_none(),
            "the failed build has left an image"
        );
        Ok(log)
    }

    fn run(&mut self) -> Result<(bool, String)> {
        let file = self.platform.directories.log(&self.name);
        let status = recorded(&mut self.command, &file)?;
        self.platform.engine.made(&self.name);
        Ok((status.success(), fs::read_to_string(file)?))
    }
}

impl Image<'_> {
    /// Runs a program of the image, found as the launcher finds it: on the PATH that the layers
    /// make. Returns what it printed.
    pub(crate) fn run_program(&self, words: &[&str]) -> Result<String> {
        output(
            self.platform
                .engine
                .docker()
                .args(["run", "--rm", "--name", &format!("{}-program", self.name)])
                .args([
                    "--network",
                    "none",
                    "--entrypoint",
                    "launcher",
                    &self.name,
                    "--",
                ])
                .args(words),
        )
    }

    /// That watchexec of this version is in the image and on PATH.
    pub(crate) fn expect_watchexec(&self, version: &str) -> Result<()> {
        let printed = self.run_program(&["watchexec", "--version"])?;
        ensure!(
            printed.contains(version),
            "watchexec --version printed {printed:?}"
        );
        Ok(())
    }

    /// That watchexec is not in the image: neither on PATH nor in a layer of ours.
    pub(crate) fn expect_no_watchexec(&self) -> Result<()> {
        let error = match self.run_program(&["watchexec", "--version"]) {
            Ok(printed) => bail!("watchexec is in the image: {printed}"),
            Err(error) => error.to_string(),
        };
        // The launcher's own words for a program that PATH does not have.
        ensure!(
            error.contains("not found"),
            "the launcher failed otherwise: {error}"
        );
        ensure!(
            !self.metadata()?.contains(WATCHEXEC),
            "the image has a layer of {WATCHEXEC}"
        );
        Ok(())
    }

    /// What the lifecycle noted of the image's layers, as JSON.
    pub(crate) fn metadata(&self) -> Result<String> {
        let label = "{{index .Config.Labels \"io.buildpacks.lifecycle.metadata\"}}";
        output(
            self.platform
                .engine
                .docker()
                .args(["inspect", "--format", label, &self.name]),
        )
    }

    /// What a file of the image has in it, without running anything of the image.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>> {
        let docker = || self.platform.engine.docker();
        let container = format!("{}-files", self.name);
        output(
            docker()
                .args(["create", "--network", "none"])
                .args(["--name", &container, &self.name]),
        )?;
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("copy");
        let copied = output(
            docker()
                .args(["cp", &format!("{container}:{path}")])
                .arg(&copy),
        );
        output(docker().args(["rm", &container]))?;
        copied?;
        Ok(fs::read(copy)?)
    }
}

/// That a text has each of the words, and if not, the text itself.
pub(crate) fn expect_words(text: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(
            text.contains(word),
            "{word:?} is not in:\n{}",
            last_lines(text)
        );
    }
    Ok(())
}
