//! Writes an archive of files and directories.

use super::arguments::Arguments;
use super::{Problems, below};
use crate::texts::tell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use tar::{Builder, Header};

/// Writes an archive of the members that the command line names, which are relative to the
/// directory.
///
/// # Errors
/// The archive cannot be written to.
pub(super) fn create(
    output: impl Write,
    directory: &Path,
    arguments: &Arguments,
    problems: &mut Problems,
) -> io::Result<()> {
    let mut archive = Builder::new(output);
    for member in &arguments.members {
        append(&mut archive, directory, member, arguments.verbose, problems)?;
    }
    archive.into_inner()?.flush()
}

/// Appends a member and everything below it. What cannot be read is told and left out.
fn append(
    archive: &mut Builder<impl Write>,
    directory: &Path,
    member: &Path,
    verbose: bool,
    problems: &mut Problems,
) -> io::Result<()> {
    let Some(name) = below(member) else {
        problems.tell_of(member, io::Error::other("its name contains '..'"));
        return Ok(());
    };
    // An archive of `.` has names that begin with it, as GNU tar writes them.
    let name = if name.as_os_str().is_empty() {
        Path::new(".").to_owned()
    } else {
        name
    };
    let path = directory.join(member);
    let source = match Source::open(&path) {
        Ok(source) => source,
        Err(error) => {
            problems.tell_of(member, error);
            return Ok(());
        }
    };
    if verbose {
        // Standard output may be the archive.
        tell(member.display());
    }
    let mut header = Header::new_gnu();
    header.set_metadata(source.metadata());
    match source {
        Source::Link(_, says) => archive.append_link(&mut header, name, says),
        Source::File(metadata, mut file) => {
            // A file that grows or shrinks meanwhile must not shift what follows it.
            header.set_size(metadata.len());
            let length = metadata.len();
            let mut content = io::Read::take(
                io::Read::chain(io::Read::take(&mut file, length), io::repeat(0)),
                length,
            );
            archive.append_data(&mut header, name, &mut content)
        }
        Source::Directory(_, names) => {
            header.set_size(0);
            archive.append_data(&mut header, name.join(""), io::empty())?;
            for name in names {
                append(archive, directory, &member.join(name), verbose, problems)?;
            }
            Ok(())
        }
    }
}

/// Something to put into an archive.
enum Source {
    File(fs::Metadata, File),
    Directory(fs::Metadata, Vec<std::ffi::OsString>),
    Link(fs::Metadata, std::path::PathBuf),
}

impl Source {
    fn open(path: &Path) -> io::Result<Self> {
        let metadata = path.symlink_metadata()?;
        let kind = metadata.file_type();
        if kind.is_symlink() {
            Ok(Self::Link(metadata, fs::read_link(path)?))
        } else if kind.is_dir() {
            let mut names = Vec::new();
            for entry in fs::read_dir(path)? {
                names.push(entry?.file_name());
            }
            names.sort();
            Ok(Self::Directory(metadata, names))
        } else if kind.is_file() {
            Ok(Self::File(metadata, File::open(path)?))
        } else {
            Err(io::Error::other(
                "it is neither a file nor a directory nor a link",
            ))
        }
    }

    fn metadata(&self) -> &fs::Metadata {
        match self {
            Self::File(metadata, _) | Self::Directory(metadata, _) | Self::Link(metadata, _) => {
                metadata
            }
        }
    }
}
