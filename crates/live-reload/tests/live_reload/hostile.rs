//! Archives and directories that are made to harm `tar`.

use crate::image::PROGRAM;
use crate::tar::{Archive, Outcome, Unwritable, extract, names, record, run, tar, target};
use flate2::Compression;
use flate2::write::GzEncoder;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use tar::{EntryType, Header};

/// Archives that lead out of the target directory, contradict themselves or are damaged. The target
/// is `target`, beside a directory `outside` with a file `kept`.
fn archives(outside: &str) -> Vec<(&'static str, Vec<u8>)> {
    [leading_out(outside), by_headers(outside), damaged(outside)].concat()
}

/// By names and links.
fn leading_out(outside: &str) -> Vec<(&'static str, Vec<u8>)> {
    let new = Archive::new;
    let kept = &format!("{outside}/kept");
    vec![
        ("a name with ..", new().file("../outside/kept", "x").bytes()),
        (
            "an inner ..",
            new().file("a/../../outside/kept", "x").bytes(),
        ),
        ("an absolute name", new().file(kept, "x").bytes()),
        (
            "an absolute link",
            new().link("l", outside).file("l/kept", "x").bytes(),
        ),
        (
            "a relative link",
            new().link("l", "../outside").file("l/new", "x").bytes(),
        ),
        (
            "a link below a link",
            new()
                .link("l", "..")
                .link("m", "l/outside")
                .file("m/kept", "x")
                .bytes(),
        ),
        (
            "a link in place of a directory",
            new()
                .directory("d/")
                .link("d", outside)
                .file("d/kept", "x")
                .bytes(),
        ),
        (
            "a directory through a link",
            new().link("l", outside).directory("l/new/").bytes(),
        ),
        (
            "a link and its directory",
            new()
                .link("l", outside)
                .directory("l/")
                .file("l/new", "x")
                .bytes(),
        ),
        (
            "a hard link with ..",
            new()
                .hard_link("h", "../outside/kept")
                .file("h", "x")
                .bytes(),
        ),
        ("an absolute hard link", new().hard_link("h", kept).bytes()),
        (
            "a hard link through a link",
            new().link("l", outside).hard_link("h", "l/kept").bytes(),
        ),
        (
            "a hard link to a link",
            new()
                .link("l", kept)
                .hard_link("h", "l")
                .file("h", "x")
                .bytes(),
        ),
        (
            "a link to itself",
            new().link("l", "l").file("l/a", "x").bytes(),
        ),
        (
            "a file that is a directory",
            new().file("f", "x").file("f/a", "x").bytes(),
        ),
        (
            "the target itself",
            new()
                .file(".", "x")
                .file("/", "x")
                .link("./", outside)
                .bytes(),
        ),
    ]
}

/// By extended headers.
fn by_headers(outside: &str) -> Vec<(&'static str, Vec<u8>)> {
    let new = Archive::new;
    let kept = &format!("{outside}/kept");
    vec![
        (
            "a pax name",
            new()
                .pax(&[("path", "../outside/kept")])
                .file("f", "x")
                .bytes(),
        ),
        (
            "a pax link",
            new().pax(&[("linkpath", kept)]).hard_link("h", "a").bytes(),
        ),
        (
            "a GNU name",
            long(b'L', "../outside/kept").file("f", "x").bytes(),
        ),
        (
            "a GNU link",
            long(b'K', kept).link("l", "a").file("l/a", "x").bytes(),
        ),
    ]
}

/// An extended header of GNU tar, or of pax.
fn long(kind: u8, name: &str) -> Archive {
    Archive::new().entry(EntryType::new(kind), "long", 0o644, "", name)
}

/// By contradictions.
fn damaged(outside: &str) -> Vec<(&'static str, Vec<u8>)> {
    let new = Archive::new;
    let mut overlapping = new().sparse("file", 4096).bytes();
    // The second piece starts before the first one.
    overlapping[386 + 24..386 + 36].copy_from_slice(b"00000000100\0");
    overlapping[386 + 36..386 + 48].copy_from_slice(b"00000000000\0");
    vec![
        (
            "a device",
            new().entry(EntryType::Block, "b", 0o666, "", "").bytes(),
        ),
        ("a size below zero", sized("f", [0xff; 12])),
        (
            "a size beyond all",
            sized(
                "f",
                [
                    0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                ],
            ),
        ),
        (
            "a pax size beyond all",
            new()
                .pax(&[("size", "18446744073709551615")])
                .file("f", "x")
                .bytes(),
        ),
        ("an overlapping sparse file", overlapping),
        ("a sparse file without an end", sparse_without_end()),
        (
            "a name with NUL",
            long(b'L', "f\0/../../outside/kept").file("f", "x").bytes(),
        ),
        (
            "a deep name",
            long(b'L', &"a/".repeat(2000)).file("f", "x").bytes(),
        ),
        (
            "a long name",
            long(b'L', &"a/".repeat(5000)).file("f", "x").bytes(),
        ),
        (
            "a closed directory",
            new()
                .entry(EntryType::Directory, "d/", 0, "", "")
                .file("d/f", "x")
                .bytes(),
        ),
        (
            "its own temporary name",
            new()
                .file(".live-reload-1.tmp/1.tmp", "x")
                .link(".live-reload-1.tmp", outside)
                .bytes(),
        ),
        ("nothing but records", long(b'x', "").bytes()),
    ]
}

/// A file whose header has this size.
fn sized(name: &str, size: [u8; 12]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.as_old_mut().size = size;
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A sparse file whose map goes on for ever.
fn sparse_without_end() -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_path("f").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(0);
    header.as_gnu_mut().unwrap().set_is_extended(true);
    header.set_cksum();
    let mut more = [0; 512];
    more[504] = 1;
    [header.as_bytes().to_vec(), more.repeat(4096)].concat()
}

#[test]
fn hostile_archives_change_nothing_outside() {
    for number in 0.. {
        let directory = target();
        let outside = directory.path().join("outside");
        let inside = directory.path().join("target");
        for directory in [&outside, &inside] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(outside.join("kept"), "kept").unwrap();
        let mut archives = archives(outside.to_str().unwrap());
        if number == archives.len() {
            assert!(number >= 22);
            return;
        }
        let (name, archive) = archives.swap_remove(number);
        let outcome = within(&["-C", "target"], directory.path(), &archive);
        assert!(matches!(outcome.status, 0 | 2), "{name}: {outcome:?}");
        assert_eq!(names(directory.path()), ["outside", "target"], "{name}");
        assert_eq!(names(&outside), ["kept"], "{name}");
        let kept = outside.join("kept");
        assert_eq!(fs::read(&kept).unwrap(), b"kept", "{name}");
        assert_eq!(kept.metadata().unwrap().nlink(), 1, "{name}");
        let temporary = names(&inside)
            .into_iter()
            .filter(|name| name.starts_with(".live"));
        let expected = usize::from(name.contains("temporary"));
        assert_eq!(temporary.count(), expected, "{name}: {:?}", names(&inside));
    }
}

/// Runs `tar` with a time limit and little memory: 25 MB beyond the program and its libraries.
fn within(arguments: &[&str], directory: &Path, archive: &[u8]) -> Outcome {
    let mut command = Command::new("/bin/sh");
    let script = format!("ulimit -v 45000; exec timeout 120 '{PROGRAM}' tar -xf - \"$@\"");
    command.args(["-c", &script, "sh"]).args(arguments);
    run(command, directory, archive)
}

/// An extended header of this kind and 100 MB, and a file that it is about.
fn large_header(kind: u8) -> Vec<u8> {
    const SIZE: usize = 100 << 20;
    let mut header = Header::new_ustar();
    header.set_path("header").unwrap();
    header.set_entry_type(EntryType::new(kind));
    header.set_size(SIZE as u64);
    header.set_cksum();
    let rest = Archive::new().file("about", "").file("after", "").bytes();
    [header.as_bytes(), &vec![b'a'; SIZE][..], &rest].concat()
}

#[test]
fn refuses_large_names_and_records_before_it_reads_them() {
    for kind in [b'L', b'K', b'x'] {
        let directory = target();
        let outcome = within(&[], directory.path(), &large_header(kind));
        outcome.failed(
            "tar: about: Cannot be copied: its name or its pax records are larger than 1 MiB\n",
        );
        assert_eq!(names(directory.path()), ["after"]);
    }
    // Global records are not about files.
    let directory = target();
    within(&[], directory.path(), &large_header(b'g')).succeeded();
    assert_eq!(names(directory.path()), ["about", "after"]);
}

#[test]
fn accepts_records_of_just_1_mib() {
    let directory = target();
    let mut value = vec![b'\n'; (1 << 20) - 1000];
    value.push(b'=');
    let archive = Archive::new()
        .pax(&[("SCHILY.xattr.user.large", &value[..]), ("path", b"name")])
        .file("a", "");
    within(&[], directory.path(), &archive.bytes()).succeeded();
    assert_eq!(names(directory.path()), ["name"]);
    let many: Vec<u8> = record("a", b"\n").repeat((1 << 20) / 6);
    let archive = Archive::new().entry(EntryType::XHeader, "many", 0o644, "", many);
    within(&[], directory.path(), &archive.file("b", "").bytes()).succeeded();
}

#[test]
fn bombs_take_little_memory() {
    let entries = |name: &str, kind: EntryType, count: usize| {
        let archive = Archive::new().entry(kind, name, 0o755, "", "").bytes();
        archive[..512].repeat(count)
    };
    let compressed = |content: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let archive = Archive::new().file("file", "").bytes();
    let members = [compressed(b"").repeat(100_000), compressed(&archive)].concat();
    for (options, archive, expected) in [
        (
            &[][..],
            entries("d/", EntryType::Directory, 300_000),
            &["d"][..],
        ),
        (&[], entries("f", EntryType::Regular, 30_000), &["f"]),
        (&[], vec![0; 200 << 20], &[]),
        (&["-z"], members, &["file"]),
    ] {
        let directory = target();
        within(options, directory.path(), &archive).succeeded();
        assert_eq!(names(directory.path()), expected);
    }
}

#[test]
fn leaves_holes() {
    const HOLE: u64 = 2 << 30;
    let directory = target();
    extract(
        Archive::new().sparse("file", HOLE).file("after", ""),
        directory.path(),
    )
    .succeeded();
    let check = |file: &Path| {
        let metadata = file.metadata().unwrap();
        assert_eq!(metadata.len(), HOLE + 512);
        // Of 512 bytes.
        assert!(metadata.blocks() < 200, "{}", metadata.blocks());
        let mut content = fs::File::open(file).unwrap();
        io::Seek::seek(&mut content, io::SeekFrom::Start(HOLE)).unwrap();
        let mut end = Vec::new();
        content.read_to_end(&mut end).unwrap();
        assert_eq!(end, [b'x'; 512]);
    };
    check(&directory.path().join("file"));
    assert_eq!(names(directory.path()), ["after", "file"]);

    let unwritable = Unwritable::new();
    unwritable
        .extract(&Archive::new().sparse("file", HOLE).bytes(), "/tmp")
        .succeeded();
    check(&unwritable.path().join("file"));
}

#[test]
fn never_waits_for_a_fifo() {
    let archive = Archive::new().file("file", "new").bytes();
    let directory = target();
    mkfifo(&directory.path().join("file"), Mode::S_IRWXU).unwrap();
    within(&[], directory.path(), &archive).succeeded();
    assert_eq!(fs::read(directory.path().join("file")).unwrap(), b"new");

    // Where it cannot be replaced.
    let unwritable = Unwritable::new();
    let fifo = unwritable.path().join("file");
    unwritable.replace_file(|| {
        mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        fs::set_permissions(&fifo, Permissions::from_mode(0o666)).unwrap();
    });
    unwritable
        .extract(&archive, "/tmp")
        .failed("file: Cannot be copied: Permission denied");
    assert!(fifo.metadata().unwrap().file_type().is_fifo());

    let directory = target();
    mkfifo(&directory.path().join("d"), Mode::S_IRWXU).unwrap();
    within(&["-C", "d"], directory.path(), &archive).failed("d: Not a directory");
    let archive = Archive::new().file("d/file", "").bytes();
    within(&[], directory.path(), &archive).failed("d/file: Cannot be copied");
    let archive = Archive::new().directory("d/").bytes();
    within(&[], directory.path(), &archive).succeeded();
    assert!(directory.path().join("d").is_dir());
}

#[test]
fn escapes_control_characters_in_names() {
    let directory = target();
    let name = "a\x1b]52;c;aGk=\x07\ntar: /etc/shadow";
    let archive = Archive::new()
        .entry(EntryType::Fifo, name, 0o644, "", "")
        .link("l\n", "x")
        .file("l\n/a", "")
        .file("plain", "")
        .bytes();
    let outcome = tar(&["-xvf", "-"], directory.path(), &archive);
    let shown = "a\\u{1b}]52;c;aGk=\\u{7}\\ntar: /etc/shadow";
    assert_eq!(
        outcome.errors,
        format!(
            "tar: {shown}: Cannot be copied: it is neither a file nor a directory nor a link (type '6')\n\
             tar: l\\n/a: Cannot be copied: l\\n is in the archive too, and is not a directory\n"
        )
    );
    let listed = String::from_utf8(outcome.output).unwrap();
    assert_eq!(listed, format!("{shown}\nl\\n\nl\\n/a\nplain\n"));

    for arguments in [&["-x", "-C", name][..], &["-x", name], &[name]] {
        let outcome = tar(arguments, directory.path(), &archive);
        assert!(!outcome.errors.contains(['\x1b', '\x07']), "{outcome:?}");
        assert!(!outcome.errors.contains("\ntar: /etc"), "{outcome:?}");
    }
    let mut command = Command::new(PROGRAM);
    command.args(["rm", "-v", "l\n", name]);
    let outcome = run(command, directory.path(), b"");
    assert_eq!(outcome.output, b"removed 'l\\n'\n");
    assert!(
        outcome.errors.contains(&format!("cannot remove '{shown}'")),
        "{outcome:?}"
    );
}
