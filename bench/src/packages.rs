//! The packages that are measured: made by the commands that a person would type.

use crate::server::Server;
use anyhow::{Context, Result, ensure};
use bench::xtask;
use fs_err as fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Both packages of this machine's architecture, and what is inside.
pub(crate) struct Packages {
    /// The package that downloads.
    pub(crate) online: PathBuf,
    /// The package with watchexec inside.
    pub(crate) offline: PathBuf,
    /// The archive of watchexec, as released.
    pub(crate) archive: PathBuf,
    /// Its contents, and packages that are only for a measurement.
    folder: TempDir,
}

impl Packages {
    /// Makes them, or takes what earlier runs left of the slow parts.
    pub(crate) fn make(root: &Path) -> Result<Self> {
        let archive = PathBuf::from(task(root, &["archive"])?);
        let descriptor = archive.join("buildpack.toml");
        let archive = file_ending(&archive, ".tar.xz")?;
        let packages = root.join("target/bench");
        let (online, offline) = (
            packages.join("buildpack"),
            packages.join("buildpack-offline"),
        );
        let common = [
            "package",
            "--buildpack-toml",
            text(&descriptor)?,
            "--output",
        ];
        task(root, &[&common[..], &[text(&online)?]].concat())?;
        let bundled = [text(&offline)?, "--archive", text(&archive)?];
        task(root, &[&common[..], &bundled[..]].concat())?;

        let folder = tempfile::tempdir()?;
        let status = Command::new("tar")
            .arg("-xJf")
            .arg(&archive)
            .args(["--strip-components=1", "-C"])
            .arg(folder.path())
            .status()
            .context("cannot run tar")?;
        ensure!(status.success(), "tar cannot read the archive ({status})");
        Ok(Self {
            online,
            offline,
            archive,
            folder,
        })
    }

    /// The program of watchexec, as it is in the archive.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("watchexec")
    }

    /// The package that downloads, but from this server.
    pub(crate) fn online_from(&self, server: &Server) -> Result<PathBuf> {
        let package = self.folder.path().join("downloading");
        fs::create_dir_all(package.join("bin"))?;
        for program in ["build", "live-reload"] {
            let path = Path::new("bin").join(program);
            // A copy keeps the mode, and a new file is what a container has.
            fs::copy(self.online.join(&path), package.join(&path))?;
        }
        fs::os::unix::fs::symlink("build", package.join("bin/detect"))?;
        let name = self
            .archive
            .file_name()
            .context("the archive has no name")?;
        let descriptor = fs::read_to_string(self.online.join("buildpack.toml"))?;
        let mut descriptor: toml::Table = descriptor.parse()?;
        let dependencies = descriptor
            .get_mut("metadata")
            .and_then(|metadata| metadata.get_mut("dependencies"))
            .and_then(toml::Value::as_array_mut)
            .context("buildpack.toml has no dependencies")?;
        let uri = format!("{}/{}", server.address(), name.display());
        for dependency in dependencies {
            let here = dependency
                .get("uri")
                .and_then(toml::Value::as_str)
                .is_some_and(|uri| uri.starts_with("file:"));
            if let Some(dependency) = dependency.as_table_mut().filter(|_| here) {
                dependency.insert("uri".to_owned(), uri.clone().into());
            }
        }
        fs::write(
            package.join("buildpack.toml"),
            toml::to_string(&descriptor)?,
        )?;
        Ok(package)
    }

    /// A folder for what a reference makes.
    pub(crate) fn scratch(&self) -> Result<PathBuf> {
        let scratch = self.folder.path().join("scratch");
        fs::create_dir_all(&scratch)?;
        Ok(scratch)
    }
}

fn task(root: &Path, arguments: &[&str]) -> Result<String> {
    println!("cargo xtask {}", arguments.join(" "));
    xtask(root, arguments, Stdio::inherit())
}

fn file_ending(directory: &Path, ending: &str) -> Result<PathBuf> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            return Ok(path);
        }
    }
    anyhow::bail!("{} has no {ending}", directory.display())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path is not Unicode")
}
