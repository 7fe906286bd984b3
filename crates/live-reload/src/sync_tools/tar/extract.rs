//! The extraction of an archive, member by member.

use super::archive::{Archive, Member, below};
use super::arguments::Arguments;
use super::attributes::{Attributes, Rules};
use super::input::is_stop;
use super::place::{admits_only_overwriting, open_file, overwrite, put_in_place, spool};
use super::problems::Problems;
use super::stages::{Place, Stages, last, parent};
use crate::output::print;
use crate::sync_tools::open_directory::open_directory_at;
use printable::printable;
use rustix::fs::{AtFlags, Mode, OFlags, linkat, mkdirat, openat, statat, symlinkat, unlinkat};
use rustix::io::Errno;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Seek};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tar::EntryType;

/// `PATH_MAX`, `path_resolution(7)`.
const LONGEST: usize = 4096;

/// Extracts an archive below a directory.
///
/// # Errors
/// The archive itself cannot be read. Its complete members are in place nevertheless, unless a
/// signal has ended the extraction.
pub(super) fn extract(
    input: impl BufRead,
    target: OwnedFd,
    arguments: &Arguments,
    problems: &mut Problems,
) -> io::Result<()> {
    let mut extraction = Extraction {
        stages: Stages::new(target),
        rules: Rules::of(arguments),
        pending: HashMap::new(),
        taken: 0,
        directories: BTreeMap::new(),
    };
    let mut archive = Archive::new(input);
    let result = extraction.take_all(&mut archive, arguments.verbose, problems);
    if result.as_ref().is_err_and(is_stop) {
        return result;
    }
    extraction.finish(problems);
    result?;
    archive.drain()
}

/// An extraction under way. All paths are relative to the target directory.
struct Extraction {
    stages: Stages,
    rules: Rules,
    /// Files and links that are put in place at the end, each with its position among all of them,
    /// by which it is named in the stage of its directory.
    pending: HashMap<PathBuf, u32>,
    /// The number of members that became pending so far.
    taken: u32,
    /// New directories, with the attributes that they get once they are filled; a directory that
    /// has no member of its own has none.
    directories: BTreeMap<PathBuf, Option<Attributes>>,
}

impl Extraction {
    /// Takes all members out of the archive, until a signal arrives.
    fn take_all(
        &mut self,
        archive: &mut Archive<impl BufRead>,
        verbose: bool,
        problems: &mut Problems,
    ) -> io::Result<()> {
        while let Some(mut member) = archive.next()? {
            if verbose {
                print(printable(OsStr::from_bytes(&member.name)));
            }
            let taken = match member.problem.take() {
                Some(problem) => Err(problem),
                None => self.take(archive, &member),
            };
            match taken {
                Err(error) if is_stop(&error) => return Err(error),
                Err(error) => problems.log_for(&member.name, &error),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Takes one member out of the archive.
    fn take(&mut self, archive: &mut Archive<impl BufRead>, member: &Member) -> io::Result<()> {
        let path = below(&member.name).ok_or_else(|| io::Error::other("its name contains '..'"))?;
        let kind = member.header.entry_type();
        // Archives of the 1970s have no type for directories.
        let is_directory = kind.is_dir() || kind.is_file() && member.name.ends_with(b"/");
        if path.as_os_str().is_empty() {
            return if is_directory {
                // The target directory itself.
                Ok(())
            } else {
                Err(io::Error::other("its name is empty"))
            };
        }
        // As in the kernel, to which no program could pass a longer path.
        if path.as_os_str().len() >= LONGEST {
            return Err(Errno::NAMETOOLONG.into());
        }
        self.check_ancestors(&path)?;
        let link = || {
            let link = Some(member.link.as_slice()).filter(|link| !link.is_empty());
            link.ok_or_else(|| io::Error::other("it is a link without a target"))
        };
        match kind {
            _ if is_directory => {
                let attributes = self.rules.attributes(&member.header, member.modified)?;
                self.make_directory(&path, Some(attributes))
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let attributes = self.rules.attributes(&member.header, member.modified)?;
                self.write_file(&path, &attributes, |file| archive.copy(member, file))
            }
            EntryType::Symlink => {
                let text = OsStr::from_bytes(link()?);
                self.stage(&path, |stage, temporary| {
                    Ok(symlinkat(text, stage, temporary)?)
                })
            }
            EntryType::Link => {
                let existing = below(link()?)
                    .ok_or_else(|| io::Error::other("it is a link whose target contains '..'"))?;
                self.check_ancestors(&existing)?;
                match self.link_file(&existing, &path) {
                    // As GNU tar does, whatever was missing.
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        self.enter(&path)?;
                        self.link_file(&existing, &path)
                    }
                    result => result,
                }
            }
            kind => Err(io::Error::other(format!(
                "it is neither a file nor a directory nor a link (type '{}')",
                kind.as_byte().escape_ascii()
            ))),
        }
    }

    /// Refuses a path that leads through a file or link of the archive.
    fn check_ancestors(&self, path: &Path) -> io::Result<()> {
        let mut ancestors = path.ancestors().skip(1);
        match ancestors.find(|ancestor| self.pending.contains_key(*ancestor)) {
            Some(ancestor) => Err(io::Error::other(format!(
                "{} is in the archive too, and is not a directory",
                printable(ancestor)
            ))),
            None => Ok(()),
        }
    }

    /// Makes a directory, or leaves an existing one as it is. Without attributes, for a directory
    /// that has no member of its own, it gets the mode that directories have by default, and
    /// replaces no file.
    fn make_directory(&mut self, path: &Path, attributes: Option<Attributes>) -> io::Result<()> {
        self.discard(path);
        let (place, name) = (self.enter(path)?, last(path));
        // Its owner must be able to fill it, so the mode of the archive is set at the end.
        let mode = if attributes.is_some() { 0o700 } else { 0o777 };
        let make = || mkdirat(&place.directory, name, Mode::from_raw_mode(mode));
        if let Err(error) = make() {
            match open_directory_at(place.directory.as_fd(), name) {
                Ok(_) => {
                    if let Some(made) = self.directories.get_mut(path) {
                        *made = attributes;
                    }
                    return Ok(());
                }
                Err(other) if !is_missing(&other) => return Err(other),
                Err(_) if error == Errno::EXIST && attributes.is_some() => {
                    unlinkat(&place.directory, name, AtFlags::empty())?;
                }
                Err(_) => return Err(error.into()),
            }
            make()?;
        }
        self.directories.insert(path.to_owned(), attributes);
        Ok(())
    }

    /// Opens the directory that a path is in, with the missing ones made.
    fn enter(&mut self, path: &Path) -> io::Result<Rc<Place>> {
        match self.stages.enter(path) {
            Err(error) if error.kind() == ErrorKind::NotFound && path != Path::new("") => {
                self.make_directory(parent(path), None)?;
                self.stages.enter(path)
            }
            result => result,
        }
    }

    /// Makes a file or link in the stage of its directory, and remembers it for the end. It
    /// replaces an earlier member of the same name.
    fn stage(
        &mut self,
        path: &Path,
        make: impl FnOnce(BorrowedFd<'_>, &Path) -> io::Result<()>,
    ) -> io::Result<()> {
        self.enter(path)?;
        let place = self.stages.make(path)?;
        self.taken = self.taken.saturating_add(1);
        let temporary = temporary(self.taken);
        if let Err(error) = make(place.stage()?, &temporary) {
            unlinkat(place.stage()?, &temporary, AtFlags::empty()).ok();
            return Err(error);
        }
        self.discard(path);
        self.pending.insert(path.to_owned(), self.taken);
        Ok(())
    }

    /// Removes an earlier member of this name that is pending.
    fn discard(&mut self, path: &Path) {
        if let Some(order) = self.pending.remove(path)
            && let Ok(place) = self.stages.enter(path)
            && let Ok(stage) = place.stage()
        {
            unlinkat(stage, temporary(order), AtFlags::empty()).ok();
        }
    }

    /// Writes a file into the stage, or over the existing file where its directory admits no new
    /// one: a user may be allowed to change a file only.
    fn write_file(
        &mut self,
        path: &Path,
        attributes: &Attributes,
        copy: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.enter(path).and_then(|_| self.stages.make(path)) {
            Ok(_) => self.stage(path, |stage, temporary| {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let mode = Mode::RUSR | Mode::WUSR;
                let mut file = File::from(openat(stage, temporary, flags, mode)?);
                copy(&mut file)?;
                attributes.apply(&file)
            }),
            Err(error) if admits_only_overwriting(&error) => {
                let open = |place: Rc<Place>| {
                    open_file(place.directory.as_fd(), last(path), OFlags::WRONLY)
                };
                let Ok(target) = self.stages.enter(path).and_then(open) else {
                    return Err(error);
                };
                // The old content stays until the new one has arrived completely.
                let mut spool = spool()?;
                copy(&mut spool)?;
                spool.rewind()?;
                overwrite(target, &mut spool)?;
                self.discard(path);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a file, or a symbolic link, another name.
    fn link_file(&mut self, existing: &Path, path: &Path) -> io::Result<()> {
        let place = self.stages.enter(existing)?;
        let (source, from) = match self.pending.get(existing) {
            Some(order) => (place.stage()?, temporary(*order)),
            None => (place.directory.as_fd(), last(existing).into()),
        };
        let identity = |directory: BorrowedFd<'_>, name: &Path| {
            let metadata = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            io::Result::Ok((metadata.st_dev, metadata.st_ino))
        };
        // rename(2) keeps both names if they are of the same file.
        let linked = identity(source, &from)?;
        let replaced = self.stages.enter(path);
        let replaced = replaced.and_then(|place| identity(place.directory.as_fd(), last(path)));
        if replaced.is_ok_and(|replaced| replaced == linked) {
            self.discard(path);
            return Ok(());
        }
        self.stage(path, |stage, temporary| {
            Ok(linkat(source, &from, stage, temporary, AtFlags::empty())?)
        })
    }

    /// Puts everything in its place.
    fn finish(mut self, problems: &mut Problems) {
        let mut pending: Vec<_> = mem::take(&mut self.pending).into_iter().collect();
        // In the order of the archive: a later link may replace a directory of an earlier file.
        pending.sort_unstable_by_key(|(_, order)| *order);
        for (path, order) in pending {
            // What is replaced may be an empty directory.
            self.stages.remove(&path);
            let result = self.stages.enter(&path).and_then(|place| {
                let directory = place.directory.as_fd();
                put_in_place(place.stage()?, &temporary(order), directory, last(&path))
            });
            if let Err(error) = result {
                problems.log_for(path.as_os_str().as_bytes(), &error);
                self.pending.insert(path, order);
            }
        }
        self.clean_up();
        // Inner ones first: the mode of an outer one may forbid access.
        for (path, attributes) in mem::take(&mut self.directories).into_iter().rev() {
            let Some(attributes) = attributes else {
                continue;
            };
            match self.set_attributes(&path, &attributes) {
                // A later member has replaced it.
                Err(error) if error.kind() == ErrorKind::NotADirectory => {}
                Err(error) => problems.log_for(path.as_os_str().as_bytes(), &error),
                Ok(()) => {}
            }
        }
    }

    fn set_attributes(&mut self, path: &Path, attributes: &Attributes) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = self.stages.enter(path)?;
        let directory = openat(&place.directory, last(path), flags, Mode::empty())?;
        attributes.apply(&directory.into())
    }

    /// Removes everything that has a temporary name.
    fn clean_up(&mut self) {
        let pending: Vec<_> = self.pending.keys().cloned().collect();
        for path in pending {
            self.discard(&path);
        }
        self.stages.remove_all();
    }
}

/// When a signal has ended the extraction.
impl Drop for Extraction {
    fn drop(&mut self) {
        self.clean_up();
    }
}

/// The name of a pending member in its stage.
fn temporary(order: u32) -> PathBuf {
    format!("{order}.tmp").into()
}

/// Whether there is no directory of a name: nothing, a file, or a link that leads nowhere.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
