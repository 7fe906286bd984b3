//! Where the suite reads and writes: its sources, and everything it makes below `target/e2e`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use sha2::{Digest, Sha256};

use crate::command::output;
use crate::debian::as_root;

/// The places of one checkout.
#[derive(Debug)]
pub(crate) struct Directories {
    workspace: PathBuf,
    target: PathBuf,
}

impl Directories {
    /// Finds the workspace by this crate's place in it, and makes the directories for output.
    pub(crate) fn create() -> Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the crate e2e has no workspace above it")?
            .to_owned();
        // Not where CARGO_TARGET_DIR says: xtask's packages are below `target` too.
        let target = workspace.join("target/e2e");
        let directories = Self { workspace, target };
        fs::create_dir_all(directories.target.join("cache"))?;
        fs::create_dir_all(directories.unfinished())?;
        fs::create_dir_all(directories.target.join("logs"))?;
        Ok(directories)
    }

    /// What tells this checkout from others on the machine.
    pub(crate) fn id(&self) -> String {
        digest(&[self.workspace.as_os_str().as_encoded_bytes()])
    }

    /// The root of the repository.
    pub(crate) fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The files that users read or copy, by their paths from the root of the repository.
    pub(crate) fn texts_and_examples(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for place in ["README.md", "CONTRIBUTING.md", "docs", "examples"] {
            add_files(&self.workspace, Path::new(place), &mut files)?;
        }
        files.sort();
        Ok(files)
    }

    /// A file or directory of this crate's sources.
    pub(crate) fn source(&self, path: &str) -> PathBuf {
        self.workspace.join("e2e").join(path)
    }

    /// Something that the suite makes.
    pub(crate) fn target(&self, path: &str) -> PathBuf {
        self.target.join(path)
    }

    /// The file that keeps a program's output.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.target
            .join("logs")
            .join(format!("{}.log", name.replace("::", "-")))
    }

    /// Where things are made that are whole only at the end. What an interrupted run has left there
    /// goes away with [`Self::remove_unfinished`].
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.target.join("unfinished")
    }

    /// Removes what an interrupted run has left, which may be root's.
    pub(crate) fn remove_unfinished(&self) -> Result<()> {
        output(
            as_root("rm")
                .args(["--recursive", "--force"])
                .arg(self.unfinished()),
        )?;
        fs::create_dir(self.unfinished())?;
        Ok(())
    }

    /// A file or directory that is costly to make and depends on the given inputs alone: made
    /// in another place, so that one which was interrupted is never taken for a whole one.
    pub(crate) fn cached(
        &self,
        name: &str,
        inputs: &[&[u8]],
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let path = self
            .target
            .join("cache")
            .join(format!("{name}-{}", digest(inputs)));
        if !path.exists() {
            let unfinished = self.unfinished().join(name);
            make(&unfinished)?;
            fs::rename(&unfinished, &path)?;
        }
        Ok(path)
    }
}

/// Adds the files at or below a path. What somebody has built in an example is none.
fn add_files(root: &Path, path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if root.join(path).is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    if path.ends_with("target") || path.ends_with("node_modules") {
        return Ok(());
    }
    for entry in fs::read_dir(root.join(path))? {
        add_files(root, &path.join(entry?.file_name()), files)?;
    }
    Ok(())
}

/// Copies a directory as it is, in place of what was there.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy_with(&["--archive"], from, to)
}

/// Copies a directory so that its files are of now.
pub(crate) fn copy_as_new(from: &Path, to: &Path) -> Result<()> {
    copy_with(&["--recursive", "--no-dereference"], from, to)
}

fn copy_with(options: &[&str], from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    output(Command::new("cp").args(options).arg(from).arg(to))?;
    Ok(())
}

/// A short name for contents.
fn digest(inputs: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for input in inputs {
        hasher.update(Sha256::digest(input));
    }
    hex::encode(&hasher.finalize()[..8])
}
