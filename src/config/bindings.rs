//! Service bindings: files that an operator gives to a build, often with secrets.
//!
//! A binding is a folder with a file `type` and a file for each entry (Service Binding
//! Specification for Kubernetes, "Workload Projection", which the CNB platform spec adopts).

use super::environment::{ConfigError, Environment};
use printable::printable;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use watchexec_release::regular_file::read_text;

/// The variable with the bindings' directory, by the Service Binding Specification for Kubernetes.
const SERVICE_BINDING_ROOT: &str = "SERVICE_BINDING_ROOT";
/// The variable with the bindings' directory, on older platforms.
const CNB_BINDINGS: &str = "CNB_BINDINGS";

/// The file with the type of a binding, and the folder of its entries: today's form, and that of
/// platforms older than the Service Binding Specification.
const FORMS: [(&str, &str); 2] = [("type", ""), ("metadata/kind", "secret")];

/// One entry of a binding. It has no `Debug`: its content may be a secret.
pub(super) struct Entry {
    /// Its file, to name it to people.
    pub path: PathBuf,
    /// Its content, trimmed.
    pub content: String,
}

/// The folder of a build's bindings.
pub(super) struct Bindings(PathBuf);

impl Bindings {
    /// Finds the folder: `SERVICE_BINDING_ROOT`, else `CNB_BINDINGS`, else `bindings` in the
    /// platform directory.
    pub(super) fn locate(environment: &Environment) -> Self {
        let root = [SERVICE_BINDING_ROOT, CNB_BINDINGS]
            .iter()
            .find_map(|name| environment.non_empty(name))
            .map(PathBuf::from);
        Self(root.unwrap_or_else(|| environment.platform_dir.join("bindings")))
    }

    /// Reads every entry of the bindings of a type, whose name is compared without case. No folder
    /// means no bindings.
    ///
    /// # Errors
    /// A file or folder cannot be read.
    pub(super) fn of_type(&self, wanted: &str) -> Result<Vec<Entry>, ConfigError> {
        let mut entries = Vec::new();
        for binding in children(&self.0)? {
            for (file, folder) in FORMS {
                let kind = read(&binding.join(file))?;
                if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)) {
                    continue;
                }
                for path in children(&binding.join(folder))? {
                    if !["type", "provider"].contains(&name(&path).as_str())
                        && let Some(content) = read(&path)?
                    {
                        entries.push(Entry { path, content });
                    }
                }
            }
        }
        Ok(entries)
    }
}

/// The error for a file or folder of a binding.
pub(super) fn unusable(path: &Path, why: impl std::fmt::Display) -> ConfigError {
    let setting = printable(path).to_string();
    ConfigError::of(&setting, &format!("{setting}: {why}"))
}

/// The sorted content of a folder; empty if the folder does not exist. Names that start with a dot
/// are left out: Kubernetes keeps the versions of a mounted secret under `..data` and `..<time>`.
fn children(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let entries: io::Result<Vec<_>> = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect),
    };
    let entries = entries.map_err(|error| unusable(folder, error))?;
    let mut children: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    children.retain(|path| !name(path).starts_with('.'));
    children.sort();
    Ok(children)
}

/// The trimmed text of a file; `None` if there is no such file, or if it is a folder.
fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    match read_text(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::IsADirectory => Ok(None),
        Err(error) => Err(unusable(path, error)),
    }
}

/// Not there, or below something that is not a folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The name of a file in lower case.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn bindings(files: &[(&str, &str)]) -> (TempDir, Bindings) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let root = folder.path().to_owned();
        (folder, Bindings(root))
    }

    /// The names and the content of all entries of a type.
    fn content(bindings: &Bindings, wanted: &str) -> Vec<(String, String)> {
        let entries = bindings.of_type(wanted).unwrap().into_iter();
        entries
            .map(|entry| (name(&entry.path), entry.content))
            .collect()
    }

    fn owned(entries: &[(&str, &str)]) -> Vec<(String, String)> {
        let entries = entries.iter();
        entries
            .map(|(name, content)| ((*name).to_owned(), (*content).to_owned()))
            .collect()
    }

    #[test]
    fn prefers_service_binding_root() {
        let root = |variables: &[(&str, &str)]| Bindings::locate(&Environment::of(variables)).0;
        assert_eq!(root(&[]), Path::new("/platform/bindings"));
        assert_eq!(root(&[(CNB_BINDINGS, "/b")]), Path::new("/b"));
        assert_eq!(
            root(&[(CNB_BINDINGS, "/b"), (SERVICE_BINDING_ROOT, "/a")]),
            Path::new("/a")
        );
        assert_eq!(
            root(&[(CNB_BINDINGS, "/b"), (SERVICE_BINDING_ROOT, "")]),
            Path::new("/b")
        );
    }

    #[test]
    fn compares_types_without_case_and_trims_values() {
        let (_folder, bindings) = bindings(&[
            ("one/type", "Dependency-Mapping\n"),
            ("one/provider", "someone"),
            ("one/KEY", " value \n"),
            ("two/type", "dependency-mapping"),
            ("two/other", "2"),
            ("three/type", "else"),
            ("three/key", "3"),
            ("without-type/key", "4"),
            ("a-file", ""),
        ]);
        let expected = owned(&[("key", "value"), ("other", "2")]);
        assert_eq!(content(&bindings, "dependency-mapping"), expected);
    }

    #[test]
    fn reads_the_older_form() {
        let (_folder, bindings) = bindings(&[
            ("one/metadata/kind", "Dependency-Mapping\n"),
            ("one/metadata/provider", "someone"),
            ("one/secret/KEY", "value\n"),
            ("two/metadata/kind", "else"),
            ("two/secret/other", "2"),
        ]);
        let expected = owned(&[("key", "value")]);
        assert_eq!(content(&bindings, "dependency-mapping"), expected);
    }

    #[test]
    fn finds_no_bindings_without_a_folder() {
        let bindings = Bindings(PathBuf::from("/missing/bindings"));
        assert_eq!(content(&bindings, "a"), []);
    }

    #[test]
    fn reads_mounts_of_kubernetes_once() {
        let (folder, bindings) = bindings(&[("b/..2026/type", "a"), ("b/..2026/key", "value")]);
        let binding = folder.path().join("b");
        symlink("..2026", binding.join("..data")).unwrap();
        symlink("..data/type", binding.join("type")).unwrap();
        symlink("..data/key", binding.join("key")).unwrap();
        assert_eq!(content(&bindings, "a"), owned(&[("key", "value")]));
    }

    #[test]
    fn reads_entries_of_one_name() {
        let (_folder, bindings) = bindings(&[
            ("one/type", "a"),
            ("one/key", "1"),
            ("two/type", "a"),
            ("two/KEY", "2"),
        ]);
        let expected = owned(&[("key", "1"), ("key", "2")]);
        assert_eq!(content(&bindings, "a"), expected);
    }

    #[test]
    fn reads_types_and_entries_in_any_encoding() {
        let (folder, bindings) = bindings(&[("bom/type", "\u{feff}a\n"), ("bom/key", "\u{feff}1")]);
        let latin_1 = folder.path().join("latin-1");
        fs::create_dir(&latin_1).unwrap();
        fs::write(latin_1.join("type"), b"caf\xE9").unwrap();
        fs::write(folder.path().join("bom/comment"), b"caf\xE9").unwrap();
        let expected = owned(&[("comment", "caf\u{fffd}"), ("key", "1")]);
        assert_eq!(content(&bindings, "a"), expected);
    }

    #[test]
    fn reads_small_regular_files_only() {
        for name in ["type", "key"] {
            for (why, is_fifo) in [("not a regular file", true), ("larger than 1.0 MB", false)] {
                let (folder, bindings) = bindings(&[("one/type", "a"), ("one/directory/file", "")]);
                let path = folder.path().join("one").join(name);
                let _ = fs::remove_file(&path);
                if is_fifo {
                    let mode = rustix::fs::Mode::from_raw_mode(0o600);
                    rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
                } else {
                    fs::write(&path, vec![b'x'; 2 << 20]).unwrap();
                }
                let error = bindings.of_type("a").err().unwrap();
                assert!(error.why.ends_with(&format!("{name}: {why}")), "{error}");
            }
        }
    }
}
