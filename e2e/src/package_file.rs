//! Packages in files (.cnb), taken apart: each is the layout of an OCI image in a tar, and its one
//! layer has the buildpack below `cnb/buildpacks`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::output;

/// What is in a file.
#[derive(Debug)]
pub(crate) struct PackageFile {
    /// The architecture that the image says it is for.
    pub(crate) architecture: String,
    /// Where the buildpack is.
    pub(crate) buildpack: PathBuf,
    _folder: TempDir,
}

impl PackageFile {
    /// Opens a file whose buildpack has that id and version.
    pub(crate) fn open(file: &Path, id: &str, version: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let layout = folder.path().join("layout");
        extract(file, &layout)?;
        let index = json(&layout.join("index.json"))?;
        let manifest = json(&blob(&layout, &index, "/manifests/0/digest")?)?;
        let configuration = json(&blob(&layout, &manifest, "/config/digest")?)?;
        let files = folder.path().join("files");
        for layer in 0..manifest["layers"].as_array().map_or(0, Vec::len) {
            let layer = blob(&layout, &manifest, &format!("/layers/{layer}/digest"))?;
            extract(&layer, &files)?;
        }
        let name = id.replace('/', "_");
        Ok(Self {
            architecture: text(&configuration, "/architecture")?.to_owned(),
            buildpack: files.join("cnb/buildpacks").join(name).join(version),
            _folder: folder,
        })
    }
}

/// Takes a tar apart, compressed or not.
fn extract(tar: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    output(
        Command::new("tar")
            .arg("--extract")
            .arg("--file")
            .arg(tar)
            .arg("--directory")
            .arg(folder),
    )?;
    Ok(())
}

/// The file of the blob whose digest is at a place of a document.
fn blob(layout: &Path, document: &Value, place: &str) -> Result<PathBuf> {
    let digest = text(document, place)?;
    Ok(layout.join("blobs").join(digest.replace(':', "/")))
}

fn json(file: &Path) -> Result<Value> {
    serde_json::from_slice(&fs::read(file)?)
        .with_context(|| format!("{} is not JSON", file.display()))
}

fn text<'a>(document: &'a Value, place: &str) -> Result<&'a str> {
    document
        .pointer(place)
        .and_then(Value::as_str)
        .with_context(|| format!("no {place} in {document}"))
}
