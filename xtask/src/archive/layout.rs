//! The form of a watchexec release archive.

use crate::directory::MTIME;
use anyhow::Result;
use lzma_rust2::{XzOptions, XzWriter};
use std::io::Write;

/// Upstream's workflow packs with `tar cavf`, so with xz's default preset.
const PRESET: u32 = 6;

/// A file of the archive, below its one top directory.
pub(super) struct Entry {
    pub(super) path: &'static str,
    /// 0755, or 0644.
    pub(super) executable: bool,
    pub(super) contents: Vec<u8>,
}

/// Writes a .tar.xz with one top directory.
pub(super) fn write(archive: impl Write, top: &str, entries: &[Entry]) -> Result<()> {
    let mut tar = tar::Builder::new(XzWriter::new(archive, XzOptions::with_preset(PRESET))?);
    append_directory(&mut tar, top)?;
    let mut directories = Vec::new();
    for entry in entries {
        if let Some((directory, _)) = entry.path.rsplit_once('/')
            && !directories.contains(&directory)
        {
            append_directory(&mut tar, &format!("{top}/{directory}"))?;
            directories.push(directory);
        }
        let mut header = header(tar::EntryType::Regular, entry.executable);
        header.set_size(entry.contents.len() as u64);
        let path = format!("{top}/{}", entry.path);
        tar.append_data(&mut header, path, entry.contents.as_slice())?;
    }
    tar.into_inner()?.finish()?.flush()?;
    Ok(())
}

fn append_directory(tar: &mut tar::Builder<impl Write>, path: &str) -> Result<()> {
    let mut header = header(tar::EntryType::Directory, true);
    header.set_size(0);
    tar.append_data(&mut header, format!("{path}/"), std::io::empty())?;
    Ok(())
}

fn header(kind: tar::EntryType, executable: bool) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_mtime(MTIME.into());
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::{Entry, write};
    use lzma_rust2::XzReader;

    fn archive() -> Vec<u8> {
        let entry = |path, executable| Entry {
            path,
            executable,
            contents: format!("contents of {path}").into_bytes(),
        };
        let entries = [
            entry("watchexec", true),
            entry("LICENSE", false),
            entry("completions/bash", false),
            entry("completions/zsh", false),
        ];
        let mut archive = Vec::new();
        write(&mut archive, "watchexec-2.8.0-triple", &entries).unwrap();
        archive
    }

    #[test]
    fn it_is_laid_out_as_upstream_does() {
        let archive = archive();
        let mut tar = tar::Archive::new(XzReader::new(archive.as_slice(), false));
        let listed: Vec<(String, u32)> = tar
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().to_str().unwrap().to_owned();
                (path, entry.header().mode().unwrap())
            })
            .collect();
        let expected = [
            ("watchexec-2.8.0-triple/", 0o755),
            ("watchexec-2.8.0-triple/watchexec", 0o755),
            ("watchexec-2.8.0-triple/LICENSE", 0o644),
            ("watchexec-2.8.0-triple/completions/", 0o755),
            ("watchexec-2.8.0-triple/completions/bash", 0o644),
            ("watchexec-2.8.0-triple/completions/zsh", 0o644),
        ];
        assert_eq!(listed, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }

    #[test]
    fn the_same_contents_make_the_same_archive() {
        assert_eq!(archive(), archive());
    }
}
