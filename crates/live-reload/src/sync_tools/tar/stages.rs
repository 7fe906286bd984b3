//! Directories of the target, each with a stage: a directory in it for files and links that wait
//! for the end of the archive.
//!
//! A stage has the name of a temporary file, which is ignored (see `default_patterns`) together
//! with what is in it. watchexec 2.7 and 2.8 get slower with each name that disappears: the stage's
//! is the only one in its directory, and the next archive uses it again.

use crate::sync_tools::open_directory::open_directory_at;
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The directory that a path is in.
pub(super) struct Place {
    pub(super) directory: OwnedFd,
    stage: OnceCell<OwnedFd>,
}

impl Place {
    pub(super) fn stage(&self) -> io::Result<BorrowedFd<'_>> {
        let stage = self.stage.get().ok_or(ErrorKind::NotFound)?;
        Ok(stage.as_fd())
    }
}

/// The stages in a target directory. All paths are relative to it.
pub(super) struct Stages {
    target: OwnedFd,
    /// The directories that have one, with its name.
    names: BTreeMap<PathBuf, PathBuf>,
    /// The last place: the neighbours of a member are mostly in its directory.
    last: Option<(PathBuf, Rc<Place>)>,
}

impl Stages {
    pub(super) fn new(target: OwnedFd) -> Self {
        Self {
            target,
            names: BTreeMap::new(),
            last: None,
        }
    }

    /// Opens the directory that a path is in, and its stage, if it has one.
    pub(super) fn enter(&mut self, path: &Path) -> io::Result<Rc<Place>> {
        let path = parent(path);
        let directory = match &self.last {
            Some((last, place)) if last == path => return Ok(Rc::clone(place)),
            // Further down.
            Some((last, place)) if let Ok(rest) = path.strip_prefix(last) => {
                open_directory_at(place.directory.as_fd(), rest)?
            }
            _ => open_directory_at(self.target.as_fd(), path)?,
        };
        let stage = match self.names.get(path) {
            Some(name) => OnceCell::from(open(&directory, name)?),
            None => OnceCell::new(),
        };
        let place = Rc::new(Place { directory, stage });
        self.last = Some((path.to_owned(), Rc::clone(&place)));
        Ok(place)
    }

    /// Makes the stage for a path, unless there is one. Its name is the first that is free: other
    /// calls of `tar` may be under way.
    pub(super) fn make(&mut self, path: &Path) -> io::Result<Rc<Place>> {
        let place = self.enter(path)?;
        let mut number = 0_u32;
        while place.stage.get().is_none() {
            number = number.saturating_add(1);
            let name = PathBuf::from(format!(".live-reload-{number}.tmp"));
            match mkdirat(&place.directory, &name, Mode::RWXU) {
                Ok(()) => {
                    let stage = open(&place.directory, &name);
                    self.names.insert(parent(path).to_owned(), name);
                    place.stage.set(stage?).ok();
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(place)
    }

    /// Removes the stage in a directory, if it has one, and nothing is left in it.
    pub(super) fn remove(&mut self, directory: &Path) {
        if let Some(name) = self.names.get(directory)
            && let Ok(opened) = open_directory_at(self.target.as_fd(), directory)
            && unlinkat(opened, name, AtFlags::REMOVEDIR).is_ok()
        {
            self.names.remove(directory);
        }
    }

    /// Removes all stages.
    pub(super) fn remove_all(&mut self) {
        self.last = None;
        for directory in self.names.keys().cloned().collect::<Vec<_>>() {
            self.remove(&directory);
        }
    }
}

fn open(directory: &OwnedFd, name: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?)
}

/// The path of the directory that a path is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The name of a path in that directory.
pub(super) fn last(path: &Path) -> &Path {
    path.file_name().map_or(Path::new("."), Path::new)
}
