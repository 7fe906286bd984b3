//! Replacing files.

use nix::sys::memfd::{MFdFlags, memfd_create};
use rustix::fs::{AtFlags, Mode, OFlags, SeekFrom, openat, renameat, seek, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Puts a file or link from one directory in its place in another.
pub(super) fn put_in_place(
    stage: BorrowedFd<'_>,
    temporary: &Path,
    directory: BorrowedFd<'_>,
    name: &Path,
) -> io::Result<()> {
    match rename(stage, temporary, directory, name) {
        // A mount point cannot be replaced, but written to; in a directory with the sticky bit only
        // its owner may replace a file.
        Err(error) if admits_only_overwriting(&error) => {
            match (
                open_file(stage, temporary, OFlags::RDONLY),
                open_file(directory, name, OFlags::WRONLY),
            ) {
                (Ok(mut content), Ok(target)) => {
                    overwrite(target, &mut content)?;
                    Ok(unlinkat(stage, temporary, AtFlags::empty())?)
                }
                _ => Err(error),
            }
        }
        result => result,
    }
}

/// Renames a file or link. It replaces an empty directory, as with GNU tar.
fn rename(
    stage: BorrowedFd<'_>,
    temporary: &Path,
    directory: BorrowedFd<'_>,
    name: &Path,
) -> io::Result<()> {
    let rename = || renameat(stage, temporary, directory, name).map_err(io::Error::from);
    match rename() {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            unlinkat(directory, name, AtFlags::REMOVEDIR)?;
            rename()
        }
        result => result,
    }
}

/// Whether a file cannot be created or replaced, but perhaps written to.
pub(super) fn admits_only_overwriting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
    )
}

/// Opens an existing file, never one that a link leads to, and never a FIFO or a device, which
/// might wait for someone at its other end.
pub(super) fn open_file(
    directory: BorrowedFd<'_>,
    name: &Path,
    access: OFlags,
) -> io::Result<File> {
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(directory, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a file"))
    }
}

/// Replaces the content of a file. Its mode and owner stay, and holes stay holes.
pub(super) fn overwrite(mut target: File, content: &mut File) -> io::Result<()> {
    target.set_len(0)?;
    let length = content.metadata()?.len();
    let mut end = 0;
    while end < length {
        let start = match seek(&*content, SeekFrom::Data(end)) {
            Err(Errno::NXIO) => break,
            // Without knowledge of holes everything is content.
            start => start.unwrap_or(end),
        };
        end = seek(&*content, SeekFrom::Hole(start)).unwrap_or(length);
        content.seek(io::SeekFrom::Start(start))?;
        target.seek(io::SeekFrom::Start(start))?;
        let mut part = content.by_ref().take(end.saturating_sub(start));
        io::copy(&mut part, &mut target)?;
    }
    target.set_len(length)
}

/// Makes a file without a name, in the directory for temporary files. A tiny image may have none,
/// or a read-only one: there the file is in memory, and is limited by it.
pub(super) fn spool() -> io::Result<File> {
    tempfile::tempfile().or_else(|_| {
        let memory = memfd_create(c"live-reload", MFdFlags::MFD_CLOEXEC)?;
        Ok(File::from(memory))
    })
}
