//! `pack build`, as a user runs it, and the image that it makes.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::buildpacks::{PROCFILE, START, WATCHEXEC};
use crate::case::{Case, python_app};
use crate::command::{last_lines, output, recorded};
use crate::directories::log;
use crate::package::{Archive, offering};

/// A `pack build`.
#[derive(Debug)]
pub(crate) struct Build<'a> {
    case: &'a Case<'a>,
    name: String,
    arguments: Vec<String>,
}

/// An image that a build has made.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    pub(crate) case: &'a Case<'a>,
    pub(crate) name: String,
    /// The output of the build.
    pub(crate) log: String,
}

impl Case<'_> {
    /// A build of an app directory or a jar. All such builds of a case make the same image and
    /// share a cache.
    pub(crate) fn build(&self, app: impl AsRef<Path>) -> Build<'_> {
        self.build_as("image", app)
    }

    /// A build of one of several images of the case, with the suite's builder.
    pub(crate) fn build_as(&self, image: &str, app: impl AsRef<Path>) -> Build<'_> {
        let build = Build {
            case: self,
            name: self.named(image),
            arguments: Vec::new(),
        };
        let app = app.as_ref().to_string_lossy();
        build.arguments(&["--builder", &self.platform.builder, "--path", &app])
    }

    /// A build with live reload of an app that knows nothing of it, by our buildpack after the one
    /// that runs its Procfile.
    pub(crate) fn build_unaware(&self, app: impl AsRef<Path>) -> Build<'_> {
        let build = self.build(app).buildpacks(&[PROCFILE, WATCHEXEC]);
        build.live_reload("true")
    }

    /// A build with live reload by Paketo's builder, with our buildpack appended.
    pub(crate) fn build_paketo(&self, image: &str, app: impl AsRef<Path>) -> Result<Build<'_>> {
        let ours = self.platform.watchexec.to_string_lossy();
        let (_, builder) = self.platform.publisher("paketo")?;
        let build = self.build_as(image, app).live_reload("true");
        Ok(build.arguments(&["--builder", builder, "--post-buildpack", &ours]))
    }

    /// A build of the Python app with live reload, by a copy of the buildpack that offers only this
    /// archive, from a URL.
    pub(crate) fn build_offering(&self, archive: &Archive, url: &str) -> Result<Build<'_>> {
        let name = self.name.replace("::", "-");
        let watchexec = offering(&self.platform.buildpack, &name, archive, url)?;
        let build = self.build(python_app()).buildpacks(&[&watchexec, START]);
        Ok(build.live_reload("true"))
    }
}

impl<'a> Build<'a> {
    /// Sets `BP_LIVE_RELOAD_ENABLED`.
    pub(crate) fn live_reload(self, value: &str) -> Self {
        self.env("BP_LIVE_RELOAD_ENABLED", value)
    }

    /// Sets a variable for the buildpacks.
    pub(crate) fn env(self, name: &str, value: &str) -> Self {
        self.arguments(&["--env", &format!("{name}={value}")])
    }

    /// Replaces the builder's order with these buildpacks, ids or directories, all of them
    /// required.
    pub(crate) fn buildpacks(self, buildpacks: &[&str]) -> Self {
        let add = |build: Self, buildpack: &&str| build.arguments(&["--buildpack", buildpack]);
        buildpacks.iter().fold(self, add)
    }

    /// Adds flags of pack.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Runs the build, which has to succeed.
    pub(crate) fn image(self) -> Result<Image<'a>> {
        let (succeeded, log) = self.run()?;
        ensure!(succeeded, "the build failed:\n{}", last_lines(&log));
        Ok(Image {
            case: self.case,
            name: self.name,
            log,
        })
    }

    /// Runs the build, which has to fail and to leave no image. Returns its output.
    pub(crate) fn failure(self) -> Result<String> {
        let image = || self.case.platform.engine.image_id(&self.name);
        ensure!(image()?.is_none(), "{} was there before", self.name);
        let (succeeded, log) = self.run()?;
        let end = last_lines(&log);
        ensure!(!succeeded, "the build should have failed:\n{end}");
        ensure!(image()?.is_none(), "the failed build has left an image");
        Ok(log)
    }

    fn run(&self) -> Result<(bool, String)> {
        let engine = &self.case.platform.engine;
        let before = engine.image_id(&self.name)?;
        let file = log(&self.name);
        let mut pack = self.case.platform.command("pack")?;
        pack.args(["build", &self.name]).args(&self.arguments);
        let status = recorded(&mut pack, &file)?;
        // A replaced image loses its name, so the end of the suite would not find it.
        let after = engine.image_id(&self.name)?;
        if let Some(before) = before.filter(|before| after.as_ref() != Some(before)) {
            engine.run(["image", "rm", "--force", &before])?;
        }
        Ok((status.success(), fs::read_to_string(file)?))
    }
}

impl Image<'_> {
    /// Runs a program of the image with the launcher, which adds the layers to PATH. Returns its
    /// output.
    pub(crate) fn run_program(&self, words: &[&str]) -> Result<String> {
        let container = format!("{}-program", self.name);
        let mut docker = self.case.platform.engine.docker();
        docker.args(["run", "--rm", "--name", &container, "--network", "none"]);
        docker.args(["--entrypoint", "launcher", &self.name, "--"]);
        output(docker.args(words))
    }

    /// Checks that the newest watchexec is on the image's PATH.
    pub(crate) fn expect_newest_watchexec(&self) -> Result<()> {
        let printed = self.run_program(&["watchexec", "--version"])?;
        ensure!(
            printed.contains(&self.case.platform.archive.version),
            "watchexec --version printed {printed:?}"
        );
        Ok(())
    }

    /// Checks that the image has no watchexec on PATH and no layer of ours.
    pub(crate) fn expect_no_watchexec(&self) -> Result<()> {
        let error = match self.run_program(&["watchexec", "--version"]) {
            Ok(printed) => bail!("watchexec is in the image: {printed}"),
            Err(error) => error.to_string(),
        };
        // The launcher's own words for a program that PATH does not have.
        ensure!(
            error.contains("not found"),
            "the launcher failed for a different reason: {error}"
        );
        ensure!(
            !self.labels()?.contains(WATCHEXEC),
            "the image has a layer of {WATCHEXEC}"
        );
        Ok(())
    }

    /// All labels of the image, as JSON.
    pub(crate) fn labels(&self) -> Result<String> {
        let engine = &self.case.platform.engine;
        engine.run(["inspect", "--format", "{{json .Config.Labels}}", &self.name])
    }

    /// Reads a file of one of our layers without running the image.
    pub(crate) fn layer_file(&self, layer: &str, file: &str) -> Result<Vec<u8>> {
        let engine = &self.case.platform.engine;
        let container = format!("{}-files", self.name);
        engine.run(["create", "--name", &container, &self.name])?;
        let layers = format!("/layers/{}", WATCHEXEC.replace('/', "_"));
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("copy");
        let from = format!("{container}:{layers}/{layer}/{file}");
        let copied = output(engine.docker().args(["cp", &from]).arg(&copy));
        engine.run(["rm", &container])?;
        copied.with_context(|| format!("{} has no {file}", self.name))?;
        Ok(fs::read(copy)?)
    }
}
