//! `tar` with what tools on a Mac send.
//!
//! | tool | sends |
//! |---|---|
//! | `tar` of macOS (bsdtar), piped into `kubectl exec` | before each file with extended attributes, `._NAME` with them in the `AppleDouble` format; the attributes again as pax records (libarchive, `archive_write_set_format_pax.c`) |
//! | the same with `COPYFILE_DISABLE=1` or `--no-mac-metadata` | the pax records alone |
//! | `kubectl cp`, Skaffold, Tilt | what Go's archive/tar makes of name, size, mode, time and owner: USTAR, or pax records of a long name; no attributes |
//! | `docker cp`, Docker Compose | the same, to the engine: no program of the container reads it |

use crate::tar::{Archive, extract, names, tar, target};
use std::fs;
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// The start of an `AppleDouble` file: its magic number, its version, and its home (RFC 1740).
const APPLE_DOUBLE: &[u8] = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \x00\x02\n\x00";

/// The mark that macOS gives to files of apps: eleven bytes, any of which can be a newline.
const PROVENANCE: &[u8] = b"\x01\x02\x00\n9\n8 =\n\x07";

/// A file as bsdtar writes it, without its companion.
fn file(archive: Archive, name: &str, content: &str) -> Archive {
    let records: &[(&str, &[u8])] = &[
        ("mtime", b"1764424800.123456789"),
        ("LIBARCHIVE.creationtime", b"1764424799"),
        ("SCHILY.fflags", b"uchg"),
        ("LIBARCHIVE.xattr.com.apple.provenance", b"AQIACjkKOCA9Cgc"),
        ("SCHILY.xattr.com.apple.provenance", PROVENANCE),
    ];
    archive.pax(records).file(name, content)
}

#[test]
fn extracts_an_archive_of_bsdtar_with_its_companions() {
    let directory = target();
    let companion =
        |archive: Archive, name| archive.entry(EntryType::Regular, name, 0o644, "", APPLE_DOUBLE);
    let mut archive = companion(Archive::new(), "./._.").directory("./");
    archive = file(companion(archive, "./._app.py"), "./app.py", "new");
    archive = file(
        companion(archive, "./src/._main.py"),
        "./src/main.py",
        "main",
    );
    extract(archive, directory.path()).succeeded();
    // As GNU tar does it; no change of a companion restarts the app (docs/ignored.md).
    assert_eq!(
        names(directory.path()),
        ["._.", "._app.py", "app.py", "src"]
    );
    assert_eq!(fs::read(directory.path().join("app.py")).unwrap(), b"new");
    assert_eq!(
        fs::read(directory.path().join("._app.py")).unwrap(),
        APPLE_DOUBLE
    );
    assert_eq!(
        fs::read(directory.path().join("src/main.py")).unwrap(),
        b"main"
    );
}

#[test]
fn extracts_an_archive_of_bsdtar_without_companions() {
    let directory = target();
    let archive = file(file(Archive::new(), "app.py", "new"), "b.py", "b");
    extract(archive, directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["app.py", "b.py"]);
    assert_eq!(fs::read(directory.path().join("app.py")).unwrap(), b"new");
}

/// Of a user of macOS, whose numbers are 501 and 20.
#[test]
fn extracts_an_archive_of_kubectl_cp() {
    let directory = target();
    let mut archive = Builder::new(Vec::new());
    let long = format!("app/{}/main.py", "long".repeat(40));
    for (name, content) in [("app/app.py", "new"), (&long, "long")] {
        let mut header = Header::new_ustar();
        header.set_mode(0o644);
        header.set_uid(501);
        header.set_gid(20);
        header.set_username("me").unwrap();
        header.set_groupname("staff").unwrap();
        header.set_mtime(1_764_424_800);
        header.set_size(content.len() as u64);
        // Go cuts a long name in the header.
        let is_long = name.len() > 100;
        if is_long {
            archive
                .append_pax_extensions([("path", name.as_bytes())])
                .unwrap();
        }
        header
            .set_path(if is_long { "app/cut" } else { name })
            .unwrap();
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    let into = directory.path().to_str().unwrap();
    let archive = archive.into_inner().unwrap();
    tar(&["-xmf", "-", "-C", into], Path::new("/"), &archive).succeeded();
    assert_eq!(
        fs::read(directory.path().join("app/app.py")).unwrap(),
        b"new"
    );
    assert_eq!(fs::read(directory.path().join(long)).unwrap(), b"long");
    assert_eq!(
        fs::read_dir(directory.path().join("app")).unwrap().count(),
        2
    );
}
