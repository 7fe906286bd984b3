//! Extracts an archive.

use super::arguments::Arguments;
use super::{Problems, below};
use crate::texts::answer;
use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, umask};
use nix::unistd::Uid;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, symlink,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tar::{Archive, Entry, EntryType, Header};
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
                problems.tell_of(&member, error);
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
    /// New directories, and what they become once they are filled. Those that only an entry in them
    /// has named have no attributes.
    directories: BTreeMap<PathBuf, Option<Attributes>>,
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
                let left = entry.size();
                self.write_file(&mut Complete { entry, left }, path, &attributes)
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
        // Until it is filled its owner must be able to write to it, whatever its mode is to be.
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

    /// Makes something under a temporary name beside its place. Such names do not restart the app
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
        content: &mut impl Read,
        path: PathBuf,
        attributes: &Attributes,
    ) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        match self.make_beside(&path, |name| options.open(name)) {
            Ok((mut file, temporary)) => {
                io::copy(content, &mut file)?;
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
                io::copy(content, &mut spool)?;
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
        // Renaming one of two names of the same file does nothing (rename(2)), and leaves both.
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
        // In the order of the archive: a later link may replace the way to an earlier file.
        pending.sort_unstable_by_key(|(_, pending)| pending.order);
        for (path, Pending { temporary, .. }) in pending {
            if let Err(error) = put_in_place(temporary, &self.directory.join(&path)) {
                problems.tell_of(&path, error);
            }
        }
        // Inner ones first: a mode can close the way to them.
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
                Err(error) => problems.tell_of(&path, error),
                Ok(()) => {}
            }
        }
    }
}

/// The content of a member. Its end is an error if it comes too early.
struct Complete<R> {
    entry: R,
    /// The number of bytes that are still to come.
    left: u64,
}

impl<R: Read> Read for Complete<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.entry.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "unexpected end of file",
            ));
        }
        Ok(read)
    }
}

/// Which attributes of an entry count.
struct Rules {
    owner: bool,
    times: bool,
    /// The bits of the mode: all of them with `-p`, which is root's default; else those that the
    /// umask leaves, without set-user-id, set-group-id and sticky.
    mode: u32,
}

impl Rules {
    fn of(arguments: &Arguments) -> Self {
        let is_root = Uid::effective().is_root();
        let mode = if arguments.same_permissions.unwrap_or(is_root) {
            0o7777
        } else {
            // It can only be read by setting it.
            let masked = umask(Mode::empty());
            umask(masked);
            0o777 & !masked.bits()
        };
        Self {
            owner: arguments.same_owner.unwrap_or(is_root),
            times: !arguments.touch,
            mode,
        }
    }

    fn attributes(&self, header: &Header, modified: Option<SystemTime>) -> io::Result<Attributes> {
        Ok(Attributes {
            owner: if self.owner {
                Some((id(header.uid()?)?, id(header.gid()?)?))
            } else {
                None
            },
            permissions: Permissions::from_mode(header.mode()? & self.mode),
            modified: modified
                .or_else(|| header_time(header))
                .filter(|_| self.times),
        })
    }
}

/// Who a file belongs to, who may do what with it, and how old it is.
struct Attributes {
    /// User and group.
    owner: Option<(u32, u32)>,
    permissions: Permissions,
    modified: Option<SystemTime>,
}

impl Attributes {
    fn apply(&self, file: &File) -> io::Result<()> {
        if let Some((user, group)) = self.owner {
            // Before the mode: changing the owner takes the set-user-id bits away.
            fchown(file, Some(user), Some(group))?;
        }
        file.set_permissions(self.permissions.clone())?;
        if let Some(modified) = self.modified {
            file.set_times(FileTimes::new().set_modified(modified))?;
        }
        Ok(())
    }
}

fn id(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| io::Error::other(format!("its owner {number} is no user")))
}

/// Reads the modification time from an entry's pax header, where it has one.
///
/// # Errors
/// The entry is a sparse file, which the library takes for one without holes, or it has records that
/// the library cannot read: it would pass over them, and the entry's name is often one of them.
fn read_pax(entry: &mut Entry<'_, impl Read>) -> io::Result<Option<SystemTime>> {
    let mut modified = None;
    for record in entry.pax_extensions()?.into_iter().flatten() {
        let record = record?;
        match record.key_bytes() {
            b"mtime" => modified = record.value().ok().and_then(pax_time),
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(io::Error::other(
                    "it is a sparse file in the pax format, which this tar cannot read: create \
                     the archive without --sparse",
                ));
            }
            _ => {}
        }
    }
    Ok(modified)
}

/// Reads a decimal fraction of seconds. `None` for a time that the system cannot represent.
fn pax_time(text: &str) -> Option<SystemTime> {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanoseconds = format!("{fraction:0<9.9}").parse().ok()?;
    let since = Duration::from_secs(seconds.parse().ok()?)
        .checked_add(Duration::from_nanos(nanoseconds))?;
    around_1970(since, is_negative)
}

/// Reads the modification time of a header. `None` for one that the system cannot represent.
fn header_time(header: &Header) -> Option<SystemTime> {
    let seconds = header.mtime().ok()?;
    // The library gives the two's complement of a binary number without its sign.
    let is_negative = header.as_old().mtime[0] == 0xff;
    let since = if is_negative {
        seconds.wrapping_neg()
    } else {
        seconds
    };
    around_1970(Duration::from_secs(since), is_negative)
}

fn around_1970(since: Duration, is_negative: bool) -> Option<SystemTime> {
    if is_negative {
        SystemTime::UNIX_EPOCH.checked_sub(since)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

/// Puts a file or link in its place.
fn put_in_place(mut temporary: TempPath, target: &Path) -> io::Result<()> {
    match rename(&temporary, target) {
        Ok(()) => {
            temporary.disable_cleanup(true);
            Ok(())
        }
        // A mount point cannot be replaced, but written to; in a directory with the sticky bit only
        // its owner may replace a file.
        Err(error) if admits_only_overwriting(&error) => {
            let mut options = OpenOptions::new();
            options.read(true).custom_flags(OFlag::O_NOFOLLOW.bits());
            match (options.open(&temporary), open_for_overwriting(target)) {
                (Ok(mut content), Ok(target)) => overwrite(target, &mut content),
                _ => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Renames something. An empty directory gives way, as with GNU tar.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            fs::remove_dir(to)?;
            fs::rename(from, to)
        }
        result => result,
    }
}

/// Whether a file cannot be created or replaced, but perhaps written to.
fn admits_only_overwriting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
    )
}

/// Opens an existing file, and never one that a link leads to.
fn open_for_overwriting(target: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(target)
}

/// Replaces the content of a file. Its mode and owner stay.
fn overwrite(target: File, content: &mut File) -> io::Result<()> {
    let mut target = target;
    target.set_len(0)?;
    io::copy(content, &mut target).map(drop)
}

/// Makes a file without a name, in the directory for temporary files. A tiny image may have none, or
/// none that can be written to: there the file is in memory, which its size has to fit.
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
