//! Service bindings: what the operator hands to a build beside variables, often with secrets.
//!
//! A binding is a folder with a file `type` and a file for each entry (Service Binding
//! Specification for Kubernetes, "Workload Projection"; the CNB platform spec takes it over).

use crate::environment::Environment;
use std::collections::{BTreeMap, btree_map};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the bindings are, as Kubernetes names it.
pub const SERVICE_BINDING_ROOT: &str = "SERVICE_BINDING_ROOT";
/// Where the bindings are, as older platforms name it.
pub const CNB_BINDINGS: &str = "CNB_BINDINGS";

/// The bindings of one type, as one table from entry name to content.
///
/// It has no `Debug`: contents may be secrets.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Entries(BTreeMap<String, Entry>);

/// One entry of a binding.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its file, to name it to people.
    pub path: PathBuf,
    /// Its content, trimmed.
    pub content: String,
}

/// Bindings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// A folder or file cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// Two bindings of one type have an entry of the same name.
    #[error("{first} and {second} are the same entry of type {kind}")]
    Duplicate {
        /// The type.
        kind: &'static str,
        /// One file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
    },
}

/// The folder of a build's bindings.
#[derive(Debug)]
pub struct Bindings {
    root: PathBuf,
}

impl Bindings {
    /// Finds the folder: `SERVICE_BINDING_ROOT`, else `CNB_BINDINGS`, else `bindings` in the
    /// platform directory.
    #[must_use]
    pub fn locate(environment: &Environment, platform_dir: &Path) -> Self {
        let root = [SERVICE_BINDING_ROOT, CNB_BINDINGS]
            .iter()
            .find_map(|name| environment.non_empty(name))
            .map_or_else(|| platform_dir.join("bindings"), PathBuf::from);
        Self { root }
    }

    /// Reads the bindings of a type as one table. Entry names come in lower case.
    ///
    /// # Errors
    /// Something cannot be read, or two entries have one name.
    pub fn of_type(&self, wanted: &'static str) -> Result<Entries, BindingError> {
        let mut entries = BTreeMap::new();
        for entry in self.all_of_type(wanted)? {
            match entries.entry(name(&entry.path)) {
                btree_map::Entry::Vacant(vacant) => vacant.insert(entry),
                btree_map::Entry::Occupied(first) => {
                    return Err(BindingError::Duplicate {
                        kind: wanted,
                        first: first.get().path.clone(),
                        second: entry.path,
                    });
                }
            };
        }
        Ok(Entries(entries))
    }

    /// Reads every entry of the bindings of a type, whose name is compared without case. No folder
    /// means no bindings.
    ///
    /// # Errors
    /// Something cannot be read.
    pub fn all_of_type(&self, wanted: &str) -> Result<Vec<Entry>, BindingError> {
        let mut entries = Vec::new();
        for binding in children(&self.root)? {
            let Some(kind) = read(&binding.join("type"))? else {
                continue;
            };
            if !kind.eq_ignore_ascii_case(wanted) {
                continue;
            }
            for path in children(&binding)? {
                if ["type", "provider"].contains(&name(&path).as_str()) {
                    continue;
                }
                let Some(content) = read(&path)? else {
                    continue;
                };
                entries.push(Entry { path, content });
            }
        }
        Ok(entries)
    }
}

impl Entries {
    /// The entry of a name, which has to be in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// All entries, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }
}

/// What is in a folder, sorted; nothing if it is not there. Names that start with a dot are left
/// out: Kubernetes keeps the versions of a mounted secret under `..data` and `..<time>`.
fn children(folder: &Path) -> Result<Vec<PathBuf>, BindingError> {
    let unreadable = |error| BindingError::Unreadable {
        path: folder.to_owned(),
        error,
    };
    let mut children = Vec::new();
    let listing = match fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(children),
        listing => listing.map_err(unreadable)?,
    };
    for child in listing {
        let path = child.map_err(unreadable)?.path();
        if !file_name(&path).starts_with('.') {
            children.push(path);
        }
    }
    children.sort();
    Ok(children)
}

/// The trimmed text of a file; `None` if there is no such file, or if it is a folder.
fn read(path: &Path) -> Result<Option<String>, BindingError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::IsADirectory => Ok(None),
        Err(error) => Err(BindingError::Unreadable {
            path: path.to_owned(),
            error,
        }),
    }
}

/// Not there, or below something that is not a folder.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The name of the entry in a file.
fn name(path: &Path) -> String {
    file_name(path).to_lowercase()
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
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
        (folder, Bindings { root })
    }

    fn content(entries: &Entries) -> Vec<(&str, &str)> {
        entries
            .iter()
            .map(|(name, entry)| (name, entry.content.as_str()))
            .collect()
    }

    #[test]
    fn the_roots_have_an_order() {
        let root = |variables: &[(&str, &str)]| {
            Bindings::locate(&Environment::of(variables), Path::new("/platform")).root
        };
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
    fn types_are_compared_without_case_and_values_trimmed() {
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
        assert_eq!(content(&entries), [("key", "value"), ("other", "2")]);
    }

    #[test]
    fn no_folder_is_no_bindings() {
        let bindings = Bindings {
            root: PathBuf::from("/missing/bindings"),
        };
        assert_eq!(content(&bindings.of_type("a").unwrap()), []);
    }

    #[test]
    fn kubernetes_mounts_are_read_once() {
        let (folder, bindings) = bindings(&[("b/..2026/type", "a"), ("b/..2026/key", "value")]);
        let binding = folder.path().join("b");
        symlink("..2026", binding.join("..data")).unwrap();
        symlink("..data/type", binding.join("type")).unwrap();
        symlink("..data/key", binding.join("key")).unwrap();
        let entries = bindings.of_type("a").unwrap();
        assert_eq!(content(&entries), [("key", "value")]);
    }

    #[test]
    fn rejects_two_entries_of_one_name_only_where_names_are_unique() {
        let (_folder, bindings) = bindings(&[
            ("one/type", "a"),
            ("one/key", "1"),
            ("two/type", "a"),
            ("two/KEY", "2"),
        ]);
        assert!(matches!(
            bindings.of_type("a"),
            Err(BindingError::Duplicate { kind: "a", .. })
        ));
        let all = bindings.all_of_type("a").unwrap();
        let contents: Vec<&str> = all.iter().map(|entry| &*entry.content).collect();
        assert_eq!(contents, ["1", "2"]);
    }

    #[test]
    fn what_is_no_text_is_an_error() {
        let (folder, bindings) = bindings(&[("one/type", "a")]);
        fs::write(folder.path().join("one/key"), b"\xFF\xFE").unwrap();
        assert!(matches!(
            bindings.of_type("a"),
            Err(BindingError::Unreadable { .. })
        ));
        assert!(bindings.of_type("b").is_ok(), "other types are not read");
    }
}
