//! The extraction of an archive, entry by entry.

use super::BUFFER;
use super::arguments::Arguments;
use super::attributes::{Attributes, Rules, read_pax};
use super::place::{admits_only_overwriting, open_for_overwriting, overwrite, put_in_place};
use super::problems::Problems;
use crate::texts::answer;
use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Entry, EntryType};
use tempfile::{Builder, NamedTempFile, TempPath};

/// Extracts an archive below a directory.
///
/// # Errors
/// The archive itself cannot be read. Its complete entries are in place nevertheless.
pub(super) fn extract(
    input: impl Read,
    directory: &Path,
    arguments: &Arguments,
    problems: &mut Problems,
) -> io::Result<()> {
    let mut extraction = Extraction {
        directory,
        rules: Rules::of(arguments),
        pending: HashMap::new(),
        taken: 0,
        directories: BTreeMap::new(),
        buffer: vec![0; BUFFER],
    };
    let mut archive = Archive::new(input);
    let result = archive.entries().and_then(|entries| {
        for entry in entries {
            let entry = entry?;
            if is_about_the_archive(entry.header().entry_type()) {
                continue;
            }
            let member = entry.path()?.into_owned();
            if arguments.verbose {
                answer(member.display());
            }
            if let Err(error) = extraction.take(entry, &member) {
                problems.tell_of(&member, &error);
            }
        }
        Ok(())
    });
    extraction.finish(problems);
    result?;
    // Archives are padded to whole records, which their writer wants to get rid of.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
}

/// Whether an entry is a volume label, or global records such as the commit of `git archive`.
fn is_about_the_archive(kind: EntryType) -> bool {
    kind.is_pax_global_extensions() || kind.as_byte() == b'V'
}

/// An extraction under way. All paths are relative to the directory.
struct Extraction<'a> {
    directory: &'a Path,
    rules: Rules,
    /// Files and links that are put in place at the end.
    pending: HashMap<PathBuf, Pending>,
    /// The number of entries that became pending so far.
    taken: usize,
    /// New directories, with the attributes that they get once they are filled; a directory that has
    /// no entry of its own has none.
    directories: BTreeMap<PathBuf, Option<Attributes>>,
    /// For contents on their way.
    buffer: Vec<u8>,
}

/// A file or link that is complete under a temporary name beside its place.
struct Pending {
    /// Its position among all of them.
    order: usize,
    temporary: TempPath,
}

impl Extraction<'_> {
    /// Takes one member out of the archive.
    fn take(&mut self, mut entry: Entry<'_, impl Read>, member: &Path) -> io::Result<()> {
        let path = below(member).ok_or_else(|| io::Error::other("its name contains '..'"))?;
        let modified = read_pax(&mut entry)?;
        let kind = entry.header().entry_type();
        // Archives of the 1970s have no type for directories.
        let is_directory = kind.is_dir() || kind.is_file() && entry.path_bytes().ends_with(b"/");
        if path.as_os_str().is_empty() {
            return if is_directory {
                // The target directory itself.
                Ok(())
            } else {
                Err(io::Error::other("its name is empty"))
            };
        }
        self.check_ancestors(&path)?;
        match kind {
            _ if is_directory => {
                let attributes = self.rules.attributes(entry.header(), modified)?;
                self.make_directory(path, attributes)
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let attributes = self.rules.attributes(entry.header(), modified)?;
                self.write_file(entry, path, &attributes)
            }
            EntryType::Symlink => {
                let text = link_name(&entry)?;
                let ((), temporary) = self.make_beside(&path, |name| symlink(&text, name))?;
                self.put_off(path, temporary);
                Ok(())
            }
            EntryType::Link => {
                let existing = below(&link_name(&entry)?)
                    .ok_or_else(|| io::Error::other("it is a link whose target contains '..'"))?;
                self.check_ancestors(&existing)?;
                self.link_file(&existing, path)
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
                ancestor.display()
            ))),
            None => Ok(()),
        }
    }

    /// Remembers a file or link for the end. It replaces an earlier member of the same name.
    fn put_off(&mut self, path: PathBuf, temporary: TempPath) {
        self.taken = self.taken.saturating_add(1);
        let order = self.taken;
        self.pending.insert(path, Pending { order, temporary });
    }

    /// Makes a directory, or leaves an existing one as it is.
    fn make_directory(&mut self, path: PathBuf, attributes: Attributes) -> io::Result<()> {
        self.pending.remove(&path);
        let target = self.directory.join(&path);
        if target.is_dir() {
            if let Some(made) = self.directories.get_mut(&path) {
                *made = Some(attributes);
            }
            return Ok(());
        }
        // Its owner must be able to fill it, so the mode of the archive is set at the end.
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        let mut made = builder.create(&target);
        if let Err(error) = &made {
            match error.kind() {
                io::ErrorKind::NotFound => self.make_parents(&path)?,
                io::ErrorKind::AlreadyExists => fs::remove_file(&target)?,
                _ => return made,
            }
            made = builder.create(&target);
        }
        made?;
        self.directories.insert(path, Some(attributes));
        Ok(())
    }

    /// Makes the missing directories above a path, with the mode that directories have by default.
    fn make_parents(&mut self, path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path
            .ancestors()
            .skip(1)
            .take_while(|parent| !self.directory.join(parent).is_dir())
            .collect();
        for parent in missing.into_iter().rev() {
            fs::create_dir(self.directory.join(parent))?;
            self.directories.insert(parent.to_owned(), None);
        }
        Ok(())
    }

    /// Makes a file or link under a temporary name in its directory. Such names do not restart the app
    /// (see `DEFAULT_PATTERNS`).
    fn make_beside<R>(
        &mut self,
        path: &Path,
        mut make: impl FnMut(&Path) -> io::Result<R>,
    ) -> io::Result<(R, TempPath)> {
        let parent = path.parent().unwrap_or(Path::new(""));
        let parent = self.directory.join(parent);
        let mut builder = Builder::new();
        builder.prefix(".live-reload-").suffix(".tmp");
        match builder.make_in(&parent, &mut make) {
            // Asking for each file whether its directory exists would cost more than this.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_parents(path)?;
                builder.make_in(&parent, &mut make)
            }
            result => result,
        }
        .map(NamedTempFile::into_parts)
    }

    /// Writes a file under a temporary name, or over the existing file where its directory admits
    /// no new one: a user may be allowed to change a file only.
    fn write_file(
        &mut self,
        mut entry: Entry<'_, impl Read>,
        path: PathBuf,
        attributes: &Attributes,
    ) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        match self.make_beside(&path, |name| options.open(name)) {
            Ok((mut file, temporary)) => {
                copy_all(&mut entry, &mut file, &mut self.buffer)?;
                attributes.apply(&file)?;
                self.put_off(path, temporary);
                Ok(())
            }
            Err(error) if admits_only_overwriting(&error) => {
                let Ok(target) = open_for_overwriting(&self.directory.join(&path)) else {
                    return Err(error);
                };
                // The old content stays until the new one has arrived completely.
                let mut spool = spool()?;
                copy_all(&mut entry, &mut spool, &mut self.buffer)?;
                spool.rewind()?;
                overwrite(target, &mut spool)?;
                self.pending.remove(&path);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a file, or a symbolic link, another name.
    fn link_file(&mut self, existing: &Path, path: PathBuf) -> io::Result<()> {
        let source = match self.pending.get(existing) {
            Some(pending) => pending.temporary.to_path_buf(),
            None => self.directory.join(existing),
        };
        // rename(2) keeps both names if they are of the same file.
        if is_same_file(&source, &self.directory.join(&path)) {
            self.pending.remove(&path);
            return Ok(());
        }
        let ((), temporary) = self.make_beside(&path, |name| fs::hard_link(&source, name))?;
        self.put_off(path, temporary);
        Ok(())
    }

    /// Puts everything in its place.
    fn finish(mut self, problems: &mut Problems) {
        let mut pending: Vec<_> = self.pending.drain().collect();
        // In the order of the archive: a later link may replace a directory of an earlier file.
        pending.sort_unstable_by_key(|(_, pending)| pending.order);
        for (path, Pending { temporary, .. }) in pending {
            if let Err(error) = put_in_place(temporary, &self.directory.join(&path)) {
                problems.tell_of(&path, &error);
            }
        }
        // Inner ones first: the mode of an outer one may forbid access.
        for (path, attributes) in self.directories.into_iter().rev() {
            let Some(attributes) = attributes else {
                continue;
            };
            let result = OpenOptions::new()
                .read(true)
                .custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits())
                .open(self.directory.join(&path))
                .and_then(|directory| attributes.apply(&directory));
            match result {
                // A later member has replaced it.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => problems.tell_of(&path, &error),
                Ok(()) => {}
            }
        }
    }
}

/// Turns the name of a member, or the target of a hard link, into a path below the target directory:
/// without `/` at the start and without `.`, as GNU tar does. `None` if it contains `..`.
fn below(name: &Path) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => return None,
        }
    }
    Some(path)
}

/// Copies the content of a member, in larger pieces than `io::copy` does.
///
/// # Errors
/// The archive ends within it, or a read or write fails.
fn copy_all(
    entry: &mut Entry<'_, impl Read>,
    file: &mut File,
    buffer: &mut [u8],
) -> io::Result<()> {
    let mut left = entry.size();
    while left > 0 {
        match entry.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                file.write_all(buffer.get(..length).unwrap_or_default())?;
                left = left.saturating_sub(length as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a file without a name, in the directory for temporary files. A tiny image may have none, or
/// a read-only one: there the file is in memory, and is limited by it.
fn spool() -> io::Result<File> {
    tempfile::tempfile().or_else(|_| {
        let memory = memfd_create(c"live-reload", MFdFlags::MFD_CLOEXEC)?;
        Ok(File::from(memory))
    })
}

/// Whether two names are of the same file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        let metadata = path.symlink_metadata().ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    identity(one).is_some_and(|one| Some(one) == identity(other))
}

/// Reads the target of a link.
fn link_name(entry: &Entry<'_, impl Read>) -> io::Result<PathBuf> {
    let name = entry.link_name()?;
    name.map(Cow::into_owned)
        .ok_or_else(|| io::Error::other("it is a link without a target"))
}
