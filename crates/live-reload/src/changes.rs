//! The changed files of a restart, and whether more of them are on the way.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// The longest gap between two files of a sync (docs/how-it-works.md has the figures).
pub(crate) const GAP: Duration = Duration::from_millis(250);

/// How much of that gap each changed file accounts for: the more files have changed, the more are on the way.
const GAP_PER_FILE: Duration = Duration::from_millis(5);

/// Other files that change sooner after the last start belong to the same sync: tools delete files by one program,
/// and then copy files by another one.
pub(crate) const CALM: Duration = Duration::from_secs(1);

/// Changed paths.
///
/// Of files that are replaced, the temporary ones are gone by now. A file that is gone counts only if no
/// other has changed, and a directory only if no file has.
pub(crate) struct Changes<'a> {
    files: BTreeSet<&'a Path>,
    removed: BTreeSet<&'a Path>,
    directories: BTreeSet<&'a Path>,
    /// Whether a directory is new, which usually gets more files.
    grows: bool,
}

impl<'a> Changes<'a> {
    /// Each line has a kind of change and a path, `modify:/workspace/app.py`.
    pub(crate) fn read(changes: &'a str) -> Self {
        let [mut files, mut removed, mut directories] = [const { BTreeSet::new() }; 3];
        let mut grows = false;
        for (kind, path) in changes.lines().filter_map(|line| line.split_once(':')) {
            let path = Path::new(path);
            let paths = match path.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    grows |= kind == "create";
                    &mut directories
                }
                Ok(_) => &mut files,
                Err(_) => &mut removed,
            };
            paths.insert(path);
        }
        Self {
            files,
            removed,
            directories,
            grows,
        }
    }

    /// The changed files, if they are so few that no more are expected after this time without a change.
    pub(crate) fn few(&self, quiet: Duration) -> Option<&BTreeSet<&'a Path>> {
        let is_few = match self.files.len() {
            0 => false,
            1 => true,
            _ => self.gap_of_files() <= quiet,
        };
        (is_few && !self.grows).then_some(&self.files)
    }

    /// Whether all of these files are among the ones of another restart.
    pub(crate) fn are_among(&self, others: &Self) -> bool {
        self.files.is_subset(&others.files)
    }

    /// How long the next change of the same sync may take. If these changes follow others of it, it is a slow one.
    pub(crate) fn gap(&self, follows: bool) -> Duration {
        if self.files.is_empty() {
            // Deleted files or new directories.
            CALM
        } else if self.grows || follows {
            GAP
        } else {
            GAP.min(self.gap_of_files())
        }
    }

    /// The gap that all changed files together account for, however long.
    fn gap_of_files(&self) -> Duration {
        let count = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        GAP_PER_FILE.saturating_mul(count)
    }

    /// Names the first file and counts the others; `None` without changes.
    pub(crate) fn summary(&self, app: &Path) -> Option<String> {
        let kinds = [&self.files, &self.removed, &self.directories];
        let paths = kinds.into_iter().find(|paths| !paths.is_empty())?;
        let first = *paths.first()?;
        let first = first.strip_prefix(app).unwrap_or(first);
        let first = if first == Path::new("") { app } else { first }.display();
        Some(match paths.len() {
            1 => first.to_string(),
            2 => format!("{first} and 1 other file"),
            more => format!("{first} and {} other files", more.saturating_sub(1)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_the_first_changed_file_and_counts_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let app = directory.path();
        for file in ["app.py", "b.py", "c.py"] {
            fs::write(app.join(file), "").unwrap();
        }
        fs::create_dir(app.join("static")).unwrap();
        let summary = |changes: &[&str]| {
            let lines = changes.iter().map(|change| {
                let (kind, path) = change.split_once(' ').unwrap();
                format!("{kind}:{}\n", app.join(path).display())
            });
            Changes::read(&lines.collect::<String>()).summary(app)
        };
        assert_eq!(summary(&[]), None);
        for (changes, expected) in [
            (&["create app.py", "modify app.py"][..], "app.py"),
            // As editors and tar replace a file.
            (
                &["create .app.py~", "rename .app.py~", "rename app.py"],
                "app.py",
            ),
            (&["modify b.py", "modify app.py"], "app.py and 1 other file"),
            (
                &[
                    "modify b.py",
                    "modify c.py",
                    "modify app.py",
                    "create static",
                ],
                "app.py and 2 other files",
            ),
            (&["remove gone.py", "other static"], "gone.py"),
            (&["other static"], "static"),
            (&["modify /etc/hosts"], "/etc/hosts"),
        ] {
            assert_eq!(summary(changes).as_deref(), Some(expected));
        }
        let app_itself = summary(&["other "]);
        assert_eq!(app_itself, Some(app.display().to_string()));
    }

    #[test]
    fn expects_more_changes_after_several_files_and_shortly_after_others() {
        let directory = tempfile::tempdir().unwrap();
        let lines = |range: std::ops::Range<usize>| {
            let lines = range.map(|file| format!("modify:{}/{file}\n", directory.path().display()));
            lines.collect::<String>()
        };
        for file in 0..100 {
            fs::write(directory.path().join(file.to_string()), "").unwrap();
        }
        let [removed, one, two, many] = [100..120, 0..1, 0..2, 0..100].map(lines);
        let changed = Changes::read(&one);
        assert_eq!(changed.few(Duration::ZERO).unwrap().len(), 1);
        // An editor deletes its temporary files.
        assert!(
            Changes::read(&(removed.clone() + &one))
                .few(Duration::ZERO)
                .is_some()
        );
        assert!(Changes::read(&two).few(2 * GAP_PER_FILE).is_some());
        for changes in [&removed, &two, &many] {
            assert_eq!(Changes::read(changes).few(GAP_PER_FILE), None);
        }
        assert_eq!(Changes::read(&two).gap(false), 2 * GAP_PER_FILE);
        assert_eq!(Changes::read(&many).gap(false), GAP);
        assert_eq!(Changes::read(&removed).gap(false), CALM);
        assert_eq!(changed.gap(true), GAP);
        assert!(changed.are_among(&Changes::read(&two)));
        assert!(!Changes::read(&two).are_among(&changed));
        let new = format!("create:{}\n{one}", directory.path().display());
        assert_eq!(Changes::read(&new).few(GAP), None);
        assert_eq!(Changes::read(&new).gap(false), GAP);
    }
}
