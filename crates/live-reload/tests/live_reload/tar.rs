//! `tar`, with the command lines of the tools that sync files.

use crate::image::PROGRAM;
use crate::programs;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// When the files of archives were changed: 2001-09-09 01:46:40 UTC.
const MODIFIED: u64 = 1_000_000_000;

/// An archive under construction.
pub(crate) struct Archive(Builder<Vec<u8>>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn entry(
        mut self,
        kind: EntryType,
        name: &str,
        mode: u32,
        link: &str,
        content: impl AsRef<[u8]>,
    ) -> Self {
        let content = content.as_ref();
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
        self.0.append(&header, content).unwrap();
        self
    }

    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, 0o644, "", content)
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name, 0o755, "", "")
    }

    pub(crate) fn link(self, name: &str, to: &str) -> Self {
        self.entry(EntryType::Symlink, name, 0o777, to, "")
    }

    pub(crate) fn hard_link(self, name: &str, to: &str) -> Self {
        self.entry(EntryType::Link, name, 0o644, to, "")
    }

    /// An entry whose modification time has this binary form.
    fn file_of_time(mut self, name: &str, time: [u8; 12]) -> Self {
        let mut header = Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        header.as_old_mut().mtime = time;
        header.set_cksum();
        self.0.append(&header, io::empty()).unwrap();
        self
    }

    /// A file whose owner and group are blank, as some libraries write them.
    fn file_without_owner(mut self, name: &str, blank: u8) -> Self {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_size(0);
        header.as_old_mut().uid = [blank; 8];
        header.as_old_mut().gid = [blank; 8];
        self.0.append_data(&mut header, name, io::empty()).unwrap();
        self
    }

    /// Records of a pax header for the next entry.
    pub(crate) fn pax<V: AsRef<[u8]>>(self, records: &[(&str, V)]) -> Self {
        let records = records.iter();
        let content: Vec<u8> = records
            .flat_map(|(key, value)| record(key, value.as_ref()))
            .collect();
        self.entry(EntryType::XHeader, "PaxHeader", 0o644, "", content)
    }

    /// A sparse file in the format of GNU tar: a hole of this size, and a block of content.
    pub(crate) fn sparse(mut self, name: &str, hole: u64) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_path(name).unwrap();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED);
        header.set_size(512);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.set_real_size(hole + 512);
        gnu.sparse[0].set_offset(hole);
        gnu.sparse[0].set_length(512);
        header.set_cksum();
        self.0.append(&header, &[b'x'; 512][..]).unwrap();
        self
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// A record of a pax header: its own length in decimal digits, the key and the value.
pub(crate) fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = [format!(" {key}=").as_bytes(), value, b"\n"].concat();
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    [length.to_string().as_bytes(), &rest].concat()
}

/// The outcome of a call of `tar`.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) output: Vec<u8>,
    pub(crate) errors: String,
}

impl Outcome {
    pub(crate) fn succeeded(&self) {
        assert_eq!((self.status, self.errors.as_str()), (0, ""));
    }

    /// The error has this text, and the exit status that Tilt knows.
    pub(crate) fn failed(&self, text: &str) {
        assert_eq!(self.status, 2, "{self:?}");
        assert!(self.errors.contains(text), "{}", self.errors);
    }
}

/// Runs a command of `tar` in a directory.
pub(crate) fn run(mut command: Command, directory: &Path, input: &[u8]) -> Outcome {
    command
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = programs::start(&mut command);
    // `tar` may have ended before reading everything.
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        output: output.stdout,
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn tar(arguments: &[&str], directory: &Path, input: &[u8]) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.arg("tar").args(arguments);
    run(command, directory, input)
}

/// Extracts an archive into a directory as Tilt does.
pub(crate) fn extract(archive: Archive, directory: &Path) -> Outcome {
    let into = directory.to_str().unwrap();
    tar(
        &["-C", into, "-x", "-f", "-"],
        Path::new("/"),
        &archive.bytes(),
    )
}

pub(crate) fn target() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(directory: &TempDir, name: &str) -> String {
    fs::read_to_string(directory.path().join(name)).unwrap()
}

/// The names in a directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
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
        (
            "--no-same-permissions --no-same-owner -xmf - -C DIR",
            archive(),
        ),
        ("xzp -C DIR/.", compressed), // DevSpace
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
fn extracts_every_form_of_name_below_the_directory() {
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
fn refuses_a_name_that_leads_out_and_extracts_the_rest() {
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
fn never_writes_through_a_link_of_the_archive() {
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
    outcome.failed("link/planted: Cannot be copied: link is in the archive too");
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
fn replaces_a_link_in_the_place_of_a_file() {
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
fn keeps_an_existing_link_to_a_directory() {
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
fn replaces_existing_files_by_links() {
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
fn makes_hard_links_only_below_the_directory() {
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
fn keeps_an_existing_hard_link_without_leftovers() {
    let directory = target();
    fs::write(directory.path().join("file"), "").unwrap();
    fs::hard_link(directory.path().join("file"), directory.path().join("same")).unwrap();
    extract(Archive::new().hard_link("same", "file"), directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["file", "same"]);
}

#[test]
fn replaces_the_file_of_a_running_program() {
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
fn replaces_a_file_by_a_directory_but_not_the_reverse() {
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
fn keeps_existing_directories_unchanged() {
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
fn sets_the_mode_of_a_directory_once_it_is_filled() {
    let directory = target();
    let archive = Archive::new()
        .entry(EntryType::Directory, "d/", 0o555, "", "")
        .directory("d/e/")
        .file("d/e/f", "");
    extract(archive, directory.path()).succeeded();
    let metadata = directory.path().join("d").metadata().unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o555);
    assert_eq!(metadata.mtime(), MODIFIED.cast_signed());
    // For the clean-up, if it does not run as root.
    fs::set_permissions(directory.path().join("d"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn takes_times_from_the_archive_unless_told_otherwise() {
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
fn applies_the_umask_unless_told_otherwise() {
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

#[test]
fn names_members_of_unsupported_kinds() {
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
fn extracts_complete_entries_of_a_cut_archive() {
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
fn reads_the_padding_of_an_archive() {
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
fn rejects_an_empty_archive() {
    for options in ["-xf", "-xzf"] {
        tar(&[options, "-"], target().path(), b"").failed(
            "tar: The archive is damaged or has been cut off (it is empty). The files before that \
             point were copied; copy again.\n",
        );
    }
}

#[test]
fn accepts_an_archive_without_entries() {
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
fn rejects_invalid_arguments() {
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
            "/missing/directory: Not a directory. Create it first, or name a different one with -C.\n",
        ),
        (&["-f", "-"], "only extracts"),
        (&["-xf", "-", "member"], "unknown argument 'member'"),
        (
            &["-xf", "missing.tar"],
            "tar: Cannot open the archive: No such file",
        ),
        (&[], "only extracts"),
    ] {
        tar(arguments, directory.path(), b"").failed(text);
    }
}

#[test]
fn refuses_to_create_archives_and_says_why() {
    let directory = target();
    fs::write(directory.path().join("a"), "a").unwrap();
    for arguments in [
        &["cf", "-", "a"][..],
        &["-c", "a"],
        &["--create", "a"],
        &["-xc"],
        &["czf", "a.tar.gz", "a"],
    ] {
        let outcome = tar(arguments, directory.path(), b"");
        outcome.failed("exec.d");
        assert_eq!(outcome.output, b"", "{arguments:?}");
    }
    assert_eq!(names(directory.path()), ["a"]);
}

/// A directory that its user cannot write to, with a file that the user can.
pub(crate) struct Unwritable {
    directory: TempDir,
    program: PathBuf,
}

impl Unwritable {
    pub(crate) fn new() -> Self {
        let directory = target();
        // Where that user can reach it, as it may not be in a home directory.
        let program = directory.path().join("live-reload");
        programs::write(&program, fs::read(PROGRAM).unwrap());
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let unwritable = Self { directory, program };
        fs::create_dir(unwritable.path()).unwrap();
        fs::write(unwritable.path().join("file"), "old").unwrap();
        fs::set_permissions(
            unwritable.path().join("file"),
            Permissions::from_mode(0o666),
        )
        .unwrap();
        fs::set_permissions(unwritable.path(), Permissions::from_mode(0o555)).unwrap();
        unwritable
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("sub")
    }

    /// Puts something in the place of the file.
    pub(crate) fn replace_file(&self, make: impl FnOnce()) {
        fs::set_permissions(self.path(), Permissions::from_mode(0o755)).unwrap();
        fs::remove_file(self.path().join("file")).unwrap();
        make();
        fs::set_permissions(self.path(), Permissions::from_mode(0o555)).unwrap();
    }

    /// Extracts as an unprivileged user if the tests run as root, who can write everywhere, and
    /// otherwise as the current user.
    pub(crate) fn extract(&self, archive: &[u8], temporary: &str) -> Outcome {
        const NOBODY: u32 = 65534;
        let mut command = Command::new("timeout");
        command
            .arg("60")
            .arg(&self.program)
            .args(["tar", "-xf", "-"])
            .env("TMPDIR", temporary);
        if nix::unistd::Uid::effective().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        run(command, &self.path(), archive)
    }

    fn content(&self) -> String {
        fs::read_to_string(self.path().join("file")).unwrap()
    }
}

impl Drop for Unwritable {
    fn drop(&mut self) {
        // For the clean-up, if it does not run as root.
        fs::set_permissions(self.path(), Permissions::from_mode(0o755)).ok();
    }
}

#[test]
fn overwrites_a_file_whose_directory_is_not_writable() {
    let archive = Archive::new().file("file", "new").file("other", "").bytes();
    for temporary in ["/tmp", "/missing/directory"] {
        let target = Unwritable::new();
        let outcome = target.extract(&archive, temporary);
        outcome.failed("other: Cannot be copied: Permission denied");
        outcome.failed(
            ". The container's user has no write permission there: build the image with live \
             reload on, which makes the app group-writable, and run the container as a user in the \
             build user's group\n",
        );
        assert!(!outcome.errors.contains("file: "), "{outcome:?}");
        assert_eq!(target.content(), "new", "{temporary}");
        assert_eq!(names(&target.path()), ["file"]);
    }
}

#[test]
fn keeps_the_old_file_when_the_transfer_is_cut() {
    let archive = Archive::new().file("file", &"new".repeat(1000)).bytes();
    let target = Unwritable::new();
    let outcome = target.extract(&archive[..512 * 3], "/tmp");
    assert_eq!(target.content(), "old");
    outcome.failed("file: Cannot be copied: unexpected end of file");
}

#[test]
fn replaces_an_empty_directory_by_a_file_or_a_link() {
    let directory = target();
    for name in ["file", "link", "hard"] {
        fs::create_dir(directory.path().join(name)).unwrap();
    }
    let archive = Archive::new()
        .file("file", "content")
        .link("link", "file")
        .hard_link("hard", "file");
    extract(archive, directory.path()).succeeded();
    assert_eq!(text(&directory, "file"), "content");
    assert_eq!(text(&directory, "hard"), "content");
    assert!(directory.path().join("link").is_symlink());
    assert_eq!(names(directory.path()), ["file", "hard", "link"]);
}

#[test]
fn accepts_global_headers_and_volume_labels() {
    let directory = target();
    let comment = "52 comment=5f3f1d4b8a5d0e1a2b3c4d5e6f708192a3b4c5d6\n";
    let archive = Archive::new()
        .entry(EntryType::new(b'V'), "a label", 0, "", "")
        .entry(
            EntryType::XGlobalHeader,
            "pax_global_header",
            0o666,
            "",
            comment,
        )
        .file("file", "content");
    extract(archive, directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["file"]);
}

#[test]
fn accepts_files_without_an_owner() {
    let directory = target();
    let archive = Archive::new()
        .file_without_owner("null", 0)
        .file_without_owner("spaces", b' ');
    extract(archive, directory.path()).succeeded();
    assert_eq!(names(directory.path()), ["null", "spaces"]);
}

#[test]
fn accepts_any_modification_time() {
    for options in ["-xf", "-xmf"] {
        let directory = target();
        let mut negative = [0xff; 12];
        negative[11] = 0xfe;
        let archive = Archive::new()
            .file_of_time("latest", [0xff; 12].map(|byte| byte & 0xbf))
            .file_of_time("text", *b"tomorrow\0\0\0\0")
            .file_of_time("before-1970", negative)
            .pax(&[("mtime", "-0.25")])
            .file("fraction", "")
            .pax(&[("mtime", "99999999999999999999999")])
            .file("later", "")
            .bytes();
        tar(&[options, "-"], directory.path(), &archive).succeeded();
        assert_eq!(
            names(directory.path()),
            ["before-1970", "fraction", "later", "latest", "text"]
        );
        if options == "-xf" {
            let time = |name: &str| {
                let metadata = directory.path().join(name).metadata().unwrap();
                (metadata.mtime(), metadata.mtime_nsec())
            };
            assert_eq!(time("before-1970"), (-2, 0));
            assert_eq!(time("fraction"), (-1, 750_000_000));
        }
    }
}

#[test]
fn refuses_posix_sparse_files() {
    for sparse in [
        &[("GNU.sparse.major", "1"), ("GNU.sparse.name", "a")][..],
        &[("GNU.sparse.size", "1048576"), ("GNU.sparse.map", "0,1")],
    ] {
        let directory = target();
        let archive = Archive::new()
            .pax(sparse)
            .file("GNUSparseFile.0/a", "garbage")
            .file("b", "");
        extract(archive, directory.path()).failed("sparse");
        assert_eq!(names(directory.path()), ["b"]);
    }
}

#[test]
fn refuses_a_pax_header_that_it_cannot_read() {
    for records in [
        "9 path=a\nb\n",
        "99999 path=a\n",
        "10 path=ab",
        "path=a\n",
        "8 mtime\n",
        "0 a=\n",
        "18446744073709551616 a=\n",
        "9 size=-\n",
    ] {
        let directory = target();
        let archive = Archive::new()
            .entry(EntryType::XHeader, "PaxHeader", 0o644, "", records)
            .file("a_b", "")
            .file("c", "");
        extract(archive, directory.path())
            .failed(": Cannot be copied: its pax records are damaged\n");
        assert_eq!(names(directory.path()), ["c"], "{records}");
    }
}

#[test]
fn extracts_into_a_directory_whose_name_is_not_utf_8() {
    let parent = target();
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::create_dir(parent.path().join(name)).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["tar", "-xf", "-", "-C"]).arg(name);
    let archive = Archive::new().file("a", "content").bytes();
    run(command, parent.path(), &archive).succeeded();
    assert_eq!(names(&parent.path().join(name)), ["a"]);
}

#[test]
fn ignores_leftovers_of_an_interrupted_sync() {
    let directory = target();
    // The process of the interrupted sync had the same number as this one.
    let mut command = Command::new("/bin/sh");
    let script = format!("touch .live-reload-$$-1.tmp; exec '{PROGRAM}' tar -xf -");
    command.args(["-c", &script]);
    let archive = Archive::new().file("a", "content").bytes();
    run(command, directory.path(), &archive).succeeded();
    assert_eq!(text(&directory, "a"), "content");
}

#[test]
fn later_entries_replace_earlier_ones_of_any_kind() {
    let directory = target();
    let archive = Archive::new()
        .file("file-directory", "")
        .directory("file-directory/")
        .file("file-directory/a", "")
        .directory("directory-file/")
        .file("directory-file", "content")
        .file("link-of-the-first", "first")
        .hard_link("hard", "link-of-the-first")
        .file("link-of-the-first", "second")
        .link("link-file", "a")
        .file("link-file", "content");
    extract(archive, directory.path()).succeeded();
    assert_eq!(names(&directory.path().join("file-directory")), ["a"]);
    assert_eq!(text(&directory, "directory-file"), "content");
    assert_eq!(text(&directory, "hard"), "first");
    assert_eq!(text(&directory, "link-of-the-first"), "second");
    assert_eq!(text(&directory, "link-file"), "content");
}

#[test]
fn extracts_thousands_of_links() {
    const LINKS: usize = 30_000;
    let directory = target();
    let archive = (0..LINKS).fold(Archive::new(), |archive, number| {
        archive.link(&format!("link-{number}"), "to")
    });
    // Comparing each link with each other takes minutes.
    let mut command = Command::new("timeout");
    command.args(["60", PROGRAM, "tar", "-xf", "-"]);
    run(command, directory.path(), &archive.bytes()).succeeded();
    assert_eq!(names(directory.path()).len(), LINKS);
}
