//! A layer on disk: its directory, `<name>.toml` and `<name>.sbom.*` (CNB buildpack spec, "Layers").
//!
//! libcnb handles layers too, but deletes the metadata of a launch-only layer, which comes back from
//! the previous image without content. Such a layer with unchanged metadata needs no content: the
//! lifecycle takes it over from the previous image, and neither restores, hashes nor compresses it
//! (CNB buildpack spec, "Build", layer reuse).

use libcnb::data::layer_content_metadata::{LayerContentMetadata, LayerTypes};
use libcnb::data::sbom::SBOM_FORMATS;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use watchexec_release::files::FileError;
use watchexec_release::sbom::{Document, extension};

/// A layer of this buildpack.
pub(super) struct Layer<'a> {
    layers_dir: &'a Path,
    name: &'static str,
}

/// The state of a layer that the lifecycle restored.
pub(super) enum Restored<M> {
    /// No metadata, or a layer that a failed build has left.
    Nothing,
    /// Metadata of another form, written by another version of this buildpack.
    OtherForm,
    /// Metadata, and the content too if the layer was cached.
    Metadata(M),
}

impl<'a> Layer<'a> {
    pub(super) fn new(layers_dir: &'a Path, name: &'static str) -> Self {
        Self { layers_dir, name }
    }

    /// The directory with the content.
    pub(super) fn path(&self) -> PathBuf {
        self.layers_dir.join(self.name)
    }

    /// Whether the layer has content. Without it, the lifecycle takes the layer of the previous
    /// image.
    pub(super) fn has_content(&self) -> bool {
        self.path().is_dir()
    }

    /// Whether the layer has an SBOM in each format.
    pub(super) fn has_sboms(&self) -> bool {
        SBOM_FORMATS
            .iter()
            .all(|format| self.file(extension(format)).is_file())
    }

    /// Reads the metadata that an earlier build recorded.
    pub(super) fn restored<M: DeserializeOwned>(&self) -> Result<Restored<M>, FileError> {
        let path = self.file("toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) if text.is_empty() => return Ok(Restored::Nothing),
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Restored::Nothing),
            Err(error) => return Err(FileError { path, error }),
        };
        Ok(match toml::from_str::<LayerContentMetadata<M>>(&text) {
            Ok(content) => Restored::Metadata(content.metadata),
            Err(_) => Restored::OtherForm,
        })
    }

    /// Removes everything of the layer and makes an empty directory for new content, with empty metadata
    /// until the layer is finished.
    ///
    /// # Errors
    /// The directory exists and has no metadata, so it is no layer: the buildpack was called with the
    /// wrong layers directory, and deletes nothing there.
    pub(super) fn empty(&self) -> Result<(), FileError> {
        let path = self.path();
        if self.has_content() && !self.file("toml").exists() {
            return Err(FileError::at(path)(io::ErrorKind::AlreadyExists.into()));
        }
        remove(&path)?;
        for format in SBOM_FORMATS {
            remove(&self.file(extension(format)))?;
        }
        self.write("toml", b"")?;
        fs::create_dir_all(&path).map_err(FileError::at(path))
    }

    /// Writes the types of the layer, and the metadata that decides its content.
    pub(super) fn write_metadata(
        &self,
        types: LayerTypes,
        metadata: impl Serialize,
    ) -> Result<(), FileError> {
        let content = LayerContentMetadata {
            types: Some(types),
            metadata,
        };
        let text = toml::to_string(&content)
            .map_err(io::Error::other)
            .map_err(FileError::at(self.file("toml")))?;
        self.write("toml", text.as_bytes())
    }

    pub(super) fn write_sboms(&self, documents: &[Document]) -> Result<(), FileError> {
        documents
            .iter()
            .try_for_each(|document| self.write(extension(&document.format), &document.data))
    }

    fn write(&self, extension: &str, data: &[u8]) -> Result<(), FileError> {
        let path = self.file(extension);
        fs::write(&path, data).map_err(FileError::at(path))
    }

    /// The path of a file beside the layer's directory.
    fn file(&self, extension: &str) -> PathBuf {
        self.layers_dir.join(format!("{}.{extension}", self.name))
    }
}

/// Removes a file, or a directory with all that it has, if there is one.
fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => return Ok(()),
    };
    removed.map_err(FileError::at(path))
}
