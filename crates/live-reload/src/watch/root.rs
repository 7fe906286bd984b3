//! The watched paths, which can be links.

use printable::printable;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A watched path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Root {
    /// As it was given, but absolute.
    pub(crate) given: PathBuf,
    /// Without links.
    pub(crate) path: PathBuf,
    /// The device, the inode number and the creation time: inode numbers are reused at once.
    id: (u64, u64, Option<SystemTime>),
}

impl Root {
    /// Resolves a path.
    ///
    /// # Errors
    /// It does not exist.
    pub(crate) fn of(given: PathBuf) -> io::Result<Self> {
        let path = given.canonicalize()?;
        let metadata = path.metadata()?;
        let id = (metadata.dev(), metadata.ino(), metadata.created().ok());
        Ok(Self { given, path, id })
    }

    /// The paths to watch.
    ///
    /// # Errors
    /// Every path that does not exist, with the error of the system: watchexec would end with an
    /// error that does not name them.
    pub(crate) fn all(paths: &[String], app_directory: &Path) -> Result<Vec<Self>, Vec<String>> {
        // The app directory, if none is given.
        let given = if paths.is_empty() {
            &[String::new()]
        } else {
            paths
        };
        let resolve = |path| {
            let path = app_directory.join(path);
            Self::of(path.clone()).map_err(|error| format!("{} ({error})", printable(&path)))
        };
        let (roots, missing): (Vec<_>, Vec<_>) = given.iter().map(resolve).partition(Result::is_ok);
        if missing.is_empty() {
            Ok(roots.into_iter().flatten().collect())
        } else {
            Err(missing.into_iter().filter_map(Result::err).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn watches_the_app_directory_by_default() {
        let roots = Root::all(&[], Path::new("/proc")).unwrap();
        assert_eq!(roots, [Root::of("/proc".into()).unwrap()]);
    }

    #[test]
    fn reports_every_missing_path() {
        let directory = tempfile::tempdir().unwrap();
        let app = directory.path().canonicalize().unwrap();
        fs::create_dir(app.join("src")).unwrap();
        let watch = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            Root::all(&paths, &app)
        };
        assert_eq!(watch(&["src/../src"]).unwrap()[0].path, app.join("src"));
        assert_eq!(
            watch(&["src", "sources", "/no/where"]).unwrap_err(),
            [
                format!(
                    "{}/sources (No such file or directory (os error 2))",
                    app.display()
                ),
                "/no/where (No such file or directory (os error 2))".to_owned()
            ]
        );
    }
}
