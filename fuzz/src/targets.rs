//! The readers of archives, and their guarantees for any input.

use crate::mutate::Format;
use crate::sync_tools::tar as extractor;
use anyhow::{Result, ensure};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;
use watchexec_release::archive::{Limits, unpack};
use watchexec_release::checksum::{Checksum, Verified};

/// Something that reads archives.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) formats: &'static [Format],
    /// Gives whether it has found anything in the archive, and an error where it broke a promise.
    pub(crate) check: fn(&[u8]) -> Result<bool>,
}

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "archive",
        formats: &[Format::Plain, Format::Gzip, Format::Xz],
        check: archive,
    },
    Target {
        name: "extract",
        formats: &[Format::Plain, Format::Plain, Format::Gzip],
        check: extract,
    },
];

/// A folder for one input, in memory where there is such a file system: no disk is as quick.
fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?)
}

/// A release: within its limits, only its two files are installed.
fn archive(bytes: &[u8]) -> Result<bool> {
    // Smaller than those of a build, so that inputs reach them.
    const LIMITS: Limits = Limits {
        entries: 100,
        decoded: 1 << 20,
        ratio: 100,
        minimum_limit: 1 << 16,
        dictionary_kib: 4 << 10,
    };
    let archive = Verified::new(bytes.to_vec(), Checksum::of(bytes))?;
    let folder = folder()?;
    let installed = unpack(&archive, &LIMITS, folder.path());
    for entry in fs::read_dir(folder.path())? {
        let name = entry?.file_name();
        ensure!(
            name == "bin" || name == "LICENSE",
            "it has made {}",
            name.display()
        );
    }
    Ok(installed.is_ok())
}

/// `live-reload tar`: all that it writes is below the target directory, and complete.
fn extract(bytes: &[u8]) -> Result<bool> {
    let folder = folder()?;
    let target = folder.path().join("target");
    let outside = folder.path().join("outside");
    fs::create_dir(&target)?;
    fs::create_dir(&outside)?;
    fs::write(outside.join("file"), "outside")?;
    let file = folder.path().join("archive");
    fs::write(&file, bytes)?;
    let options = if bytes.starts_with(b"\x1f\x8b") {
        "-xzf"
    } else {
        "-xf"
    };
    extractor::run(
        [
            OsString::from(options),
            file.into(),
            "-C".into(),
            target.clone().into(),
        ]
        .into_iter(),
    );
    let count = fs::read_dir(folder.path())?.count();
    ensure!(count == 3, "there are {count} names beside the target");
    let count = fs::read_dir(&outside)?.count();
    ensure!(count == 1, "there are {count} names in another directory");
    let content = fs::read(outside.join("file"))?;
    ensure!(
        content == b"outside",
        "a file outside the target has changed"
    );
    let mut files = 0_u32;
    without_leftovers(&target, &mut files)?;
    Ok(files > 0)
}

/// Checks that all temporary names are gone, and counts the files.
fn without_leftovers(directory: &Path, files: &mut u32) -> Result<()> {
    // The archive may have taken away the right to read it.
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        ensure!(
            !name.to_string_lossy().starts_with(".live-reload-"),
            "it has left {}",
            name.display()
        );
        if entry.file_type()?.is_dir() {
            without_leftovers(&entry.path(), files)?;
        } else {
            *files = files.saturating_add(1);
        }
    }
    Ok(())
}

/// Archives to mutate: a release, and one with each kind of entry.
pub(crate) fn seeds() -> Result<Vec<Vec<u8>>> {
    let release = include_bytes!("../../tests/archives/plain.tar").to_vec();
    let long = "long-name/".repeat(15);
    let mut builder = Builder::new(Vec::new());
    // Values with newlines, as bsdtar writes them on a Mac.
    let mac = "46 SCHILY.xattr.com.apple.provenance=\n1\n2 \n3\n\n14 path=d/mac\n";
    for (kind, name, link, content) in [
        (EntryType::Directory, "d", "", ""),
        (EntryType::XHeader, "pax", "", mac),
        (EntryType::Regular, "mac", "", "content"),
        (EntryType::XHeader, "pax", "", "20 mtime=1000000.25\n"),
        (EntryType::Regular, "d/file", "", "content"),
        (EntryType::Link, "d/same", "d/file", ""),
        (EntryType::Symlink, "link", "../outside", ""),
        (EntryType::Regular, "link/file", "", "planted"),
        (EntryType::Link, "stolen", "../outside/file", ""),
        (EntryType::Regular, "../outside/file", "", "planted"),
        (EntryType::XGlobalHeader, "global", "", "13 comment=a\n"),
        (EntryType::XHeader, "pax", "", "15 path=d/pax\n"),
        (EntryType::Regular, "short", "", "content"),
        (EntryType::GNULongName, "././@LongLink", "", &long),
        (EntryType::Regular, "short", "", "content"),
        (EntryType::GNUSparse, "sparse", "", "content"),
        (EntryType::Directory, "d/file", "", ""),
        (EntryType::Regular, "d/file/below", "", "content"),
    ] {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        header.set_size(content.len() as u64);
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes())?;
    }
    Ok(vec![release, builder.into_inner()?])
}
