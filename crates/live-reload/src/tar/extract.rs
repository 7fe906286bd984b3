//! Reads an archive and puts what is in it where it belongs.

use super::arguments::Arguments;
use super::{Problems, below};
use crate::texts::answer;
use nix::sys::stat::{Mode, umask};
use nix::unistd::Uid;
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tar::{Archive, Entry, EntryType, Header};

/// Extracts an archive below a directory.
///
/// # Errors
/// The archive itself cannot be read. What is complete of it is in place nevertheless.
pub(super) fn extract(
    input: impl Read,
    directory: &Path,
    arguments: &Arguments,
    problems: &mut Problems,
) -> io::Result<()> {
    let mut extraction = Extraction {
        directory,
        permissions: PermissionRule::of(arguments.same_permissions),
        owner: arguments.same_owner.unwrap_or(Uid::effective().is_root()),
        touch: arguments.touch,
        files: Vec::new(),
        hard_links: Vec::new(),
        links: Vec::new(),
        directories: Vec::new(),
        temporaries: 0,
    };
    let mut archive = Archive::new(input);
    let result = archive.entries().and_then(|entries| {
        for entry in entries {
            let entry = entry?;
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
    // Archives are filled up to whole records, which whoever writes them wants to get rid of.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
}

/// An extraction under way.
struct Extraction<'a> {
    directory: &'a Path,
    permissions: PermissionRule,
    owner: bool,
    touch: bool,
    /// Files under a temporary name, and where they are to be.
    files: Vec<(PathBuf, PathBuf)>,
    /// Hard links to be made: to what, and where. Both are below the directory.
    hard_links: Vec<(PathBuf, PathBuf)>,
    /// Symbolic links to be made: what they say, and where.
    links: Vec<(PathBuf, PathBuf)>,
    /// Directories that were made, and what they are to become once they are filled.
    directories: Vec<(PathBuf, Attributes)>,
    /// How many temporary names were used.
    temporaries: usize,
}

impl Extraction<'_> {
    /// Takes one member out of the archive.
    fn take(&mut self, entry: Entry<'_, impl Read>, member: &Path) -> io::Result<()> {
        let path = below(member).ok_or_else(|| io::Error::other("its name contains '..'"))?;
        if path.as_os_str().is_empty() {
            // The directory itself, which is there.
            return Ok(());
        }
        if let Some((_, link)) = self.links.iter().find(|(_, link)| is_below(&path, link)) {
            return Err(io::Error::other(format!(
                "it would be written through the link {}, which is in the archive too",
                link.display()
            )));
        }
        let attributes = Attributes::of(entry.header())?;
        // A later member of the same name replaces an earlier one.
        self.links.retain(|(_, link)| *link != path);
        self.hard_links.retain(|(_, link)| *link != path);
        self.make_parents(&path)?;
        match entry.header().entry_type() {
            // Archives of the 1970s have no type for directories.
            kind if kind.is_dir() || kind.is_file() && ends_in_slash(&entry) => {
                self.make_directory(&path, attributes)
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let size = entry.size();
                self.write_file(&mut Complete { entry, left: size }, &path, attributes)
            }
            EntryType::Symlink => {
                self.links.push((link_name(&entry)?, path));
                Ok(())
            }
            EntryType::Link => {
                let name = link_name(&entry)?;
                let target = below(&name)
                    .ok_or_else(|| io::Error::other("it is a link whose target contains '..'"))?;
                self.hard_links.push((target, path));
                Ok(())
            }
            kind => Err(io::Error::other(format!(
                "it is neither a file nor a directory nor a link (type '{}')",
                kind.as_byte().escape_ascii()
            ))),
        }
    }

    /// Makes the directories that a path is in, with the mode that directories have by default.
    fn make_parents(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) => fs::create_dir_all(self.directory.join(parent)),
            None => Ok(()),
        }
    }

    /// Makes a directory, or leaves the one that there is as it is.
    fn make_directory(&mut self, path: &Path, attributes: Attributes) -> io::Result<()> {
        let target = self.directory.join(path);
        if target.is_dir() {
            return Ok(());
        }
        if target.symlink_metadata().is_ok() {
            fs::remove_file(&target)?;
        }
        // Until it is filled its owner must be able to write to it, whatever its mode is to be.
        DirBuilder::new().mode(0o700).create(&target)?;
        self.directories.push((target, attributes));
        Ok(())
    }

    /// Writes a file under a temporary name beside its place.
    ///
    /// Where nothing can be made in that directory, or nothing put in the file's place, the file
    /// itself is written to: a user may be allowed to change a file only, and a file can be a mount
    /// point.
    fn write_file(
        &mut self,
        content: &mut impl Read,
        path: &Path,
        attributes: Attributes,
    ) -> io::Result<()> {
        let target = self.directory.join(path);
        if target.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let temporary = self.temporary(&target);
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary);
        let mut file = match created {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return write_in_place(content, &target).map_err(|_| error);
            }
            Err(error) => return Err(error),
        };
        let written = io::copy(content, &mut file).and_then(|_| self.apply(&file, attributes));
        if let Err(error) = written {
            // What is incomplete is of no use to anyone.
            fs::remove_file(&temporary).ok();
            return Err(error);
        }
        self.files.push((temporary, target));
        Ok(())
    }

    /// Gives a file its owner, mode and time.
    fn apply(&self, file: &File, attributes: Attributes) -> io::Result<()> {
        if self.owner {
            // Before the mode: changing the owner takes the set-user-id bits away.
            fchown(file, Some(attributes.user), Some(attributes.group))?;
        }
        file.set_permissions(self.permissions.apply(attributes.mode))?;
        if !self.touch {
            file.set_times(FileTimes::new().set_modified(attributes.modified))?;
        }
        Ok(())
    }

    /// Puts everything in its place: files, then links to them, then links to anywhere.
    fn finish(mut self, problems: &mut Problems) {
        for (temporary, target) in std::mem::take(&mut self.files) {
            if let Err(error) = put_in_place(&temporary, &target) {
                fs::remove_file(&temporary).ok();
                problems.tell_of(self.member(&target), error);
            }
        }
        for (existing, path) in std::mem::take(&mut self.hard_links) {
            // A link to a link that is still to be made says the same.
            if let Some((says, _)) = self.links.iter().find(|(_, link)| *link == existing) {
                let says = says.clone();
                self.links.push((says, path));
                continue;
            }
            let existing = self.directory.join(existing);
            if let Err(error) = self.make_link(&path, |new| fs::hard_link(&existing, new)) {
                problems.tell_of(&path, error);
            }
        }
        for (says, path) in std::mem::take(&mut self.links) {
            if let Err(error) = self.make_link(&path, |new| symlink(&says, new)) {
                problems.tell_of(&path, error);
            }
        }
        // Inner ones first, as they were made last: a mode can close the way to them.
        for (directory, attributes) in std::mem::take(&mut self.directories).into_iter().rev() {
            let result = File::open(&directory).and_then(|file| self.apply(&file, attributes));
            if let Err(error) = result {
                problems.tell_of(self.member(&directory), error);
            }
        }
    }

    /// Makes a link beside its place and renames it, so that it replaces what is there.
    fn make_link(
        &mut self,
        path: &Path,
        make: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let target = self.directory.join(path);
        let temporary = self.temporary(&target);
        make(&temporary)?;
        let renamed = fs::rename(&temporary, &target);
        // Also where all went well: renaming one of two names of the same file does nothing
        // (rename(2)).
        fs::remove_file(&temporary).ok();
        renamed
    }

    /// A new name in the directory of a file, one of those that do not restart the app (see
    /// `DEFAULT_PATTERNS`).
    fn temporary(&mut self, target: &Path) -> PathBuf {
        self.temporaries += 1;
        target.with_file_name(format!(
            ".live-reload-{}-{}.tmp",
            std::process::id(),
            self.temporaries
        ))
    }

    /// A path as the archive has it.
    fn member<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(self.directory).unwrap_or(path)
    }
}

/// The content of a member, whose end comes as an error if it comes too early.
struct Complete<R> {
    entry: R,
    /// How many bytes are still to come.
    left: u64,
}

impl<R: Read> Read for Complete<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.entry.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(read)
    }
}

/// Who a file belongs to, who may do what with it, and how old it is.
#[derive(Debug, Clone, Copy)]
struct Attributes {
    user: u32,
    group: u32,
    mode: u32,
    modified: SystemTime,
}

impl Attributes {
    fn of(header: &Header) -> io::Result<Self> {
        Ok(Self {
            user: id(header.uid()?)?,
            group: id(header.gid()?)?,
            mode: header.mode()?,
            modified: SystemTime::UNIX_EPOCH + Duration::from_secs(header.mtime()?),
        })
    }
}

fn id(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| io::Error::other(format!("its owner {number} is no user")))
}

/// Which bits of a mode a file gets.
#[derive(Debug, Clone, Copy)]
struct PermissionRule {
    mask: u32,
}

impl PermissionRule {
    /// All of them with `-p`, which is root's default; else those that the umask leaves, without
    /// set-user-id, set-group-id and sticky.
    fn of(same_permissions: Option<bool>) -> Self {
        let mask = if same_permissions.unwrap_or(Uid::effective().is_root()) {
            0o7777
        } else {
            // It can only be read by setting it.
            let masked = umask(Mode::empty());
            umask(masked);
            0o777 & !masked.bits()
        };
        Self { mask }
    }

    fn apply(self, mode: u32) -> Permissions {
        Permissions::from_mode(mode & self.mask)
    }
}

/// Replaces what is at the target.
fn put_in_place(temporary: &Path, target: &Path) -> io::Result<()> {
    match fs::rename(temporary, target) {
        // A file that something is mounted on cannot be replaced, but written to; one in a
        // directory with the sticky bit is its owner's to replace.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::ResourceBusy | io::ErrorKind::PermissionDenied
            ) =>
        {
            write_in_place(&mut File::open(temporary)?, target)?;
            fs::remove_file(temporary)
        }
        result => result,
    }
}

/// Writes to the file that is there, and never through a link. Its mode and owner stay.
fn write_in_place(content: &mut impl Read, target: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(target)?;
    io::copy(content, &mut file).map(drop)
}

/// What a link says.
fn link_name(entry: &Entry<'_, impl Read>) -> io::Result<PathBuf> {
    let name = entry.link_name()?;
    name.map(std::borrow::Cow::into_owned)
        .ok_or_else(|| io::Error::other("it is a link to nothing"))
}

/// Whether a path leads through another one.
fn is_below(path: &Path, other: &Path) -> bool {
    path != other && path.starts_with(other)
}

fn ends_in_slash(entry: &Entry<'_, impl Read>) -> bool {
    entry.path_bytes().ends_with(b"/")
}
