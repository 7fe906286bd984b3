//! `tar`, with the command lines of the tools that sync files.

use crate::image::PROGRAM;
use crate::programs;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// When the files of archives were changed: 2001-09-09 01:46:40 UTC.
const MODIFIED: u64 = 1_000_000_000;

/// An archive under construction.
struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn entry(mut self, kind: EntryType, name: &str, mode: u32, link: &str, content: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED);
        header.set_size(content.len() as u64);
        // As bytes: the library refuses to write the names that this is about.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, content.as_bytes()).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, 0o644, "", content)
    }

    fn directory(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name, 0o755, "", "")
    }

    fn link(self, name: &str, to: &str) -> Self {
        self.entry(EntryType::Symlink, name, 0o777, to, "")
    }

    fn hard_link(self, name: &str, to: &str) -> Self {
        self.entry(EntryType::Link, name, 0o644, to, "")
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// What `tar` gave.
#[derive(Debug)]
struct Outcome {
    status: i32,
    output: Vec<u8>,
    errors: String,
}

impl Outcome {
    fn succeeded(&self) {
        assert_eq!((self.status, self.errors.as_str()), (0, ""));
    }

    /// The error has this text, and the exit status that Tilt knows.
    fn failed(&self, text: &str) {
        assert_eq!(self.status, 2, "{self:?}");
        assert!(self.errors.contains(text), "{}", self.errors);
    }
}

/// Runs a command of `tar` in a directory.
fn run(mut command: Command, directory: &Path, input: &[u8]) -> Outcome {
    command
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = programs::start(&mut command);
    // It can have ended before it has read everything.
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        output: output.stdout,
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

fn tar(arguments: &[&str], directory: &Path, input: &[u8]) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.arg("tar").args(arguments);
    run(command, directory, input)
}

/// Extracts an archive into a directory as Tilt does.
fn extract(archive: Archive, directory: &Path) -> Outcome {
    let into = directory.to_str().unwrap();
    tar(
        &["-C", into, "-x", "-f", "-"],
        Path::new("/"),
        &archive.bytes(),
    )
}

fn target() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(directory: &TempDir, name: &str) -> String {
    fs::read_to_string(directory.path().join(name)).unwrap()
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn extracts_for_every_tool() {
    let archive = || Archive::new().file("src/app.py", "new").bytes();
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    compressed.write_all(&archive()).unwrap();
    let compressed = compressed.finish().unwrap();
    for (arguments, input) in [
        ("-C DIR -x -f -", archive()),               // Tilt
        ("xmf - -C DIR --no-same-owner", archive()), // Skaffold
        ("-xmf - -C DIR", archive()),                // kubectl cp
        (
            "--no-same-permissions --no-same-owner -xmf - -C DIR",
            archive(),
        ), // kubectl cp
        ("xzp -C DIR/.", compressed),                // DevSpace
        ("xf - -C DIR", archive()),
        ("xfC - DIR", archive()),
        ("-xpUof- -CDIR --overwrite", archive()),
        (
            "--extract --file=- --directory=DIR --touch --numeric-owner",
            archive(),
        ),
        (
            "--get --directory / --directory DIR --same-permissions",
            archive(),
        ),
    ] {
        let directory = target();
        fs::create_dir(directory.path().join("src")).unwrap();
        fs::write(directory.path().join("src/app.py"), "old").unwrap();
        fs::write(directory.path().join("src/other.py"), "kept").unwrap();
        let path = directory.path().to_str().unwrap();
        let arguments = arguments.replace("DIR", path);
        let arguments: Vec<&str> = arguments.split(' ').collect();
        tar(&arguments, Path::new("/"), &input).succeeded();
        assert_eq!(text(&directory, "src/app.py"), "new", "{arguments:?}");
        assert_eq!(text(&directory, "src/other.py"), "kept");
        assert_eq!(names(&directory.path().join("src")), ["app.py", "other.py"]);
    }
}

#[test]
fn extracts_into_the_working_directory_without_an_option() {
    let directory = target();
    let input = Archive::new().file("a", "a").bytes();
    tar(&["x"], directory.path(), &input).succeeded();
    assert_eq!(text(&directory, "a"), "a");
}

#[test]
fn names_are_below_the_directory_however_they_are_written() {
    let directory = target();
    let long = format!("{}/file", "long-name".repeat(20));
    let mut archive = Archive::new()
        .file("/absolute", "1")
        .file("./dot//a/./b", "2");
    let mut header = Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MODIFIED);
    archive
        .0
        .append_data(&mut header, &long, &b"3"[..])
        .unwrap();
    extract(archive.directory("./").file("old/", ""), directory.path()).succeeded();
    assert_eq!(text(&directory, "absolute"), "1");
    assert_eq!(text(&directory, "dot/a/b"), "2");
    assert_eq!(text(&directory, &long), "3");
    assert!(
        directory.path().join("old").is_dir(),
        "as archives of the 1970s have it"
    );
}

#[test]
fn a_name_that_leads_out_is_refused_and_the_rest_extracted() {
    let outer = target();
    let inner = outer.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let archive = Archive::new()
        .file("../escaped", "")
        .file("a/../../escaped", "")
        .file("b", "");
    let outcome = extract(archive, &inner);
    outcome.failed("../escaped: Cannot be copied: its name contains '..'");
    assert_eq!(names(outer.path()), ["inner"]);
    assert_eq!(names(&inner), ["b"]);
}

#[test]
fn nothing_is_written_through_a_link_of_the_archive() {
    let outside = target();
    let path = outside.path().to_str().unwrap();
    let directory = target();
    let archive = Archive::new()
        .link("link", path)
        .file("link/planted", "")
        .directory("link/made")
        .link("file", &format!("{path}/target"))
        .file("file", "its own")
        .file("after", "");
    let outcome = extract(archive, directory.path());
    outcome.failed("link/planted: Cannot be copied: it would be written through the link link");
    assert_eq!(names(outside.path()), [""; 0]);
    assert_eq!(names(directory.path()), ["after", "file", "link"]);
    assert_eq!(
        fs::read_link(directory.path().join("link")).unwrap(),
        outside.path()
    );
    assert_eq!(
        text(&directory, "file"),
        "its own",
        "the later member counts"
    );
}

#[test]
fn a_link_in_a_files_place_is_replaced_not_followed() {
    let outside = target();
    fs::write(outside.path().join("file"), "outside").unwrap();
    let directory = target();
    symlink(outside.path().join("file"), directory.path().join("file")).unwrap();
    extract(Archive::new().file("file", "new"), directory.path()).succeeded();
    assert_eq!(text(&outside, "file"), "outside");
    assert!(
        directory
            .path()
            .join("file")
            .symlink_metadata()
            .unwrap()
            .is_file()
    );
}

#[test]
fn a_link_to_a_directory_that_was_there_is_kept() {
    let elsewhere = target();
    let directory = target();
    symlink(elsewhere.path(), directory.path().join("modules")).unwrap();
    let archive = Archive::new()
        .directory("modules/")
        .file("modules/a", "new");
    extract(archive, directory.path()).succeeded();
    assert!(directory.path().join("modules").is_symlink());
    assert_eq!(text(&elsewhere, "a"), "new");
}

#[test]
fn links_replace_what_is_there() {
    let directory = target();
    fs::write(directory.path().join("link"), "a file").unwrap();
    let archive = Archive::new()
        .link("link", "a/b")
        .link("again", "old")
        .link("again", "new");
    extract(archive, directory.path()).succeeded();
    let link = |name| fs::read_link(directory.path().join(name)).unwrap();
    assert_eq!((link("link"), link("again")), ("a/b".into(), "new".into()));
    assert_eq!(names(directory.path()), ["again", "link"]);
}

#[test]
fn hard_links_are_made_below_the_directory_only() {
    let outer = target();
    fs::write(outer.path().join("secret"), "").unwrap();
    let inner = outer.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let archive = Archive::new()
        .file("file", "content")
        .hard_link("same", "/file")
        .hard_link("same", "file")
        .link("link", "file")
        .hard_link("link-too", "link")
        .hard_link("stolen", "../secret");
    let outcome = extract(archive, &inner);
    outcome.failed("stolen: Cannot be copied: it is a link whose target contains '..'");
    assert_eq!(names(&inner), ["file", "link", "link-too", "same"]);
    let inode = |name: &str| inner.join(name).symlink_metadata().unwrap().ino();
    assert_eq!(inode("same"), inode("file"));
    assert_eq!(
        fs::read_link(inner.join("link-too")).unwrap(),
        Path::new("file")
    );
}

#[test]
fn a_hard_link_that_is_there_already_leaves_nothing_behind() {
    let directory = target();
    fs::write(directory.path().join("file"), "").unwrap();
    fs::hard_link(directory.path().join("file"), directory.path().join("same")).unwrap();
    extract(Archive::new().hard_link("same", "file"), directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["file", "same"]);
}

#[test]
fn the_file_of_a_running_program_is_replaced() {
    let directory = target();
    let program = directory.path().join("program");
    programs::write(&program, fs::read("/bin/sleep").unwrap());
    let mut running = programs::start(Command::new(&program).arg("600"));
    let archive = Archive::new().entry(EntryType::Regular, "program", 0o755, "", "#!/bin/true\n");
    let outcome = extract(archive, directory.path());
    running.kill().unwrap();
    running.wait().unwrap();
    outcome.succeeded();
    assert_eq!(text(&directory, "program"), "#!/bin/true\n");
}

#[test]
fn a_directory_takes_the_place_of_a_file_but_not_the_reverse() {
    let directory = target();
    fs::write(directory.path().join("a"), "").unwrap();
    fs::create_dir(directory.path().join("b")).unwrap();
    fs::write(directory.path().join("b/kept"), "").unwrap();
    let archive = Archive::new()
        .directory("a/")
        .file("a/b", "")
        .file("b", "")
        .link("b", "a");
    extract(archive, directory.path()).failed("b: Cannot be copied: ");
    assert!(directory.path().join("a/b").exists());
    assert_eq!(names(&directory.path().join("b")), ["kept"]);
    assert_eq!(names(directory.path()), ["a", "b"]);
}

#[test]
fn directories_that_are_there_stay_as_they_are() {
    let directory = target();
    let path = directory.path().join("d");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
    let archive = Archive::new().directory("d/").file("d/a", "");
    extract(archive, directory.path()).succeeded();
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o770);
    assert_ne!(metadata.mtime(), MODIFIED.cast_signed());
}

#[test]
fn a_new_directory_is_filled_before_it_is_closed() {
    let directory = target();
    let archive = Archive::new()
        .entry(EntryType::Directory, "d/", 0o555, "", "")
        .directory("d/e/")
        .file("d/e/f", "");
    extract(archive, directory.path()).succeeded();
    let metadata = directory.path().join("d").metadata().unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o555);
    assert_eq!(metadata.mtime(), MODIFIED.cast_signed());
    // For the clean-up, where that is not root's.
    fs::set_permissions(directory.path().join("d"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn times_come_from_the_archive_unless_they_are_to_be_now() {
    for (options, old) in [("-xf", true), ("-xmf", false)] {
        let directory = target();
        let archive = Archive::new().file("a", "").directory("d/").bytes();
        tar(&[options, "-"], directory.path(), &archive).succeeded();
        for name in ["a", "d"] {
            let modified = directory.path().join(name).metadata().unwrap().mtime();
            assert_eq!(modified == MODIFIED.cast_signed(), old, "{options} {name}");
        }
    }
}

#[test]
fn modes_heed_the_umask_unless_they_are_to_be_the_same() {
    for (option, mode) in [("--no-same-permissions", 0o750), ("-p", 0o4751)] {
        let directory = target();
        let mut command = Command::new("/bin/sh");
        let script = format!("umask 027; exec '{PROGRAM}' tar {option} -xf -");
        command.args(["-c", &script]);
        let archive = Archive::new().entry(EntryType::Regular, "a", 0o4751, "", "");
        run(command, directory.path(), &archive.bytes()).succeeded();
        let metadata = directory.path().join("a").metadata().unwrap();
        assert_eq!(metadata.mode() & 0o7777, mode, "{option}");
    }
}

/// A user without any rights where the tests are root's, else this one. Root may write everywhere.
fn unprivileged(arguments: &[&str], program: &Path) -> Command {
    const NOBODY: u32 = 65534;
    let mut command = Command::new(program);
    command.arg("tar").args(arguments);
    if nix::unistd::Uid::effective().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[test]
fn a_file_that_may_be_changed_but_not_replaced_is_changed() {
    let directory = target();
    let sub = directory.path().join("sub");
    fs::create_dir(&sub).unwrap();
    fs::write(sub.join("file"), "old").unwrap();
    fs::set_permissions(sub.join("file"), Permissions::from_mode(0o666)).unwrap();
    // Where that user can reach it, as it may not be in a home directory.
    let program = directory.path().join("live-reload");
    programs::write(&program, fs::read(PROGRAM).unwrap());
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&sub, Permissions::from_mode(0o555)).unwrap();
    let archive = Archive::new().file("file", "new").file("other", "").bytes();
    let outcome = run(unprivileged(&["-xf", "-"], &program), &sub, &archive);
    fs::set_permissions(&sub, Permissions::from_mode(0o755)).unwrap();
    outcome.failed("other: Cannot be copied: Permission denied");
    assert_eq!(fs::read_to_string(sub.join("file")).unwrap(), "new");
    assert_eq!(names(&sub), ["file"]);
}

#[test]
fn other_kinds_of_members_are_refused_by_name() {
    let directory = target();
    let archive = Archive::new()
        .entry(EntryType::Fifo, "fifo", 0o644, "", "")
        .entry(EntryType::Char, "null", 0o644, "", "")
        .file("a", "");
    let outcome = extract(archive, directory.path());
    outcome.failed("fifo: Cannot be copied: it is neither a file nor a directory nor a link");
    assert!(outcome.errors.contains("null: Cannot be copied"));
    assert_eq!(names(directory.path()), ["a"]);
}

#[test]
fn of_an_archive_that_was_cut_off_what_is_complete_is_there() {
    let directory = target();
    let content = "x".repeat(2000);
    let archive = Archive::new()
        .file("complete", "1")
        .file("incomplete", &content)
        .bytes();
    let outcome = tar(&["-xf", "-"], directory.path(), &archive[..512 * 4]);
    assert_eq!(outcome.status, 2);
    assert_eq!(names(directory.path()), ["complete"], "{outcome:?}");

    let outcome = tar(&["-xf", "-"], directory.path(), &[b'x'; 1024]);
    outcome.failed("The archive is damaged");
    let outcome = tar(&["-xzf", "-"], directory.path(), &archive);
    outcome.failed("The archive is damaged");
}

#[test]
fn what_fills_an_archive_up_is_read_too() {
    let directory = target();
    // More than a pipe holds: a writer that cannot get rid of it takes that for an error.
    let mut archive = Archive::new().file("a", "").bytes();
    archive.resize(1 << 20, 0);
    let mut command = Command::new(PROGRAM);
    command
        .args(["tar", "-xf", "-"])
        .current_dir(directory.path());
    let mut child = programs::start(command.stdin(Stdio::piped()));
    child.stdin.take().unwrap().write_all(&archive).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn nothing_to_extract_is_no_error() {
    let directory = target();
    tar(&["-xf", "-"], directory.path(), &Archive::new().bytes()).succeeded();
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn verbose_lists_the_members() {
    let directory = target();
    let archive = Archive::new().directory("d/").file("d/a", "").bytes();
    let outcome = tar(&["xvf", "-"], directory.path(), &archive);
    assert_eq!(outcome.output, b"d/\nd/a\n");
}

#[test]
fn what_is_wrong_with_the_arguments_is_named() {
    let directory = target();
    for (arguments, text) in [
        (&["-x", "--exclude=a"][..], "unknown option '--exclude'"),
        (&["-t", "-f", "-"], "unknown option '-t'"),
        (&["xjf", "-"], "unknown option '-j'"),
        (&["-x", "--touch=yes"], "unknown option '--touch=yes'"),
        (&["-x", "-f"], "option '-f' requires a value"),
        (&["xf"], "option 'f' requires a value"),
        (
            &["-x", "-C", "/missing/directory"],
            "/missing/directory: Cannot change to it",
        ),
        (&["-f", "-"], "either -x or -c"),
        (&["-xc"], "-x and -c cannot both"),
        (&["-xf", "-", "member"], "unknown argument 'member'"),
        (&["-c"], "-c needs the names"),
        (&["czf", "-", "a"], "unknown option '-z' for -c"),
        (&["-xf", "missing.tar"], "No such file"),
        (&[], "either -x or -c"),
    ] {
        tar(arguments, directory.path(), b"").failed(text);
    }
}

#[test]
fn writes_an_archive_as_kubectl_cp_asks() {
    let directory = target();
    let tree = directory.path().join("tree");
    fs::create_dir_all(tree.join("empty")).unwrap();
    fs::write(tree.join("file"), "content").unwrap();
    fs::set_permissions(tree.join("file"), Permissions::from_mode(0o640)).unwrap();
    symlink("file", tree.join("link")).unwrap();
    let absolute = tree.to_str().unwrap();
    for (arguments, prefix) in [
        (
            vec!["cf", "-", absolute],
            absolute.strip_prefix('/').unwrap(),
        ),
        (
            vec!["-C", directory.path().to_str().unwrap(), "-cf", "-", "tree"],
            "tree",
        ),
    ] {
        let outcome = tar(&arguments, Path::new("/"), b"");
        outcome.succeeded();
        let mut archive = tar::Archive::new(outcome.output.as_slice());
        let mut found: Vec<String> = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
            let link = entry.link_name().unwrap().unwrap_or_default().into_owned();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mode = entry.header().mode().unwrap() & 0o777;
            let name = name.strip_prefix(prefix).unwrap();
            found.push(match entry.header().entry_type() {
                EntryType::Symlink => format!("{name} -> {}", link.display()),
                EntryType::Regular => format!("{name} {mode:o} {content}"),
                _ => name.to_owned(),
            });
        }
        assert_eq!(
            found,
            ["/", "/empty/", "/file 640 content", "/link -> file"]
        );
    }
}

#[test]
fn what_cannot_be_read_is_left_out_of_an_archive_and_told() {
    let directory = target();
    fs::write(directory.path().join("a"), "a").unwrap();
    let outcome = tar(&["cvf", "-", "missing", "a", "../b"], directory.path(), b"");
    outcome.failed("missing: Cannot be copied: No such file");
    assert!(
        outcome
            .errors
            .contains("../b: Cannot be copied: its name contains '..'")
    );
    let mut archive = tar::Archive::new(outcome.output.as_slice());
    assert_eq!(archive.entries().unwrap().count(), 1);
}

#[test]
fn what_it_writes_it_can_read() {
    let from = target();
    fs::create_dir_all(from.path().join("a/b")).unwrap();
    fs::write(from.path().join("a/b/c"), "content").unwrap();
    let archive = tar(&["cf", "-", "."], from.path(), b"");
    archive.succeeded();
    let to = target();
    tar(&["xf", "-"], to.path(), &archive.output).succeeded();
    assert_eq!(text(&to, "a/b/c"), "content");
}
