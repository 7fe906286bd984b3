//! `tar` and `rm` as root, beside an app whose user can change the directory, and links of other
//! users.

use crate::image::PROGRAM;
use crate::programs;
use crate::tar::{Archive, Outcome, names, run};
use nix::unistd::Uid;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tempfile::TempDir;

/// The user of the app.
const APP: u32 = 65534;

/// Another user, such as the one that built the image.
const BUILDER: u32 = 1234;

/// An app directory, and a directory outside of it that must not change. Only root can create them.
struct Beside(TempDir);

impl Beside {
    fn new() -> Option<Self> {
        if !Uid::effective().is_root() {
            return None;
        }
        let beside = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(beside.0.path(), Permissions::from_mode(0o755)).unwrap();
        for directory in [beside.app(), beside.outside()] {
            fs::create_dir(&directory).unwrap();
            fs::set_permissions(directory, Permissions::from_mode(0o777)).unwrap();
        }
        lchown(beside.app(), Some(APP), Some(APP)).unwrap();
        fs::write(beside.outside().join("kept"), "kept").unwrap();
        Some(beside)
    }

    fn app(&self) -> PathBuf {
        self.0.path().join("app")
    }

    fn outside(&self) -> PathBuf {
        self.0.path().join("outside")
    }

    /// Makes a link in the app directory, which leads out of it, for a user.
    fn link(&self, name: &str, owner: u32) {
        let link = self.app().join(name);
        symlink(self.outside(), &link).unwrap();
        lchown(link, Some(owner), Some(owner)).unwrap();
    }

    /// Runs a tool in the app directory.
    fn run(&self, user: u32, arguments: &[&str], input: &[u8]) -> Outcome {
        // Where every user can reach it.
        let program = self.0.path().join("live-reload");
        if !program.exists() {
            programs::write(&program, fs::read(PROGRAM).unwrap());
        }
        let mut command = Command::new(program);
        command.args(arguments).uid(user).gid(user);
        run(command, &self.app(), input)
    }

    fn outside_is_untouched(&self) -> bool {
        names(&self.outside()) == ["kept"]
            && fs::read_to_string(self.outside().join("kept")).unwrap() == "kept"
    }
}

#[test]
fn tar_as_root_follows_its_own_links() {
    let Some(beside) = Beside::new() else { return };
    beside.link("link", 0);
    let archive = Archive::new()
        .file("link/file", "new")
        .directory("link/directory/")
        .hard_link("hard", "link/kept");
    beside
        .run(0, &["tar", "-xf", "-"], &archive.bytes())
        .succeeded();
    let archive = Archive::new().file("directory/file", "new").bytes();
    beside
        .run(0, &["tar", "-xf", "-", "-C", "link"], &archive)
        .succeeded();
    assert_eq!(names(&beside.outside()), ["directory", "file", "kept"]);
    assert_eq!(names(&beside.outside().join("directory")), ["file"]);
    assert_eq!(names(&beside.app()), ["hard", "link"]);
}

#[test]
fn tar_as_root_follows_no_link_of_another_user() {
    let Some(beside) = Beside::new() else { return };
    beside.link("link", APP);
    for archive in [
        Archive::new().file("link/kept", "new"),
        Archive::new().file("link/new/file", "new"),
        Archive::new().directory("link/"),
        Archive::new().directory("link/directory/"),
        Archive::new().link("link/link", "kept"),
        Archive::new().hard_link("hard", "link/kept"),
    ] {
        let outcome = beside.run(0, &["tar", "-xf", "-"], &archive.file("after", "").bytes());
        outcome.failed(
            ": Cannot be copied: 'link' is a link owned by user 65534, which user 0 does not follow. Run this \
             as user 65534, or replace the link with a directory\n",
        );
        assert_eq!(names(&beside.app()), ["after", "link"]);
        assert!(beside.outside_is_untouched(), "{outcome:?}");
    }
    let archive = Archive::new().file("kept", "new").bytes();
    for target in ["link", "link/", "./link/."] {
        let outcome = beside.run(0, &["tar", "-xf", "-", "-C", target], &archive);
        outcome.failed(": Cannot open this directory: 'link' is a link owned by user 65534, which");
        assert!(beside.outside_is_untouched(), "{target}");
    }
}

#[test]
fn tar_as_root_replaces_a_link_of_another_user() {
    let Some(beside) = Beside::new() else { return };
    beside.link("link", APP);
    let archive = Archive::new().file("link", "new").bytes();
    beside.run(0, &["tar", "-xf", "-"], &archive).succeeded();
    assert_eq!(
        fs::read_to_string(beside.app().join("link")).unwrap(),
        "new"
    );
    assert!(beside.outside_is_untouched());
}

#[test]
fn rm_as_root_follows_only_its_own_links() {
    let Some(beside) = Beside::new() else { return };
    beside.link("link", APP);
    fs::create_dir(beside.outside().join("kept.d")).unwrap();
    for path in ["link/kept", "link/kept.d"] {
        let outcome = beside.run(0, &["rm", "-rf", path], b"");
        assert_eq!(outcome.status, 1);
        assert!(
            outcome.errors.starts_with(&format!(
                "rm: cannot remove '{path}': 'link' is a link owned by user 65534, which user 0 does not"
            )),
            "{outcome:?}"
        );
    }
    assert_eq!(names(&beside.outside()), ["kept", "kept.d"]);
    beside.link("own", 0);
    assert_eq!(
        beside
            .run(0, &["rm", "-r", "own/kept", "own/kept.d"], b"")
            .status,
        0
    );
    // The link itself is removed, whoever owns it.
    assert_eq!(beside.run(0, &["rm", "-r", "link", "own"], b"").status, 0);
    assert_eq!(names(&beside.outside()), [""; 0]);
    assert_eq!(names(&beside.app()), [""; 0]);
}

/// The links of an image belong to the user that built it, as their directory does.
#[test]
fn other_users_follow_links_of_whoever_owns_the_directory() {
    for (link, directory, is_followed) in [
        (APP, BUILDER, true),
        (0, BUILDER, true),
        (BUILDER, BUILDER, true),
        (BUILDER, 0, false),
        (BUILDER, APP, false),
    ] {
        let Some(beside) = Beside::new() else { return };
        beside.link("link", link);
        lchown(beside.app(), Some(directory), None).unwrap();
        let archive = Archive::new().file("link/file", "new").bytes();
        let outcome = beside.run(APP, &["tar", "-xf", "-"], &archive);
        let removed = beside.run(APP, &["rm", "-rf", "link/file"], b"");
        if is_followed {
            outcome.succeeded();
            assert_eq!((removed.status, removed.errors.as_str()), (0, ""));
        } else {
            outcome.failed("'link' is a link owned by user 1234, which user 65534 does not follow");
            assert!(removed.errors.contains("user 1234"), "{removed:?}");
        }
        assert!(beside.outside_is_untouched());
    }
}

/// Exchanges two names again and again while something runs.
fn while_swapping<R>(one: &Path, other: &Path, run: impl FnOnce() -> R) -> R {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // `rm` may have removed one of them.
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).ok();
            }
        });
        let result = run();
        is_over.store(true, Ordering::Relaxed);
        result
    })
}

/// The user of the app puts a link in the place of a directory while root copies files into it.
#[test]
fn no_swap_leads_tar_elsewhere() {
    const ROUNDS: usize = 40;
    let Some(beside) = Beside::new() else { return };
    let app = beside.app();
    beside.link("link", APP);
    for directory in ["directory", "other"] {
        fs::create_dir(app.join(directory)).unwrap();
        lchown(app.join(directory), Some(APP), None).unwrap();
    }
    // The files alternate between two directories, so that each directory is looked up again.
    let archive = (0..40).fold(Archive::new(), |archive, number| {
        archive
            .file(&format!("directory/kept{number}"), "planted")
            .file(&format!("other/{number}"), "")
            .directory(&format!("directory/new{number}/"))
    });
    let archive = archive.file("directory/kept", "planted").bytes();
    let untouched = while_swapping(&app.join("directory"), &app.join("link"), || {
        let rounds = (0..ROUNDS).take_while(|_| {
            beside.run(0, &["tar", "-xf", "-"], &archive);
            beside.outside_is_untouched()
        });
        rounds.count()
    });
    assert_eq!(untouched, ROUNDS);
}

#[test]
fn no_swap_leads_rm_elsewhere() {
    const ROUNDS: usize = 60;
    let Some(beside) = Beside::new() else { return };
    let app = beside.app();
    beside.link("link", APP);
    let tree = app.join("tree");
    for _ in 0..ROUNDS {
        // The swap may have left either of them here.
        fs::remove_file(&tree)
            .or_else(|_| fs::remove_dir_all(&tree))
            .ok();
        fs::remove_file(app.join("link"))
            .or_else(|_| fs::remove_dir_all(app.join("link")))
            .ok();
        beside.link("link", APP);
        for number in 0..20 {
            fs::create_dir_all(tree.join(format!("inner/{number}"))).unwrap();
            fs::write(tree.join(format!("inner/{number}/file")), "").unwrap();
        }
        while_swapping(&tree.join("inner"), &app.join("link"), || {
            let inner = ["tree/inner/kept"; 200];
            beside.run(0, &[&["rm", "-rf"], &inner[..], &["tree"]].concat(), b"");
        });
        assert!(beside.outside_is_untouched());
    }
}
