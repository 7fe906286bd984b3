//! The packaged buildpack, archives of watchexec, and copies of the buildpack that offer other
//! archives, as a repackager would make them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use fs_err as fs;
use toml::{Table, Value};

use crate::command::last_lines;
use crate::directories::{copy, log, target, workspace};
use harness::digest;
use harness::server::{Reply, Server};

/// An architecture that packages are for.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// As images and buildpack.toml name it.
    pub(crate) name: &'static str,
    /// Rust's target for programs that run on any Linux image.
    pub(crate) target: &'static str,
}

pub(crate) const ARCHITECTURES: [Architecture; 2] = [
    Architecture {
        name: "amd64",
        target: "x86_64-unknown-linux-musl",
    },
    Architecture {
        name: "arm64",
        target: "aarch64-unknown-linux-musl",
    },
];

/// This machine's architecture.
pub(crate) fn here() -> &'static Architecture {
    &ARCHITECTURES[usize::from(cfg!(target_arch = "aarch64"))]
}

/// An archive of the newest watchexec.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The version of watchexec.
    pub(crate) version: String,
    /// Its path, beside a buildpack.toml that lists it.
    pub(crate) file: PathBuf,
    pub(crate) contents: Vec<u8>,
}

impl Archive {
    /// The archive for this machine or another target, which `cargo xtask archive` downloads or
    /// builds.
    pub(crate) fn released(target: Option<&str>) -> Result<Self> {
        let mut task = vec!["archive", "--quick"];
        task.extend(target.into_iter().flat_map(|target| ["--target", target]));
        let log_name = format!("xtask-archive-{}", target.unwrap_or("here"));
        let directory = PathBuf::from(xtask(&task, &log_name)?);
        let descriptor: Table = fs::read_to_string(directory.join("buildpack.toml"))?.parse()?;
        let dependencies = descriptor["metadata"]["dependencies"].as_array();
        let text = |entry: &Value, key| Some(entry.get(key)?.as_str()?.to_owned());
        let local = |entry: &Value| {
            let uri = text(entry, "uri")?;
            let (_, name) = uri.strip_prefix("file://")?.rsplit_once('/')?;
            Some((text(entry, "version")?, directory.join(name)))
        };
        let (version, file) = dependencies
            .and_then(|entries| entries.iter().find_map(local))
            .context("no dependency in the buildpack.toml of xtask archive is a file")?;
        Ok(Self {
            contents: fs::read(&file)?,
            version,
            file,
        })
    }

    /// The checksum, in the form of buildpack.toml.
    pub(crate) fn checksum(&self) -> String {
        format!("sha256:{}", digest(&self.contents))
    }

    /// Answers every request with the archive. Returns the server, which records the requests, and
    /// the archive's URL.
    pub(crate) fn serve(&self) -> (Server, String) {
        let reply = Reply::ok(&self.contents);
        let server = Server::http(move |_| reply.clone());
        let name = self.file.file_name().unwrap_or_default();
        let url = server.url(&format!("/{}", name.display()));
        (server, url)
    }
}

/// Whether packages have the programs of a release, which some cases compile anyway.
pub(crate) static AS_RELEASED: AtomicBool = AtomicBool::new(false);

/// Packages the buildpack of this checkout with `cargo xtask package` and these options.
pub(crate) fn package(name: &str, choices: &[&str]) -> Result<PathBuf> {
    let directory = target("packages").join(name);
    let output = directory.to_string_lossy();
    let mut arguments = [&["package", "--output", &output], choices].concat();
    if AS_RELEASED.load(Ordering::Relaxed) {
        arguments.extend(["--target", here().target]);
    }
    xtask(&arguments, &format!("xtask-{name}"))?;
    Ok(directory)
}

/// Copies a package so that it offers only this archive, from a URL. Returns the path of the copy.
pub(crate) fn offering(package: &Path, name: &str, archive: &Archive, url: &str) -> Result<String> {
    let to = target("buildpacks").join(name);
    copy(package, &to)?;
    let file = to.join("buildpack.toml");
    fs::write(&file, descriptor(&file, &[(here(), archive, url)])?)?;
    Ok(to.to_string_lossy().into_owned())
}

/// A buildpack.toml that offers only these archives. Each entry is the first one for its
/// architecture, with another version, URL and checksum.
pub(crate) fn descriptor(
    file: &Path,
    offers: &[(&Architecture, &Archive, &str)],
) -> Result<String> {
    let mut descriptor: Table = fs::read_to_string(file)?.parse()?;
    let dependencies = &mut descriptor["metadata"]["dependencies"];
    let mut offered = Vec::new();
    for (architecture, archive, url) in offers {
        let is_for = |entry: &&Value| entry["arch"].as_str() == Some(architecture.name);
        let mut entry = dependencies
            .as_array()
            .and_then(|entries| entries.iter().find(is_for))
            .with_context(|| format!("no watchexec for {}", architecture.name))?
            .clone();
        entry["version"] = archive.version.as_str().into();
        entry["uri"] = (*url).into();
        entry["checksum"] = archive.checksum().into();
        offered.push(entry);
    }
    *dependencies = offered.into();
    Ok(toml::to_string(&descriptor)?)
}

/// Runs `cargo xtask`. Returns the last line of its output, which names its result.
fn xtask(arguments: &[&str], log_name: &str) -> Result<String> {
    let log = log(log_name);
    let progress = fs::File::create(&log)?.into_parts().0;
    harness::xtask(workspace(), arguments, progress).with_context(|| {
        let printed = fs::read_to_string(&log).unwrap_or_default();
        format!("{}\n(all of it in {})", last_lines(&printed), log.display())
    })
}
