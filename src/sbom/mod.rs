//! Describing: the software bills of materials (SBOMs) of the layer.
//!
//! The same facts in each of the three formats that the platform takes (CNB buildpack spec,
//! "Software-Bill-of-Materials"): what was installed and from where, its licence, the checksums
//! of the archive and of the installed files, and the crates inside the program where it lists
//! them. No library writes the wanted versions of these formats, so each has a module with the
//! part of it that is used.
//!
//! The same subject gives the same bytes: nothing here looks at the clock or at chance.

pub mod crates;
mod cyclonedx;
mod license;
mod spdx;
mod syft;

use self::crates::Crate;
use self::license::License;
use crate::address::Address;
use crate::checksum::Checksum;
use crate::dependency::Dependency;
use crate::release::{Installed, ReleaseFile};
use libcnb::data::buildpack::Buildpack;
use libcnb::data::sbom::SbomFormat;
use libcnb::sbom::Sbom;
use uuid::Uuid;

/// What the documents are about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Who says it: the buildpack, as buildpack.toml has it.
    pub buildpack: &'a Buildpack,
    /// The release.
    pub dependency: &'a Dependency,
    /// Checksum of its archive.
    pub archive: Checksum,
    /// Its files in the layer.
    pub installed: &'a Installed,
    /// The crates inside the program; `None` where it does not list them.
    pub crates: Option<&'a [Crate]>,
}

/// The documents: CycloneDX 1.6, SPDX 2.3 and Syft JSON.
///
/// # Errors
/// A document cannot be written as JSON.
pub fn documents(subject: &Subject) -> Result<[Sbom; 3], serde_json::Error> {
    Ok([
        Sbom::from_bytes(SbomFormat::CycloneDxJson, cyclonedx::document(subject)?),
        Sbom::from_bytes(SbomFormat::SpdxJson, spdx::document(subject)?),
        Sbom::from_bytes(SbomFormat::SyftJson, syft::document(subject)?),
    ])
}

impl<'a> Subject<'a> {
    fn name(&self) -> &'a str {
        let Dependency { id, name, .. } = self.dependency;
        name.as_deref().unwrap_or(id)
    }

    fn version(&self) -> String {
        self.dependency.version.to_string()
    }

    /// The dependency's own address: a mirror is of no concern to who reads the image.
    fn download(&self) -> Option<String> {
        public(&self.dependency.uri)
    }

    /// Where the source code is.
    fn source(&self) -> Option<String> {
        public(self.dependency.source.as_deref()?)
    }

    fn licenses(&self) -> Vec<License<'a>> {
        License::of(self.dependency)
    }
}

/// An address without its credentials, since an SBOM goes wherever the image goes.
fn public(uri: &str) -> Option<String> {
    Address::parse(uri).ok().map(|address| address.to_string())
}

/// What a document calls the release itself.
const RELEASE: &str = "watchexec";

/// What a document calls a crate. Numbers, because what is allowed in a name differs between
/// crates and formats.
fn crate_reference(index: usize) -> String {
    format!("crate-{index}")
}

/// What a document calls an installed file.
fn file_reference(file: ReleaseFile) -> String {
    format!("file-{}", file.name())
}

/// The identity of a document: the first half of the SHA-256 digest of its content without the
/// identity, as a UUID of version 8 (RFC 9562, section 5.8). Documents that differ get different
/// ones, and equal documents the same.
fn identity(content: &[u8]) -> Uuid {
    let digest = Checksum::of(content);
    Uuid::new_v8(std::array::from_fn(|index| digest.bytes()[index]))
}
