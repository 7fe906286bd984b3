//! `cargo xtask archive`: a watchexec release archive that exists on this machine, and a
//! buildpack.toml that points at it. The demo, the end-to-end suite and offline packages need one
//! also where the release site is out of reach.

mod built;
mod layout;

use crate::descriptor::Descriptor;
use crate::download;
use crate::triple::Triple;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use fs_err as fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;
use watchexec_buildpack::checksum::{Checksum, Verified};
use watchexec_buildpack::dependency::Dependency;
use watchexec_buildpack::error::Error;
use watchexec_buildpack::fetch::{Failure, FetchError, Policy};

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
    // A person waits, and there is another way.
    let short_attempt = |policy: &mut Policy| {
        policy.connect = Duration::from_secs(3);
        policy.response_header = Duration::from_secs(5);
        policy.stall = Duration::from_secs(10);
        policy.retries = 0;
    };
    match download::archive(dependency, short_attempt)? {
        Ok(archive) => Ok(Some(archive)),
        // An answer that there is no such file is an error of buildpack.toml, which another
        // archive in its place would hide.
        Err(Error::Fetch {
            error: FetchError::Download { attempts, .. },
            ..
        }) if !attempts
            .iter()
            .any(|attempt| is_not_found(&attempt.failure)) =>
        {
            eprintln!("The release site cannot be reached from here.");
            Ok(None)
        }
        Err(error) => Err(download::explained(error)),
    }
}

fn is_not_found(failure: &Failure) -> bool {
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
