//! `cargo xtask archive`: a watchexec release archive on this machine, and a buildpack.toml that
//! points at it. The demo, the benchmark, the end-to-end suite and offline packages need one also
//! where the release site cannot be reached.

use crate::built;
use crate::descriptor::Descriptor;
use crate::download;
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Context, Result, bail};
use clap::Args;
use fs_err as fs;
use reqwest::StatusCode;
use std::path::{Path, PathBuf};
use url::Url;
use watchexec_release::catalog::Dependency;
use watchexec_release::checksum::Checksum;

/// The choices of `cargo xtask archive`.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Rust target of the program; this machine's gnu target unless given
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Option<Triple>,

    /// If watchexec has to be built, build it without optimizations, in a quarter of the time (for
    /// tests)
    #[arg(long)]
    pub(crate) quick: bool,
}

/// An archive on this machine.
pub(crate) struct Archive {
    /// Its entry in the repository's buildpack.toml.
    pub(crate) dependency: Dependency,
    /// The target of its program.
    triple: Triple,
    /// Its path.
    pub(crate) file: PathBuf,
}

impl Archive {
    /// The directory of the archive and of the buildpack.toml that points at it.
    pub(crate) fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(&self.file)
    }

    /// The repository's buildpack.toml with the entry changed to this archive at `uri`.
    pub(crate) fn descriptor_with(&self, uri: &str) -> Result<Descriptor> {
        let mut descriptor = Descriptor::read(&workspace::buildpack_toml())?;
        let checksum = Checksum::of(&fs::read(&self.file)?);
        descriptor.point_at(
            &self.dependency.version,
            self.triple.image_arch(),
            uri,
            &checksum,
        )?;
        Ok(descriptor)
    }

    /// The buildpack.toml in the archive's directory, which points at it.
    pub(crate) fn buildpack_toml(&self) -> PathBuf {
        self.directory().join("buildpack.toml")
    }
}

/// Provides the archive of the newest release in the repository's buildpack.toml, for this
/// machine's architecture unless the options name another: the published one where the release site
/// can be reached, otherwise one built from the same version on crates.io.
pub(crate) fn provide(options: &Options) -> Result<Archive> {
    let triple = options.target.clone().map_or_else(Triple::host, Ok)?;
    let descriptor = Descriptor::read(&workspace::buildpack_toml())?;
    let dependency = descriptor.newest(triple.image_arch())?;
    let (_, name) = dependency
        .uri
        .rsplit_once('/')
        .with_context(|| format!("{} does not name a file", dependency.uri))?;

    let mut folder = workspace::target().join("archive");
    if options.target.is_some() {
        // Each has a buildpack.toml in its directory.
        folder.push(triple.as_str());
    }
    let form = if options.quick { "quick" } else { "built" };
    for form in ["official", form] {
        fs::create_dir_all(folder.join(form))?;
    }
    // A second call waits for the first one's build. Closing the file releases the lock.
    let lock = fs::File::create(folder.join("lock"))?;
    lock.file().lock().context("cannot wait for another call")?;

    let official = folder.join("official").join(name);
    let built = folder
        .join(form)
        .join(format!("watchexec-{}-{triple}.tar.xz", dependency.version));
    let is_whole =
        official.is_file() && Checksum::of(&fs::read(&official)?) == dependency.checksum()?;
    if !is_whole && !built.is_file() {
        match download::archive(&dependency) {
            Ok(archive) => fs::write(&official, archive.bytes())?,
            Err(error) if is_unreachable(&error) => {
                eprintln!("The release site cannot be reached from here: {error:#}");
                let kept = built::archive(&dependency.version, &triple, options.quick)?;
                fs::copy(kept, &built)?;
            }
            Err(error) => return Err(error),
        }
    }
    let use_built = built.is_file() && !is_whole;
    let archive = Archive {
        dependency,
        triple,
        file: if use_built { built } else { official },
    };
    let Ok(uri) = Url::from_file_path(&archive.file) else {
        bail!("{} is not an absolute path", archive.file.display())
    };
    let descriptor = archive.descriptor_with(uri.as_str())?;
    fs::write(archive.buildpack_toml(), descriptor.to_string())?;
    Ok(archive)
}

/// Whether a download failed because the site cannot be reached. A missing file or a wrong checksum
/// is a mistake in buildpack.toml, which an archive built in its place would hide.
fn is_unreachable(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(|error| error.status() != Some(StatusCode::NOT_FOUND))
}
