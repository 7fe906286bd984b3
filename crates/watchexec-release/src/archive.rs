//! Unpacks a verified archive: only the program and its licence, within limits.

mod sparse;

use crate::checksum::{Checksum, Verified};
use crate::files::{Installed, LICENSE, PROGRAM, ReleaseFile, create};
use crate::text::size;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};
use tar::Archive;

/// The limits of an archive. A release is a tar of 10 MB in 3 MB with some twenty entries: each
/// limit is far from anything real, and still small for a build container.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Entries, wanted or not.
    pub entries: usize,
    /// Bytes of the tar, after decompression.
    pub decoded: u64,
    /// Decoded bytes for each byte of the archive. Programs stay below 10.
    pub ratio: u64,
    /// Bytes of the tar that are allowed at any ratio, since an almost empty tar is padded
    /// with kilobytes of zeros.
    pub minimum_limit: u64,
    /// Memory for the decoder's dictionary, in KiB. `xz -9` uses 64 MiB.
    pub dictionary_kib: u32,
}

impl Limits {
    /// The limits of a build.
    pub const BUILD: Self = Self {
        entries: 10_000,
        decoded: 256 << 20,
        ratio: 100,
        minimum_limit: 1 << 20,
        dictionary_kib: 128 << 10,
    };
}

/// Why an archive cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive is damaged, exceeds a limit, or is not a release.
    #[error("it {0}")]
    Unusable(String),
    /// A file cannot be written.
    #[error(transparent)]
    Install(io::Error),
}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        unusable(format!("is truncated or damaged: {error}"))
    }
}

/// The error for an archive, as the rest of a sentence.
fn unusable(why: impl Into<String>) -> UnpackError {
    UnpackError::Unusable(why.into())
}

fn too_large(most: u64) -> UnpackError {
    unusable(format!("decodes to more than {}", size(most)))
}

/// The first bytes of each format. The name of an archive is unreliable: a mirror or
/// a mapping may name it anything.
const XZ_MAGIC: &[u8] = b"\xFD7zXZ\0";
const GZIP_MAGIC: &[u8] = b"\x1F\x8B";
/// Offset of `ustar` in a tar's first header (POSIX.1-1988).
const TAR_MAGIC_OFFSET: usize = 257;
const TAR_MAGIC: &[u8] = b"ustar";

/// The folder of a release with the completions of shells. One of them may be named `watchexec`.
const COMPLETIONS: &str = "completions";
/// Bytes of all files named LICENSE together. watchexec's is 11 kB.
const LICENSES: u64 = 1 << 20;

/// Installs the program and the licence of a release from its archive below `directory`.
///
/// The program is the file `watchexec` at the top of the archive or in a folder at its top, as in
/// `watchexec-<version>-<triple>/watchexec`; the licence is the file `LICENSE` beside it. All other
/// entries are skipped. Decompression, sizes and the number of entries are bounded by `limits`.
/// Returns the open program too.
///
/// # Errors
/// The archive is invalid, exceeds a limit, or lacks the program; or a file cannot be written.
/// Files may be left in the directory.
pub fn unpack(
    archive: &Verified,
    limits: &Limits,
    directory: &Path,
) -> Result<(Installed, File), UnpackError> {
    let bytes = archive.bytes();
    let by_ratio = (bytes.len() as u64).saturating_mul(limits.ratio);
    let most = by_ratio.max(limits.minimum_limit).min(limits.decoded);
    let tar_magic = bytes.get(TAR_MAGIC_OFFSET..).unwrap_or_default();
    let tar: Box<dyn Read> = if bytes.starts_with(XZ_MAGIC) {
        // An archive may consist of several xz streams, as `xz` itself allows.
        Box::new(XzReader::new_mem_limit(bytes, true, limits.dictionary_kib))
    } else if bytes.starts_with(GZIP_MAGIC) {
        Box::new(MultiGzDecoder::new(bytes))
    } else if tar_magic.starts_with(TAR_MAGIC) {
        Box::new(bytes)
    } else {
        return Err(unusable("is neither xz, gzip nor tar"));
    };
    // One byte more than allowed, so that a tar of exactly that size is accepted.
    let mut archive = Archive::new(tar.take(most + 1));
    let unpacked = unpack_entries(&mut archive, most, limits.entries, directory);
    let mut rest = archive.into_inner();
    // The tar ends before the compressed stream does, and the decoder checks the whole stream only
    // at its end. After an error the decoder is not asked again: it may never return.
    let unpacked = unpacked.and_then(|unpacked| {
        io::copy(&mut rest, &mut io::sink())?;
        Ok(unpacked)
    });
    // The tar reader sees an exhausted limit as an archive that ends early.
    if rest.limit() == 0 {
        return Err(too_large(most));
    }
    unpacked
}

fn unpack_entries(
    archive: &mut Archive<impl Read>,
    most: u64,
    entries: usize,
    directory: &Path,
) -> Result<(Installed, File), UnpackError> {
    let mut program = None;
    // By folder, since the licence may precede the program.
    let mut licenses = HashMap::new();
    let mut room = LICENSES;
    for (index, entry) in archive.entries()?.enumerate() {
        if index >= entries {
            return Err(unusable(format!("contains more than {entries} entries")));
        }
        let mut entry = entry?;
        let sparse = sparse::header(&mut entry)?;
        let path = match &sparse {
            Some((name, _)) => name.into(),
            None => entry.path()?,
        };
        let Some((folder, file)) = wanted(&path) else {
            continue;
        };
        let size = sparse.as_ref().map_or(entry.size(), |(_, size)| *size);
        let kind = entry.header().entry_type();
        let is_file = kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse();
        if *file == LICENSE {
            if is_file && size <= room {
                room -= size;
                let mut text = Vec::new();
                sparse::content(entry, sparse.is_some(), size)?.read_to_end(&mut text)?;
                licenses.insert(folder, text);
            }
        } else if kind.is_dir() {
            // A folder with the name of the program, as `watchexec/` around the files.
        } else if !is_file {
            return Err(unusable(
                "contains a link or a device named watchexec, not a file",
            ));
        } else if program.is_some() {
            return Err(unusable("contains two files named watchexec"));
        } else if size > most {
            return Err(too_large(most));
        } else {
            let content = sparse::content(entry, sparse.is_some(), size)?;
            let installed = file.install(content, directory);
            program = Some((folder, installed.map_err(UnpackError::Install)??));
        }
    }
    let (folder, (checksum, program)) = program.ok_or_else(|| {
        unusable("contains no file named watchexec at its top level or in a top-level folder")
    })?;
    let license = licenses.get(&folder).map(|text| {
        let created = create(directory, LICENSE.path, LICENSE.mode, text);
        created.map(|()| Checksum::of(text))
    });
    let installed = Installed {
        program: checksum,
        license: license.transpose().map_err(UnpackError::Install)?,
    };
    Ok((installed, program))
}

/// The folder of a wanted file and which one it is. A path with `..` or a root is never wanted.
fn wanted(path: &Path) -> Option<(OsString, &'static ReleaseFile)> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    let (folder, name) = match names.as_slice() {
        [name] => (OsStr::new(""), name),
        [folder, name] if *folder != COMPLETIONS => (*folder, name),
        _ => return None,
    };
    let file = [&PROGRAM, &LICENSE]
        .into_iter()
        .find(|file| *name == file.name)?;
    Some((folder.to_owned(), file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use lzma_rust2::{XzOptions, XzWriter};
    use proptest::prelude::*;
    use std::fs;
    use std::io::Write;
    use tar::{Builder, EntryType, Header};

    type Entry<'a> = (&'a str, EntryType, &'a [u8]);

    const FOLDER: &str = "watchexec-2.8.0-x86_64-unknown-linux-musl";

    fn tar_of(entries: &[Entry]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            // Straight into the header: the builder itself refuses the hostile paths.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o6777);
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn release() -> Vec<u8> {
        tar_of(&[
            (&format!("{FOLDER}/"), EntryType::Directory, b""),
            (&format!("{FOLDER}/LICENSE"), EntryType::Regular, b"license"),
            (&format!("{FOLDER}/README.md"), EntryType::Regular, b"read"),
            (
                &format!("{FOLDER}/completions/watchexec"),
                EntryType::Regular,
                b"no",
            ),
            (
                &format!("{FOLDER}/watchexec"),
                EntryType::Regular,
                b"program",
            ),
        ])
    }

    fn xz(bytes: &[u8], options: XzOptions) -> Vec<u8> {
        let mut writer = XzWriter::new(Vec::new(), options).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    /// The content of the installed files.
    struct Files {
        program: Vec<u8>,
        license: Option<Vec<u8>>,
    }

    #[expect(
        clippy::panic_in_result_fn,
        reason = "the error is that of the archive"
    )]
    fn unpack_with(bytes: Vec<u8>, limits: &Limits) -> Result<Files, UnpackError> {
        let checksum = Checksum::of(&bytes);
        let archive = Verified::new(bytes, checksum).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (installed, _) = unpack(&archive, limits, directory.path())?;
        assert!(installed.verify(directory.path()).is_ok());
        let content = |file: ReleaseFile| fs::read(directory.path().join(file.path)).unwrap();
        Ok(Files {
            program: content(PROGRAM),
            license: installed.license.map(|_| content(LICENSE)),
        })
    }

    /// Why an archive was rejected.
    fn why<T>(result: Result<T, UnpackError>) -> String {
        match result {
            Err(UnpackError::Unusable(why)) => why,
            Err(UnpackError::Install(error)) => panic!("{error}"),
            Ok(_) => "was accepted".to_owned(),
        }
    }

    fn unpack_all(bytes: Vec<u8>) -> Result<Files, UnpackError> {
        unpack_with(bytes, &Limits::BUILD)
    }

    #[test]
    fn takes_program_and_licence_out_of_every_format() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&release()).unwrap();
        let mut blocks = XzOptions::with_preset(6);
        blocks.set_block_size(std::num::NonZeroU64::new(4096));
        let whole = release();
        let (front, back) = whole.split_at(1000);
        let streams = [
            xz(front, XzOptions::with_preset(1)),
            xz(back, XzOptions::with_preset(9)),
        ]
        .concat();

        for (name, bytes) in [
            ("tar", release()),
            ("gzip", gzip.finish().unwrap()),
            ("xz", xz(&release(), XzOptions::with_preset(9))),
            ("xz of several blocks", xz(&release(), blocks)),
            ("xz of several streams", streams),
        ] {
            let files = unpack_all(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(files.program, b"program", "{name}");
            assert_eq!(files.license.unwrap(), b"license", "{name}");
        }
    }

    #[test]
    fn takes_files_at_the_top_of_the_archive() {
        let tar = tar_of(&[("./watchexec", EntryType::Regular, b"program")]);
        let files = unpack_all(tar).unwrap();
        assert_eq!(files.program, b"program");
        assert!(files.license.is_none());
    }

    /// The installed licence of an archive with these files, whose content is their path.
    fn license_of(paths: &[&str]) -> Result<Option<String>, UnpackError> {
        let entries: Vec<Entry> = paths
            .iter()
            .map(|path| (*path, EntryType::Regular, path.as_bytes()))
            .collect();
        let license = unpack_all(tar_of(&entries))?.license;
        Ok(license.map(|text| String::from_utf8(text).unwrap()))
    }

    #[test]
    fn takes_the_licence_beside_the_program() {
        for (paths, expected) in [
            (
                &["third-party/LICENSE", "watchexec", "LICENSE"][..],
                Some("LICENSE"),
            ),
            (
                &["LICENSE", "watchexec", "third-party/LICENSE"],
                Some("LICENSE"),
            ),
            (&["third-party/LICENSE", "watchexec"], None),
            (
                &["w/watchexec", "w/LICENSE", "third-party/LICENSE"],
                Some("w/LICENSE"),
            ),
            (
                &["third-party/LICENSE", "LICENSE", "w/LICENSE", "w/watchexec"],
                Some("w/LICENSE"),
            ),
            (&["LICENSE", "w/watchexec"], None),
            (&["watchexec", "LICENSE", "./LICENSE"], Some("./LICENSE")),
        ] {
            assert_eq!(license_of(paths).unwrap().as_deref(), expected, "{paths:?}");
        }
    }

    #[test]
    fn skips_a_licence_that_is_a_link_or_large() {
        let large = vec![b'x'; 2 << 20];
        for entry in [
            ("third-party/LICENSE", EntryType::Symlink, &b""[..]),
            ("LICENSE", EntryType::Symlink, b""),
            ("LICENSE", EntryType::Directory, b""),
            ("LICENSE", EntryType::Regular, &large),
        ] {
            let files = unpack_all(tar_of(&[
                entry,
                ("watchexec", EntryType::Regular, b"program"),
            ]));
            assert!(files.unwrap().license.is_none());
        }
    }

    #[test]
    fn never_installs_a_shell_completion() {
        for paths in [
            &["completions/watchexec"][..],
            &["LICENSE", "README.md", "completions/watchexec"],
        ] {
            assert!(why(license_of(paths)).starts_with("contains no file named watchexec"));
        }
        let both = ["completions/watchexec", "watchexec", "LICENSE"];
        assert_eq!(license_of(&both).unwrap().as_deref(), Some("LICENSE"));
    }

    /// `tar --sparse --format=gnu`, `tar --sparse --format=posix`, and `bsdtar` without options,
    /// which stores the holes of a sparse file in the pax format. The program is 1 MiB with two
    /// holes.
    #[test]
    fn fills_the_holes_of_sparse_files() {
        let mut program = b"#!/bin/sh\necho watchexec 9.9.9\nexit\n".to_vec();
        program.resize(256 << 10, 0);
        program.extend(b"middle\n");
        program.resize(1 << 20, 0);
        for archive in [
            &include_bytes!("../../../tests/archives/sparse-gnu.tar.gz")[..],
            include_bytes!("../../../tests/archives/sparse-pax.tar.gz"),
            include_bytes!("../../../tests/archives/sparse-bsdtar.tar.gz"),
        ] {
            let files = unpack_all(archive.to_vec()).unwrap();
            assert!(files.program == program, "{} bytes", files.program.len());
            assert_eq!(files.license.unwrap(), b"Apache License\n");
        }
    }

    /// A sparse file in the pax format: its announced size, and its content, which starts with the
    /// map.
    fn sparse(size: &str, content: &[u8]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        let records = [
            ("GNU.sparse.major", &b"1"[..]),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"w/watchexec"),
            ("GNU.sparse.realsize", size.as_bytes()),
        ];
        builder.append_pax_extensions(records).unwrap();
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        builder
            .append_data(&mut header, "w/GNUSparseFile.0/watchexec", content)
            .unwrap();
        builder.into_inner().unwrap()
    }

    #[test]
    fn rejects_invalid_maps_of_sparse_files() {
        let map = |text: &str| {
            let mut content = text.as_bytes().to_vec();
            content.resize(content.len().next_multiple_of(512), 0);
            [content, b"data".to_vec()].concat()
        };
        let program = unpack_all(sparse("10", &map("1\n3\n4\n"))).unwrap().program;
        assert_eq!(program, b"\0\0\0data\0\0\0");
        for (size, text) in [
            ("10", "2\n3\n4\n0\n4\n"),
            ("5", "1\n3\n4\n"),
            ("10", "1\n3\n5\n"),
            ("10", "1\nx\n"),
            ("10", "10001\n"),
            ("10", "99999999999999999999\n"),
            ("10", "1\n3\n18446744073709551615\n"),
        ] {
            let result = unpack_all(sparse(size, &map(text)));
            assert!(
                why(result).starts_with("is truncated or damaged"),
                "{text:?}"
            );
        }
        let bomb = unpack_all(sparse("99999999999", &map("1\n0\n4\n")));
        assert!(why(bomb).starts_with("decodes to more than"));
    }

    #[test]
    fn skips_hostile_paths() {
        for path in [
            "../watchexec",
            "/watchexec",
            "a/../watchexec",
            "a/b/watchexec",
            "watchexec/x",
        ] {
            let result = unpack_all(tar_of(&[(path, EntryType::Regular, b"program")]));
            assert!(
                why(result).starts_with("contains no file named watchexec"),
                "{path}"
            );
        }
    }

    #[test]
    fn rejects_a_program_that_is_not_a_regular_file() {
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Char,
            EntryType::Block,
            EntryType::Fifo,
        ] {
            let result = unpack_all(tar_of(&[("a/watchexec", kind, b"")]));
            assert!(
                why(result).starts_with("contains a link or a device"),
                "{kind:?}"
            );
        }
        let folder_only = tar_of(&[("a/watchexec", EntryType::Directory, b"")]);
        assert!(why(unpack_all(folder_only)).starts_with("contains no file named watchexec"));
    }

    #[test]
    fn rejects_two_programs() {
        let result = unpack_all(tar_of(&[
            ("a/watchexec", EntryType::Regular, b"one"),
            ("b/watchexec", EntryType::Regular, b"two"),
        ]));
        assert!(why(result).starts_with("contains two files"));
    }

    #[test]
    fn rejects_unknown_and_cut_archives() {
        assert!(why(unpack_all(vec![])).starts_with("is neither"));
        assert!(why(unpack_all(b"<html>not found</html>".to_vec())).starts_with("is neither"));
        let whole = xz(&release(), XzOptions::with_preset(6));
        for length in [XZ_MAGIC.len(), whole.len() / 2, whole.len() - 1] {
            assert!(
                why(unpack_all(whole[..length].to_vec())).starts_with("is truncated or damaged"),
                "{length}"
            );
        }
    }

    #[test]
    fn enforces_each_limit() {
        let limits = |change: &dyn Fn(&mut Limits)| {
            let mut limits = Limits::BUILD;
            change(&mut limits);
            limits
        };
        let entries = limits(&|limits| limits.entries = 4);
        assert!(why(unpack_with(release(), &entries)).starts_with("contains more than 4 entries"));

        let length = release().len() as u64;
        let decoded = limits(&|limits| limits.decoded = length - 1);
        assert!(why(unpack_with(release(), &decoded)).starts_with("decodes to more than"));
        let exactly = limits(&|limits| limits.decoded = length);
        assert!(unpack_with(release(), &exactly).is_ok());

        let zeros = vec![0; 4 << 20];
        let bomb = tar_of(&[("a/watchexec", EntryType::Regular, &zeros)]);
        assert!(
            why(unpack_all(xz(&bomb, XzOptions::with_preset(6))))
                .starts_with("decodes to more than")
        );

        let dictionary = limits(&|limits| limits.dictionary_kib = 1 << 10);
        assert!(
            why(unpack_with(
                xz(&release(), XzOptions::with_preset(9)),
                &dictionary
            ))
            .starts_with("is truncated or damaged")
        );
    }

    #[test]
    fn rejects_too_many_entries() {
        let crowd = tar_of(&vec![("a/x", EntryType::Regular, &b""[..]); 10_001]);
        for bytes in [crowd.clone(), xz(&crowd, XzOptions::with_preset(0))] {
            let result = unpack_all(bytes);
            let why = why(result);
            let limits = ["contains more than 10000 entries", "decodes to more than"];
            assert!(limits.iter().any(|limit| why.starts_with(limit)), "{why}");
        }
    }

    #[test]
    fn rejects_an_announced_size_beyond_the_archive() {
        for size in ["77777777777", "\u{80}\u{0}\u{0}"] {
            let mut tar = tar_of(&[("a/watchexec", EntryType::Regular, b"program")]);
            let mut header = Header::from_byte_slice(&tar[..512]).clone();
            header.as_old_mut().size[..size.len()].copy_from_slice(size.as_bytes());
            header.set_cksum();
            tar[..512].copy_from_slice(header.as_bytes());
            assert!(unpack_all(tar).is_err());
        }
    }

    fn kinds() -> impl Strategy<Value = EntryType> {
        prop::sample::select(vec![
            EntryType::Regular,
            EntryType::Directory,
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Char,
            EntryType::Fifo,
            EntryType::GNULongName,
            EntryType::GNULongLink,
            EntryType::XHeader,
            EntryType::GNUSparse,
        ])
    }

    proptest! {
        /// Any bytes, with each format's first bytes before them.
        #[test]
        fn rejects_rubbish_without_a_panic(
            magic in prop::sample::select(vec![XZ_MAGIC, GZIP_MAGIC, b""]),
            rest in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            prop_assert!(unpack_all([magic, &rest].concat()).is_err());
        }

        /// A real archive with one byte changed.
        #[test]
        fn rejects_damaged_archives_or_installs_the_same_files(position in 0usize..1_000, byte: u8) {
            let mut bytes = xz(&release(), XzOptions::with_preset(6));
            let position = position % bytes.len();
            bytes[position] = byte;
            if let Ok(files) = unpack_all(bytes) {
                prop_assert_eq!(files.program, b"program");
            }
        }

        /// Entries of any kind and name: the content is always that of a wanted regular file.
        #[test]
        fn takes_only_wanted_files(
            entries in prop::collection::vec(
                (
                    "(/|\\.\\./|\\./|a/|bin/){0,3}(watchexec|LICENSE|passwd)",
                    kinds(),
                    prop::collection::vec(any::<u8>(), 0..40),
                ),
                0..6,
            ),
        ) {
            let entries: Vec<Entry> = entries
                .iter()
                .map(|(path, kind, content)| (path.as_str(), *kind, content.as_slice()))
                .collect();
            if let Ok(files) = unpack_all(tar_of(&entries)) {
                let taken = |name: &str, content: &[u8]| {
                    entries.iter().any(|(path, kind, bytes)| {
                        kind.is_file() && path.ends_with(name) && *bytes == content
                    })
                };
                prop_assert!(taken("watchexec", &files.program));
                prop_assert!(files.license.is_none_or(|license| taken("LICENSE", &license)));
            }
        }
    }
}
