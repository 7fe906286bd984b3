//! The crates of a program that lists them itself.
//!
//! `cargo auditable` adds the section `.dep-v0` to a program: its dependency tree, as JSON
//! compressed with zlib (described in `PARSING.md` of
//! <https://github.com/rust-secure-code/cargo-auditable>). A correct checksum does not make the
//! content trustworthy, so the decompressed size is limited.

use auditable_extract::{Error as ExtractError, raw_auditable_data};
use auditable_serde::{DependencyKind, Package, VersionInfo};
use flate2::read::ZlibDecoder;
use fs_err as fs;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The limit of the JSON, which is that of the `auditable-info` crate.
const LARGEST_JSON: u64 = 8 << 20;
/// The characters that a purl does not encode (its specification, "Character encoding").
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The source of a library that the toolchain links into a program: no crate, though it is listed
/// with them.
pub const TOOLCHAIN: &str = "toolchain";

/// A crate that is part of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its semver version.
    pub version: String,
    /// Origin of its source: `crates.io`, `git`, `local`, `registry` for another registry,
    /// [`TOOLCHAIN`].
    pub source: String,
    /// Its licence as in its Cargo.toml, if that is known.
    pub license: Option<String>,
    /// Its CPE name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpe: Option<String>,
    /// Whether it is the crate of the program itself.
    pub root: bool,
    /// The crates that it depends on, as indices into the same list.
    pub dependencies: Vec<usize>,
}

/// Reads the list of crates of a program. `None` if it has none, or is not a program.
///
/// # Errors
/// There is a list, but it cannot be read.
pub fn read(program: &[u8]) -> io::Result<Option<Vec<Crate>>> {
    let compressed = match raw_auditable_data(program) {
        Err(ExtractError::NoAuditData | ExtractError::NotAnExecutable) => return Ok(None),
        compressed => compressed.map_err(io::Error::other)?,
    };
    let mut json = String::new();
    ZlibDecoder::new(compressed)
        .take(LARGEST_JSON + 1)
        .read_to_string(&mut json)?;
    if json.len() as u64 > LARGEST_JSON {
        return Err(io::Error::other("it is larger than 8 MiB"));
    }
    let info: VersionInfo = serde_json::from_str(&json)?;
    Ok(Some(in_program(info.packages)))
}

/// Reads the list of crates beside a program, which `cargo xtask package` writes. `None` if there
/// is none, as in a buildpack that was put together by hand.
///
/// # Errors
/// The list cannot be read.
pub fn listed_beside(program: &Path) -> io::Result<Option<Vec<Crate>>> {
    let path = list_beside(program);
    if !path.exists() {
        return Ok(None);
    }
    let invalid = |error| io::Error::other(format!("{}: {error}", path.display()));
    serde_json::from_slice(&fs::read(&path)?).map_err(invalid)
}

/// The path of the list of crates beside a program: [`Crate`]s as JSON.
pub fn list_beside(program: &Path) -> PathBuf {
    program.with_added_extension("crates.json")
}

/// The crates that are in the program: those that only took part in building it are not.
fn in_program(packages: Vec<Package>) -> Vec<Crate> {
    let is_in = |package: &Package| package.kind == DependencyKind::Runtime;
    let kept: Vec<usize> = (0..packages.len())
        .filter(|index| packages.get(*index).is_some_and(is_in))
        .collect();
    (packages.into_iter().filter(is_in))
        .map(|package| {
            // In order and each once, as the formats want them.
            let dependencies: BTreeSet<usize> = (package.dependencies.iter())
                .filter_map(|index| kept.binary_search(index).ok())
                .collect();
            Crate {
                name: package.name,
                version: package.version.to_string(),
                source: package.source.into(),
                license: None,
                cpe: None,
                root: package.root,
                dependencies: dependencies.into_iter().collect(),
            }
        })
        .collect()
}

impl Crate {
    /// Its package URL. A purl of the type `cargo` without qualifiers names a crate of crates.io,
    /// so crates from elsewhere have none.
    pub(super) fn purl(&self) -> Option<String> {
        let kind = match self.source.as_str() {
            "crates.io" => "cargo",
            TOOLCHAIN => "generic",
            _ => return None,
        };
        let name = utf8_percent_encode(&self.name, UNRESERVED);
        let version = utf8_percent_encode(&self.version, UNRESERVED);
        Some(format!("pkg:{kind}/{name}@{version}"))
    }
}
