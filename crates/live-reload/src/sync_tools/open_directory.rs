//! The way to a directory in which `tar` and `rm` change something.
//!
//! Root beside an unprivileged app (`docker exec -u 0`) must not be led elsewhere by a link of that
//! app, not even by one that takes the place of a directory at the wrong moment. So each directory
//! is opened from the one above it, and a link is resolved from the same open link whose owner was
//! checked.

use printable::printable;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// The most links on the way to a directory, as in the kernel.
const MOST_LINKS: u32 = 40;

/// Opens a directory, relative to the working directory, to name files in it.
///
/// # Errors
/// There is no such directory, or a link on the way is not followed because of its owner.
pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    open_directory_at(CWD, path)
}

/// Opens a directory relative to another one.
pub(crate) fn open_directory_at(base: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    open(base, path, &mut 0)
}

fn open(base: BorrowedFd<'_>, path: &Path, links: &mut u32) -> io::Result<OwnedFd> {
    let mut opened: Option<OwnedFd> = None;
    for component in path.components() {
        let above = opened.as_ref().map_or(base, AsFd::as_fd);
        opened = Some(step(above, component.as_os_str(), links)?);
    }
    match opened {
        Some(directory) => Ok(directory),
        None => step(base, OsStr::new("."), links),
    }
}

/// Opens a directory by a single name, which may be that of a link.
fn step(base: BorrowedFd<'_>, name: &OsStr, links: &mut u32) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(base, name, flags | OFlags::DIRECTORY, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => {}
        result => return Ok(result?),
    }
    let link = openat(base, name, flags, Mode::empty())?;
    let metadata = fstat(&link)?;
    *links = links.saturating_add(1);
    if FileType::from_raw_mode(metadata.st_mode) != FileType::Symlink || *links > MOST_LINKS {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    check_owner(base, name, &metadata)?;
    let target = OsString::from_vec(readlinkat(&link, "", Vec::new())?.into_bytes());
    open(base, Path::new(&target), links)
}

/// Root follows only its own links. Other users also follow those of root, and those of whoever
/// owns the directory that they are in (as `protected_symlinks` has it, see `proc_sys_fs(5)`): the
/// links of an image belong to the user that built it.
fn check_owner(directory: BorrowedFd<'_>, name: &OsStr, link: &Stat) -> io::Result<()> {
    let (user, owner) = (geteuid().as_raw(), link.st_uid);
    if owner == user
        || user != 0 && (owner == 0 || owner == statat(directory, ".", AtFlags::empty())?.st_uid)
    {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "'{}' is a link owned by user {owner}, which user {user} does not follow. Run this as \
         user {owner}, or replace the link with a directory",
        printable(name)
    )))
}
