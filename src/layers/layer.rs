//! The form of a layer on disk: a directory with its content, and beside it `<name>.toml` and
//! `<name>.sbom.*` (CNB buildpack spec, "Layers").
//!
//! libcnb handles layers too, but it deletes the metadata of a launch-only layer that comes back
//! from the previous image without content. If that metadata is unchanged, the layer needs no
//! content: the lifecycle takes it over from the previous image, and neither restores, hashes nor
//! compresses it (CNB buildpack spec, "Build", layer reuse).

use fs_err::{self as fs, File};
use libcnb::data::buildpack::Buildpack;
use libcnb::data::layer_content_metadata::{LayerContentMetadata, LayerTypes};
use libcnb::data::sbom::SBOM_FORMATS;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use watchexec_release::regular_file::read_text;
use watchexec_release::sbom::subject::Subject;
use watchexec_release::sbom::{documents, names};

/// A layer of this buildpack.
pub(super) struct Layer<'a> {
    layers_dir: &'a Path,
    name: &'static str,
    /// It declares the formats of SBOMs. The lifecycle rejects all others.
    buildpack: &'a Buildpack,
}

impl<'a> Layer<'a> {
    pub(super) fn new(layers_dir: &'a Path, name: &'static str, buildpack: &'a Buildpack) -> Self {
        Self {
            layers_dir,
            name,
            buildpack,
        }
    }

    /// The directory with the content.
    pub(super) fn path(&self) -> PathBuf {
        self.layers_dir.join(self.name)
    }

    /// Whether the layer has content. Without it, the lifecycle takes the layer of the previous
    /// image.
    pub(super) fn has_content(&self) -> bool {
        self.path().symlink_metadata().is_ok()
    }

    /// Whether the layer has an SBOM in each declared format, and in no other.
    pub(super) fn has_sboms(&self) -> bool {
        SBOM_FORMATS.iter().all(|format| {
            let file = self.file(names(format).1).symlink_metadata();
            file.is_ok_and(|file| file.is_file()) == self.buildpack.sbom_formats.contains(format)
        })
    }

    /// Reads the metadata that an earlier build recorded; `None` if there is none, or if that build
    /// failed. A different version of this buildpack may have recorded it in a different form.
    pub(super) fn restored<M: DeserializeOwned>(&self) -> Option<io::Result<M>> {
        let parse = |text: String| {
            let content = toml::from_str::<LayerContentMetadata<M>>(&text);
            content.map_or_else(|error| Err(io::Error::other(error)), |of| Ok(of.metadata))
        };
        match read_text(&self.file("toml")) {
            Ok(text) if text.is_empty() => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            text => Some(text.and_then(parse)),
        }
    }

    /// Removes the layer and makes an empty directory for new content, with empty metadata until
    /// the layer is finished.
    ///
    /// # Errors
    /// The directory exists and has no metadata, so it is no layer: the buildpack was called with
    /// the wrong layers directory, and deletes nothing there.
    pub(super) fn empty(&self) -> io::Result<()> {
        let path = self.path();
        if self.has_content() && !self.file("toml").exists() {
            let why = format!("{} is not a layer from an earlier build", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        remove(&path)?;
        self.write("toml", b"")?;
        fs::create_dir_all(path)
    }

    /// Writes the types of this launch layer, and the metadata that decides its content.
    pub(super) fn write_metadata(
        &self,
        build: bool,
        cache: bool,
        metadata: impl Serialize,
    ) -> io::Result<()> {
        let launch = true;
        let content = LayerContentMetadata {
            types: Some(LayerTypes {
                launch,
                build,
                cache,
            }),
            metadata,
        };
        let text = toml::to_string(&content).map_err(io::Error::other)?;
        self.write("toml", text.as_bytes())
    }

    /// Writes an SBOM in each declared format, and removes all others. Returns the names of the
    /// formats.
    pub(super) fn write_sboms(&self, subject: &Subject) -> io::Result<Vec<&'static str>> {
        let mut written = Vec::new();
        for (format, document) in documents(subject) {
            let (name, extension) = names(&format);
            if self.buildpack.sbom_formats.contains(&format) {
                self.write(extension, &document)?;
                written.push(name);
            } else {
                remove(&self.file(extension))?;
            }
        }
        Ok(written)
    }

    /// Replaces a file beside the layer's directory. No link is followed.
    fn write(&self, extension: &str, data: &[u8]) -> io::Result<()> {
        let path = self.file(extension);
        remove(&path)?;
        File::create_new(path)?.write_all(data)
    }

    /// The path of a file beside the layer's directory.
    fn file(&self, extension: &str) -> PathBuf {
        self.layers_dir.join(format!("{}.{extension}", self.name))
    }
}

/// Removes a file, or a directory and everything in it, if it exists.
fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}
