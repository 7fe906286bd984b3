//! The archives that tools write, on Macs too.

use crate::tar::{Archive, extract, names, target};
use std::fs;
use std::os::unix::fs::MetadataExt;
use tar::EntryType;

/// What macOS marks files with; it may hold any byte, newlines too.
const PROVENANCE: &[u8] = b"\x01\x02\n\x0a\x00=12 path=evil\n\xff";

/// The records that bsdtar writes for a file with such an attribute (libarchive,
/// `archive_write_set_format_pax.c`).
fn mac(archive: Archive) -> Archive {
    archive.pax(&[
        ("LIBARCHIVE.creationtime", &b"1700000000.5"[..]),
        ("mtime", b"1700000000.25"),
        (
            "LIBARCHIVE.xattr.com.apple.provenance",
            b"AQIKCgA9MTIgcGF0aD1ldmlsCv8",
        ),
        ("SCHILY.xattr.com.apple.provenance", PROVENANCE),
    ])
}

/// A file as bsdtar writes it on a Mac: its metadata first, in a file of its own.
fn mac_with_metadata(archive: Archive, metadata: &str, name: &str) -> Archive {
    let apple_double = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ";
    let archive = archive.entry(EntryType::Regular, metadata, 0o644, "", apple_double);
    mac(archive).entry(EntryType::Regular, name, 0o644, "", "new")
}

#[test]
fn extracts_archives_of_bsdtar_on_a_mac() {
    let directory = target();
    let archive = mac(Archive::new().file("._src", "")).directory("src/");
    let archive = mac_with_metadata(archive, "src/._app.py", "src/app.py");
    // Names that are not ASCII are records, as the Mac decomposes them.
    let archive = archive
        .pax(&[
            ("path", "src/cafe\u{301}".as_bytes()),
            ("SCHILY.xattr.com.apple.provenance", PROVENANCE),
        ])
        .file("src/cafe", "");
    extract(archive, directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["._src", "src"]);
    let source = directory.path().join("src");
    assert_eq!(names(&source), ["._app.py", "app.py", "cafe\u{301}"]);
    let app = source.join("app.py");
    assert_eq!(fs::read_to_string(&app).unwrap(), "new");
    let metadata = app.metadata().unwrap();
    assert_eq!(
        (metadata.mtime(), metadata.mtime_nsec()),
        (1_700_000_000, 250_000_000)
    );
}

/// `COPYFILE_DISABLE=1 tar c`: no files of metadata, but the records of extended attributes.
#[test]
fn extracts_archives_of_bsdtar_without_mac_metadata() {
    let directory = target();
    let archive = mac(Archive::new()).directory("src/");
    extract(mac(archive).file("src/app.py", "new"), directory.path()).succeeded();
    assert_eq!(names(&directory.path().join("src")), ["app.py"]);
}

/// `kubectl cp`, and `docker cp`, whose archive the engine extracts: Go's writer uses pax records
/// only for what the header cannot hold.
#[test]
fn extracts_archives_of_go_programs() {
    let directory = target();
    let long = format!("src/{}/app.py", "package".repeat(20));
    let archive = Archive::new()
        .directory("src")
        .file("src/app.py", "new")
        .pax(&[("path", "src/größe.py")])
        .file("src/gr_e.py", "")
        .pax(&[("path", &long)])
        .file("src/packagepackage", "long");
    extract(archive, directory.path()).succeeded();
    assert_eq!(
        names(&directory.path().join("src")),
        ["app.py", "größe.py", &"package".repeat(20)]
    );
    assert_eq!(
        fs::read_to_string(directory.path().join(long)).unwrap(),
        "long"
    );
}

#[test]
fn extracts_names_with_newlines() {
    let directory = target();
    let archive = Archive::new()
        .pax(&[("path", "a\nb"), ("linkpath", "c\nd")])
        .link("a_b", "c_d")
        .file("c\nd", "content");
    extract(archive, directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["a\nb", "c\nd"]);
    assert_eq!(
        fs::read_to_string(directory.path().join("a\nb")).unwrap(),
        "content"
    );
}

/// Sizes, users and times of pax records count in place of those of the header.
#[test]
fn heeds_records_around_binary_values() {
    let directory = target();
    let archive = Archive::new()
        .pax(&[
            ("SCHILY.xattr.user.a", PROVENANCE),
            ("size", b"3"),
            ("path", b"first"),
            ("path", b"second"),
        ])
        .file("header", "new")
        .file("after", "");
    extract(archive, directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["after", "second"]);
}
