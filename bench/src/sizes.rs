//! Sizes of what is shipped.

use crate::packages::Packages;
use anyhow::Result;
use bench::{Figure, Goal, Samples, Unit};
use flate2::Compression;
use flate2::write::GzEncoder;
use fs_err as fs;
use std::path::{Path, PathBuf};

/// The first of these rows.
const ROW: usize = 10;

/// The sizes of both programs, and of the package as a registry keeps it.
pub(crate) fn figures(packages: &Packages) -> Result<Vec<Figure>> {
    // What releases are linked to. Measured by putting musl 1.2.3 in glibc's place at the last link,
    // on a machine that had no standard library for a musl target.
    let musl = |size: &str| {
        format!(
            "With glibc inside, as is part of every static program. With musl (2026-11): {size} MB."
        )
    };
    let size = |row, name: &str, value, most, note: String| Figure {
        row: ROW + row,
        name: name.to_owned(),
        unit: Unit::Megabytes,
        measured: Samples::one(value),
        reference: None,
        goal: Some(Goal::Value(most)),
        note: Some(note),
    };
    let program = |name: &str| megabytes(&[&packages.online.join("bin").join(name)]);
    Ok(vec![
        size(
            0,
            "program of the buildpack",
            program("build")?,
            3.2,
            musl("3.13"),
        ),
        size(1, "live-reload", program("live-reload")?, 1.2, musl("0.70")),
        size(
            2,
            "online package, compressed",
            compressed(&packages.online)?,
            2.0,
            musl("1.99"),
        ),
    ])
}

/// What files have together, in millions of bytes.
#[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
pub(crate) fn megabytes(files: &[&PathBuf]) -> Result<f64> {
    let mut bytes = 0;
    for file in files {
        bytes += fs::metadata(file)?.len();
    }
    Ok(bytes as f64 / 1e6)
}

/// A directory as a layer of an image: a tar, compressed by gzip at its usual level.
#[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
fn compressed(directory: &Path) -> Result<f64> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    tar.follow_symlinks(false);
    tar.append_dir_all(".", directory)?;
    let bytes = tar.into_inner()?.finish()?;
    Ok(bytes.len() as f64 / 1e6)
}
