//! Service bindings: files that an operator gives to a build, often with secrets.
//!
//! A binding is a folder with a file `type` and a file for each entry (Service Binding
//! Specification for Kubernetes, "Workload Projection", which the CNB platform spec adopts).

use super::environment::{ConfigError, Environment};
use std::collections::{BTreeMap, btree_map};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use watchexec_release::text::read_text;

/// The variable with the bindings' directory, by the Service Binding Specification for Kubernetes.
const SERVICE_BINDING_ROOT: &str = "SERVICE_BINDING_ROOT";
/// The variable with the bindings' directory, on older platforms.
const CNB_BINDINGS: &str = "CNB_BINDINGS";

/// The bindings of one type, as one table from entry name to content.
pub(super) type Entries = BTreeMap<String, Entry>;

/// One entry of a binding. It is read when its content is needed: some entries are for other programs.
#[derive(Clone)]
pub(super) struct Entry {
    /// Its file, to name it to people.
    pub path: PathBuf,
}

impl Entry {
    /// Its content, trimmed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn text(&self) -> io::Result<String> {
        Ok(read_text(&self.path)?.trim().to_owned())
    }
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
        Self(root.unwrap_or_else(|| environment.platform_dir().join("bindings")))
    }

    /// Finds the entries of all bindings of a type, as one table. Their names are in lower case.
    ///
    /// # Errors
    /// A folder or a type cannot be read, or two entries have the same name.
    pub(super) fn of_type(&self, wanted: &str) -> Result<Entries, ConfigError> {
        let mut entries = Entries::new();
        for entry in self.all_of_type(wanted)? {
            match entries.entry(name(&entry.path)) {
                btree_map::Entry::Vacant(vacant) => vacant.insert(entry),
                btree_map::Entry::Occupied(first) => {
                    let first = first.get().path.display();
                    let why = format!("the same entry of type {wanted} as {first}");
                    return Err(unusable(&entry.path, why));
                }
            };
        }
        Ok(entries)
    }

    /// Finds the entries of all bindings of a type, whose name is compared without case. Without a
    /// folder there are no bindings.
    ///
    /// # Errors
    /// A folder or a type cannot be read.
    pub(super) fn all_of_type(&self, wanted: &str) -> Result<Vec<Entry>, ConfigError> {
        let mut entries = Vec::new();
        for binding in children(&self.0)? {
            let path = binding.join("type");
            let is_wanted = match read_text(&path) {
                Ok(kind) => kind.trim().eq_ignore_ascii_case(wanted),
                Err(error) if is_absent(&error) => false,
                Err(error) => return Err(unusable(&path, error)),
            };
            if is_wanted {
                let is_entry = |path: &PathBuf| {
                    !["type", "provider"].contains(&name(path).as_str())
                        && fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir())
                };
                let children = children(&binding)?.into_iter().filter(is_entry);
                entries.extend(children.map(|path| Entry { path }));
            }
        }
        Ok(entries)
    }
}

/// The error for a file or folder of a binding.
pub(super) fn unusable(path: &Path, why: impl std::fmt::Display) -> ConfigError {
    let setting = path.display().to_string();
    ConfigError {
        why: format!("{setting}: {why}"),
        setting,
    }
}

/// The sorted content of a folder; empty if the folder does not exist. Names that start with a dot are
/// left out: Kubernetes keeps the versions of a mounted secret under `..data` and `..<time>`.
fn children(folder: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect()
    };
    let mut children = match list() {
        Err(error) if is_absent(&error) => Vec::new(),
        children => children.map_err(|error| unusable(folder, error))?,
    };
    children.retain(|path| !name(path).starts_with('.'));
    children.sort();
    Ok(children)
}

/// The file does not exist, is a folder, or is below something that is not a folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// The name of a file in lower case.
fn name(path: &Path) -> String {
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

    fn content(entries: &Entries) -> Vec<(&str, String)> {
        entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry.text().unwrap()))
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
        let entries = bindings.of_type("dependency-mapping").unwrap();
        let expected = [("key", "value".to_owned()), ("other", "2".to_owned())];
        assert_eq!(content(&entries), expected);
    }

    #[test]
    fn finds_no_bindings_without_a_folder() {
        let bindings = Bindings(PathBuf::from("/missing/bindings"));
        assert_eq!(content(&bindings.of_type("a").unwrap()), []);
    }

    #[test]
    fn reads_mounts_of_kubernetes_once() {
        let (folder, bindings) = bindings(&[("b/..2026/type", "a"), ("b/..2026/key", "value")]);
        let binding = folder.path().join("b");
        symlink("..2026", binding.join("..data")).unwrap();
        symlink("..data/type", binding.join("type")).unwrap();
        symlink("..data/key", binding.join("key")).unwrap();
        let entries = bindings.of_type("a").unwrap();
        assert_eq!(content(&entries), [("key", "value".to_owned())]);
    }

    #[test]
    fn rejects_two_entries_of_one_name_only_where_names_are_unique() {
        let (_folder, bindings) = bindings(&[
            ("one/type", "a"),
            ("one/key", "1"),
            ("two/type", "a"),
            ("two/KEY", "2"),
        ]);
        let error = bindings.of_type("a").err().unwrap();
        assert!(error.setting.ends_with("two/KEY"), "{error}");
        assert!(error.why.ends_with("one/key"), "{error}");
        let all = bindings.all_of_type("a").unwrap();
        let contents: Vec<String> = all.iter().map(|entry| entry.text().unwrap()).collect();
        assert_eq!(contents, ["1", "2"]);
    }

    #[test]
    fn reads_types_and_entries_in_any_encoding() {
        let (folder, bindings) = bindings(&[("bom/type", "\u{feff}a\n"), ("bom/key", "\u{feff}1")]);
        let latin_1 = folder.path().join("latin-1");
        fs::create_dir(&latin_1).unwrap();
        fs::write(latin_1.join("type"), b"caf\xE9").unwrap();
        fs::write(latin_1.join("other"), "2").unwrap();
        fs::write(folder.path().join("bom/comment"), b"caf\xE9").unwrap();
        let entries = bindings.of_type("a").unwrap();
        let expected = [
            ("comment", "caf\u{fffd}".to_owned()),
            ("key", "1".to_owned()),
        ];
        assert_eq!(content(&entries), expected);
    }

    #[test]
    fn reads_small_regular_files_only() {
        let fifo = |path: &Path| {
            let mode = rustix::fs::Mode::from_raw_mode(0o600);
            rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
        };
        let (folder, bindings) = bindings(&[("one/type", "a"), ("one/directory/file", "")]);
        fifo(&folder.path().join("one/fifo"));
        fs::write(folder.path().join("one/large"), vec![0; 2 << 20]).unwrap();
        let entries = bindings.of_type("a").unwrap();
        assert_eq!(entries.keys().collect::<Vec<_>>(), ["fifo", "large"]);
        let why = |name: &str| entries[name].text().unwrap_err().to_string();
        assert_eq!(why("fifo"), "not a regular file");
        assert_eq!(why("large"), "larger than 1 MiB");

        fs::create_dir(folder.path().join("two")).unwrap();
        fifo(&folder.path().join("two/type"));
        let error = bindings.of_type("a").err().unwrap();
        assert!(
            error.why.ends_with("two/type: not a regular file"),
            "{error}"
        );
    }
}
