//! Replacing files.

use nix::fcntl::OFlag;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tempfile::TempPath;

/// Puts a file or link in its place.
pub(super) fn put_in_place(mut temporary: TempPath, target: &Path) -> io::Result<()> {
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

/// Renames a file or link. It replaces an empty directory, as with GNU tar.
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
pub(super) fn admits_only_overwriting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::ResourceBusy
    )
}

/// Opens an existing file, and never one that a link leads to.
pub(super) fn open_for_overwriting(target: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(target)
}

/// Replaces the content of a file. Its mode and owner stay.
pub(super) fn overwrite(target: File, content: &mut File) -> io::Result<()> {
    let mut target = target;
    target.set_len(0)?;
    io::copy(content, &mut target).map(drop)
}
