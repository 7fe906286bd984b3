//! `cargo xtask archive`: a watchexec release archive that exists on this machine, and a
//! buildpack.toml that points at it. The demo, the end-to-end suite and offline packages need one
//! also where the release site is out of reach.

mod built;
mod layout;

use crate::descriptor::Descriptor;
use crate::triple::Triple;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use fs_err as fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;
use watchexec_buildpack::address::Address;
use watchexec_buildpack::checksum::{Checksum, Verified};
use watchexec_buildpack::configuration::LogLevel;
use watchexec_buildpack::dependency::Dependency;
use watchexec_buildpack::fetch::{Failure, FetchError, Policy, fetch};
use watchexec_buildpack::log::Log;

/// An archive on this machine.
pub(crate) struct Archive {
    /// The entry of the repository's buildpack.toml that it is for.
    pub(crate) dependency: Dependency,
    /// Where it is.
    pub(crate) file: PathBuf,
    /// Whether it is the file that upstream published.
    pub(crate) official: bool,
}

impl Archive {
    /// Where the archive is, and the buildpack.toml that points at it.
    pub(crate) fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(&self.file)
    }

    /// The repository's buildpack.toml, but for one entry: that one is this archive.
    pub(crate) fn buildpack_toml(&self) -> PathBuf {
        self.directory().join("buildpack.toml")
    }
}

/// Makes sure that the newest release of the repository's buildpack.toml is here, for this
/// machine's architecture.
///
/// It is the published archive where the release site can be reached. Elsewhere it is one of the
/// same version from crates.io, in the same form.
pub(crate) fn provide(workspace: &Workspace) -> Result<Archive> {
    let triple = Triple::host()?;
    let mut descriptor = Descriptor::read(&workspace.buildpack_toml())?;
    let dependency = descriptor.newest(triple.image_arch())?;

    let folder = workspace.target().join("archive");
    fs::create_dir_all(&folder)?;
    // A second call waits for the first one's build instead of starting another. The lock goes
    // with the file, when this function returns.
    let lock = fs::File::create(folder.join("lock"))?;
    lock.file().lock().context("cannot wait for another call")?;

    let official = folder.join("official").join(name(&dependency)?);
    let built = folder
        .join("built")
        .join(built::file_name(&dependency.version, &triple));
    let file = if is_whole(&official, &dependency)? {
        official.clone()
    } else if built.is_file() {
        built
    } else if let Some(archive) = download(&dependency)? {
        write_whole(&official, archive.bytes())?;
        official.clone()
    } else {
        let mut contents = Vec::new();
        built::write(workspace, &dependency.version, &triple, &mut contents)?;
        write_whole(&built, &contents)?;
        built
    };

    let archive = Archive {
        dependency,
        official: file == official,
        file,
    };
    let Ok(uri) = Url::from_file_path(&archive.file) else {
        bail!("{} is not an absolute path", archive.file.display())
    };
    descriptor.point_at(
        &archive.dependency.version,
        triple.image_arch(),
        uri.as_str(),
        &Checksum::of(&fs::read(&archive.file)?),
    )?;
    write_whole(&archive.buildpack_toml(), descriptor.to_string().as_bytes())?;
    Ok(archive)
}

/// The name that upstream gave the archive.
fn name(dependency: &Dependency) -> Result<&str> {
    dependency
        .uri
        .rsplit_once('/')
        .map(|(_, name)| name)
        .filter(|name| !name.is_empty())
        .with_context(|| format!("{} does not name a file", dependency.uri))
}

/// Whether a file is there and is the archive of the dependency.
fn is_whole(file: &Path, dependency: &Dependency) -> Result<bool> {
    Ok(file.is_file() && Checksum::of(&fs::read(file)?) == dependency.checksum()?)
}

/// Downloads the published archive, or says why that cannot be done here.
fn download(dependency: &Dependency) -> Result<Option<Verified>> {
    // A person waits, and there is another way: one short attempt.
    let policy = Policy {
        connect: Duration::from_secs(3),
        response_header: Duration::from_secs(5),
        stall: Duration::from_secs(10),
        total: Duration::from_secs(120),
        retries: 0,
        ..Policy::default()
    };
    eprintln!("Downloading {}", dependency.uri);
    let address = Address::parse(&dependency.uri)?;
    let log = Log::new(Box::new(std::io::stderr()), LogLevel::Info);
    match fetch(&address, dependency.checksum()?, &policy, &log) {
        Ok(archive) => Ok(Some(archive)),
        Err(FetchError::Download { failures, .. }) if !failures.iter().any(is_answer) => {
            let reasons: Vec<String> = failures
                .iter()
                .map(|failure| format!("{failure:?}"))
                .collect();
            eprintln!("It cannot be reached from here ({}).", reasons.join("; "));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the release site itself answered that it does not have the archive: then buildpack.toml
/// is wrong, and another archive in its place would hide it.
fn is_answer(failure: &Failure) -> bool {
    matches!(failure, Failure::Status { status, .. } if status.as_u16() == 404)
}

/// Writes a file so that it is never there in part.
fn write_whole(path: &Path, contents: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(contents)?;
    fs::set_permissions(draft.path(), PermissionsExt::from_mode(0o644))?;
    draft.persist(path)?;
    Ok(())
}
