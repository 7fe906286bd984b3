//! Everything that the cases run on.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use crate::archives::Archive;
use crate::builder::Maker;
use crate::buildpack::{Buildpack, Offer};
use crate::directories::Directories;
use crate::engine::Engine;
use crate::go::Lifecycle;
use crate::images::Images;
use crate::published::Published;
use crate::report::Report;
use crate::server::{Served, Server};
use crate::{go, maven};

/// What a case needs: tools, images, sample applications and the buildpack under test.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) directories: Arc<Directories>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) images: Images,
    pub(crate) pack: PathBuf,
    pub(crate) builder: String,
    pub(crate) server: Server,
    pub(crate) archive: Archive,
    pub(crate) buildpack: Buildpack,
    /// A copy of the buildpack whose one dependency is on the server.
    pub(crate) watchexec: PathBuf,
    /// Several cases may be the first; a failure is that of all.
    published: OnceLock<Result<Published, String>>,
    pub(crate) report: Report,
    pub(crate) static_app: PathBuf,
    pub(crate) jar: PathBuf,
}

impl Platform {
    /// Finds or makes all of it, and says what and how long each took.
    pub(crate) fn provide(directories: Arc<Directories>, engine: Arc<Engine>) -> Result<Self> {
        let pack = step("pack", || go::pack(&directories))?;
        let lifecycle = step("lifecycle", || go::lifecycle(&directories))?;
        let images = step("images", || {
            Images::provide(&lifecycle, &engine, &directories)
        })?;
        let static_app = step("static application", || go::static_app(&directories))?;
        let jar = step("Java application", || maven::jar(&directories))?;
        let archive = step("watchexec archive", || Archive::released(&directories))?;
        let buildpack = step("buildpack", || {
            Buildpack::package("package", &[], &directories)
        })?;

        let server = Server::start()?;
        let uri = server.serve(&archive.file_name, Served::whole(archive.contents.clone()));
        let watchexec = buildpack.offering("served", &Offer::new(&archive, uri))?;
        let builder = step("builder", || {
            let maker = Maker {
                pack: &pack,
                lifecycle: &lifecycle,
                images: &images,
                engine: &engine,
                directories: &directories,
            };
            maker.create(&watchexec)
        })?;
        Ok(Self {
            directories,
            engine,
            lifecycle,
            images,
            pack,
            builder,
            server,
            archive,
            buildpack,
            watchexec,
            published: OnceLock::new(),
            report: Report::default(),
            static_app,
            jar,
        })
    }
}

impl Platform {
    /// What stands in for published builders and buildpacks: only the examples need it.
    pub(crate) fn published(&self) -> Result<&Published> {
        let provide = || Published::provide(&self.maker()).map_err(|error| format!("{error:#}"));
        let published = self.published.get_or_init(provide).as_ref();
        published.map_err(|error| anyhow!("{error}"))
    }

    /// What makes further builders.
    pub(crate) fn maker(&self) -> Maker<'_> {
        Maker {
            pack: &self.pack,
            lifecycle: &self.lifecycle,
            images: &self.images,
            engine: &self.engine,
            directories: &self.directories,
        }
    }
}

/// Provides one thing, and says how long it took: the first time, some take minutes.
pub(crate) fn step<T>(what: &str, provide: impl FnOnce() -> Result<T>) -> Result<T> {
    print!("{what:<20}");
    std::io::stdout().flush()?;
    let started = Instant::now();
    let provided = provide().with_context(|| format!("cannot provide: {what}"));
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{seconds:6.1} s{}",
        if provided.is_ok() { "" } else { "  failed" }
    );
    provided
}
