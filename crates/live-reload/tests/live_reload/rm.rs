//! `rm`, with the command lines of the tools that sync files.

use crate::image::PROGRAM;
use crate::programs;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use tempfile::TempDir;

/// A directory with a file, a tree, and a link to a tree elsewhere.
struct Tree {
    directory: TempDir,
    outside: TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self {
            directory: tempfile::tempdir().unwrap(),
            outside: tempfile::tempdir().unwrap(),
        };
        let directory = tree.directory.path();
        fs::write(directory.join("file"), "").unwrap();
        fs::write(directory.join("-file"), "").unwrap();
        fs::create_dir_all(directory.join("tree/inner")).unwrap();
        fs::write(directory.join("tree/inner/file"), "").unwrap();
        fs::write(tree.outside.path().join("kept"), "").unwrap();
        symlink(tree.outside.path(), directory.join("link")).unwrap();
        symlink(tree.outside.path(), directory.join("tree/link")).unwrap();
        tree
    }

    /// Runs `rm` in the directory. Returns its exit status and output.
    fn rm(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(PROGRAM);
        command.arg("rm").args(arguments);
        let output = programs::run(command.current_dir(self.directory.path()));
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), errors)
    }

    /// Whether the name exists, also as a dangling link.
    fn has(&self, name: &str) -> bool {
        self.directory.path().join(name).symlink_metadata().is_ok()
    }

    fn outside_is_untouched(&self) -> bool {
        self.outside.path().join("kept").exists()
    }
}

#[test]
fn removes_files_and_directories() {
    // Tilt and Compose; Skaffold; both with absolute paths.
    for options in [&["-rf"][..], &["-rf", "--"][..]] {
        let tree = Tree::new();
        let absolute = tree.directory.path().join("file");
        let paths = [
            absolute.to_str().unwrap(),
            "tree",
            "link",
            "missing",
            "file/below",
        ];
        assert_eq!(tree.rm(&[options, &paths].concat()), (0, String::new()));
        assert!(!tree.has("file") && !tree.has("tree") && !tree.has("link"));
        assert!(tree.outside_is_untouched());
    }
}

#[test]
fn takes_everything_after_two_dashes_as_paths() {
    let tree = Tree::new();
    assert_eq!(tree.rm(&["-rf", "--", "-file"]).0, 0);
    assert!(!tree.has("-file"));
}

#[test]
fn never_removes_the_target_of_a_link() {
    let tree = Tree::new();
    let (status, text) = tree.rm(&["-rf", "link/"]);
    assert_eq!(status, 1);
    assert!(text.contains("'link/': it is a link"), "{text}");
    assert!(tree.outside_is_untouched());
}

#[test]
fn reports_missing_paths_without_force() {
    let tree = Tree::new();
    let (status, text) = tree.rm(&["-r", "missing", "file"]);
    assert_eq!(status, 1);
    assert!(
        text.starts_with("rm: cannot remove 'missing': No such file"),
        "{text}"
    );
    assert!(!tree.has("file"), "the others are removed");
}

#[test]
fn keeps_directories_without_recursive() {
    let tree = Tree::new();
    let (status, text) = tree.rm(&["-f", "tree"]);
    assert_eq!(status, 1);
    assert!(text.contains("'tree'"), "{text}");
    assert!(tree.has("tree/inner/file"));
}

#[test]
fn keeps_the_working_directory_and_the_root() {
    for path in [".", "..", "tree/.", "tree/..", "./"] {
        let tree = Tree::new();
        let (status, text) = tree.rm(&["-rf", path]);
        assert_eq!(status, 1, "{path}");
        assert!(text.contains("never removes '.'"), "{text}");
        assert!(tree.has("tree/inner/file"));
    }
}

#[test]
fn names_an_unknown_option() {
    let tree = Tree::new();
    for option in ["-i", "--interactive=always"] {
        let (status, text) = tree.rm(&[option, "file"]);
        assert_eq!(status, 1);
        assert!(text.starts_with("rm: unknown option '-"), "{text}");
        assert!(tree.has("file"));
    }
}

#[test]
fn requires_a_path_without_force() {
    let tree = Tree::new();
    assert_eq!(tree.rm(&["-f"]).0, 0);
    assert_eq!(tree.rm(&["-r"]).0, 1);
}
