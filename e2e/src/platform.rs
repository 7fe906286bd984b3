//! The platform that the cases share.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use fs_err as fs;

use crate::buildpacks::{ENVIRONMENT, PROCFILE, START, WATCHEXEC, buildpack_of};
use crate::command::{logged, output};
use crate::directories::{log, target};
use crate::offline::{self, Cluster, Engine, Images, Lifecycle};
use crate::orders::Publisher;
use crate::package::{AS_RELEASED, Archive, offering, package};

/// Tools, images, sample apps and the buildpack under test.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) engine: Arc<Engine>,
    cluster: Arc<Cluster>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) images: Images,
    /// The builder of most cases. Our buildpack is optional and first in every group, before a
    /// buildpack with or without support for live reload.
    pub(crate) builder: String,
    /// The publishers of builders, whose stand-ins replace those on the pages.
    publishers: BTreeMap<&'static str, (Publisher, Part<String>)>,
    /// The newest watchexec.
    pub(crate) archive: Archive,
    /// The packaged buildpack.
    pub(crate) buildpack: PathBuf,
    /// A copy of the buildpack that downloads that archive from a server of the suite.
    pub(crate) watchexec: PathBuf,
}

impl Platform {
    /// Provides what nearly all cases need. The first case that needs more provides it.
    pub(crate) fn provide(engine: Arc<Engine>, cluster: Arc<Cluster>) -> Result<Self> {
        let pack = step("pack", || offline::tool("pack"))?;
        let lifecycle = step("lifecycle", || Lifecycle::provide("lifecycle"))?;
        let images = step("images", || Images::provide(&lifecycle, &engine))?;
        let archive = step("watchexec archive", || Archive::released(None))?;
        let buildpack = step("buildpack", || {
            package("package", &[]).or_else(|_| {
                // If the release toolchain is missing, the release cases report why. All others do
                // not need it.
                AS_RELEASED.store(false, Ordering::Relaxed);
                package("package", &[])
            })
        })?;
        // The server keeps running without its handle.
        let (_, url) = archive.serve();
        let mut platform = Self {
            lifecycle,
            images,
            builder: String::new(),
            publishers: BTreeMap::new(),
            watchexec: offering(&buildpack, "served", &archive, &url)?.into(),
            archive,
            buildpack,
            engine,
            cluster,
        };
        platform.write_programs()?;
        for name in ["paketo", "heroku"] {
            let publisher = Publisher::read(name)?;
            platform.publishers.insert(name, (publisher, Part::new()));
        }
        let known = [START, PROCFILE];
        let ours = format!("{WATCHEXEC}?");
        let order = known.map(|id| vec![ours.as_str(), id]);
        let mut buildpacks = vec![platform.watchexec.clone(), buildpack_of(ENVIRONMENT)];
        buildpacks.extend(known.map(buildpack_of));
        platform.builder = step("builder", || {
            platform.make_builder("builder", &platform.lifecycle, &buildpacks, &order)
        })?;
        println!("pack {pack} on Docker {}", platform.engine.version()?);
        Ok(platform)
    }

    /// The cluster, running.
    pub(crate) fn cluster(&self) -> Result<&Cluster> {
        static PROGRAMS: Part<()> = Part::new();

        if let Some(obstacle) = Cluster::obstacle() {
            return Err(Impossible(obstacle).into());
        }
        PROGRAMS.get("Kubernetes", Cluster::programs)?;
        self.cluster.start(&self.engine, &self.images.pause)?;
        Ok(&self.cluster)
    }

    /// The package with the newest watchexec inside.
    pub(crate) fn package_offline(&self) -> Result<&'static PathBuf> {
        static PACKAGE: Part<PathBuf> = Part::new();

        PACKAGE.get("offline package", || {
            let archive = &self.archive.file;
            let descriptor = archive.with_file_name("buildpack.toml");
            let (archive, descriptor) = (archive.to_string_lossy(), descriptor.to_string_lossy());
            let choices = ["--archive", &archive, "--buildpack-toml", &descriptor];
            package("package-offline", &choices)
        })
    }

    /// The package for development builds only, offering the newest watchexec.
    pub(crate) fn package_development(&self) -> Result<&'static PathBuf> {
        static PACKAGE: Part<PathBuf> = Part::new();

        PACKAGE.get("development-only package", || {
            let package = package("package-development", &["--exec-env", "development"])?;
            // The server keeps running without its handle.
            let (_, url) = self.archive.serve();
            Ok(offering(&package, "development", &self.archive, &url)?.into())
        })
    }

    /// A publisher, and the stand-in for its builder.
    pub(crate) fn publisher(&self, name: &str) -> Result<(&Publisher, &str)> {
        let (publisher, builder) = self.publishers.get(name).context("no such publisher")?;
        let builder = builder.get(&format!("{name} builder"), || {
            self.make_builder(
                name,
                &self.lifecycle,
                &publisher.directories(),
                &publisher.order_of_builder(),
            )
        })?;
        Ok((publisher, builder))
    }

    /// A command such as `pack`, with the suite's tools and engine.
    pub(crate) fn command(&self, program: &str) -> Result<Command> {
        self.equip(Command::new(program))
    }

    /// Gives the suite's tools and engine to a command.
    pub(crate) fn equip(&self, mut command: Command) -> Result<Command> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = [target("bin"), target("tools")];
        let path = own.into_iter().chain(std::env::split_paths(&path));
        command
            .env("PATH", std::env::join_paths(path)?)
            .env("PACK_HOME", target("pack-home"))
            .env("DOCKER_CONFIG", target("docker"))
            .env("DOCKER_HOST", &self.engine.host);
        Ok(command)
    }

    /// Creates a builder with this lifecycle, these buildpacks and this order of ids, of which
    /// those with a question mark are optional. Returns its name.
    pub(crate) fn make_builder(
        &self,
        name: &str,
        lifecycle: &Lifecycle,
        buildpacks: &[PathBuf],
        order: &[Vec<&str>],
    ) -> Result<String> {
        let mut description = vec![
            format!("[build]\nimage = {:?}", self.images.base),
            format!("[run]\n[[run.images]]\nimage = {:?}", self.images.base),
            lifecycle.entry(),
        ];
        for buildpack in buildpacks {
            let uri = format!("file://{}", buildpack.display());
            description.push(format!("[[buildpacks]]\nuri = {uri:?}"));
        }
        for group in order {
            description.push("[[order]]".to_owned());
            for member in group {
                let (id, optional) = (member.trim_end_matches('?'), member.ends_with('?'));
                let member = format!("[[order.group]]\nid = {id:?}\noptional = {optional}");
                description.push(member);
            }
        }
        let file = target(&format!("{name}.toml"));
        fs::write(&file, description.join("\n\n"))?;
        let builder = self.engine.named(name);
        self.make_builder_of(&builder, &file)?;
        Ok(builder)
    }

    /// Creates a builder from a builder.toml.
    pub(crate) fn make_builder_of(&self, builder: &str, file: &Path) -> Result<()> {
        let mut pack = self.command("pack")?;
        pack.args(["builder", "create", builder, "--config"]);
        logged(pack.arg(file), &log(builder))
    }

    /// Wraps `pack` and `docker`, so that commands for a user work here: without pulling images, in
    /// the host's network, which is the only one of a private engine, and with volumes named after
    /// the image. When a build adds buildpacks, pack runs phases from the lifecycle's image.
    fn write_programs(&self) -> Result<()> {
        let pack = target("tools/pack");
        let pack = pack.display();
        let lifecycle = &self.images.lifecycle;
        let docker = output(Command::new("sh").args(["-c", "command -v docker"]))?;
        for (name, script) in [
            (
                "pack",
                format!(
                    "case $1 in\n\
                     build) image=$2 volume=${{2##*/}} volume=${{volume%:*}}; shift 2 ;;\n\
                     builder) exec {pack} \"$@\" --pull-policy never ;;\n\
                     *) exec {pack} \"$@\" ;;\n\
                     esac\n\
                     exec {pack} build \"$image\" --network host --docker-host inherit \\\n\
                     --pull-policy never --trust-builder --no-color --lifecycle-image {lifecycle} \\\n\
                     --cache \"type=build;format=volume;name=$volume-build\" \\\n\
                     --cache \"type=launch;format=volume;name=$volume-launch\" \"$@\"\n"
                ),
            ),
            (
                "docker",
                format!(
                    "[ \"$1\" = run ] || exec {docker} \"$@\"\n\
                     shift\n\
                     exec {docker} run --network host \"$@\"\n"
                ),
            ),
        ] {
            let file = target("bin").join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}"))?;
            fs::set_permissions(file, PermissionsExt::from_mode(0o755))?;
        }
        Ok(())
    }
}

/// Why this machine cannot run a case, which is then reported as ignored.
#[derive(Debug)]
pub(crate) struct Impossible(pub(crate) &'static str);

impl std::fmt::Display for Impossible {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Impossible {}

/// A part that the first case to need it provides, and others wait for.
#[derive(Debug)]
pub(crate) struct Part<T>(OnceLock<Result<T, String>>);

impl<T> Part<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get(&self, what: &str, provide: impl FnOnce() -> Result<T>) -> Result<&T> {
        let provide = || step(what, provide).map_err(|error| format!("{error:#}"));
        let provided = self.0.get_or_init(provide);
        provided.as_ref().map_err(|error| anyhow!("{error}"))
    }
}

/// Provides something, and prints how long it took. The first time, some take minutes.
pub(crate) fn step<T>(what: &str, provide: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("Providing {what}");
    let started = Instant::now();
    let provided = provide().with_context(|| format!("cannot provide: {what}"))?;
    println!("{what}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(provided)
}
