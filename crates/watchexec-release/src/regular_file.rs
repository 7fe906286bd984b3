//! Reading a file that somebody else provides: a regular one, of a limited size.

use crate::text::size;
use rustix::fs::OFlags;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The limit of a file that people write: bindings hold whole CA bundles, which are below 300 kB.
const LARGEST: u64 = 1 << 20;
/// What Windows editors put at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a regular file of at most 1 MiB as text, without its byte order mark. Bytes that are not
/// UTF-8 are replaced: they occur in comments, and in files that are meant for other programs.
///
/// # Errors
/// The file cannot be read, is larger, or is not a regular one.
pub fn read_text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read_bytes(path)?).into_owned())
}

/// As [`read_text`], with all bytes: passwords need not be UTF-8.
pub(crate) fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = read(path, LARGEST)?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// Reads a regular file of at most `largest` bytes.
///
/// # Errors
/// The file cannot be read, is larger, or is not a regular one.
pub(crate) fn read(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    // Opening a FIFO would otherwise wait for a writer.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = options.read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    // Reading a directory has an error of its own.
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        let why = format!("larger than {}", size(largest));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, mkfifoat};
    use std::fs;

    #[test]
    fn reads_any_bytes_as_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (bytes, text) in [
            (&b"\xEF\xBB\xBFtext\n"[..], "text\n"),
            (b"caf\xE9", "caf\u{fffd}"),
            (b"", ""),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read_text(&path).unwrap(), text);
        }
    }

    #[test]
    fn reads_small_regular_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let refused = |name: &str| read_text(&path(name)).unwrap_err();
        fs::write(path("small"), vec![b'x'; 1 << 20]).unwrap();
        assert!(read_text(&path("small")).is_ok());
        fs::write(path("large"), vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(refused("large").to_string(), "larger than 1.0 MB");
        // Without a writer, a FIFO would never be opened.
        mkfifoat(CWD, path("fifo"), Mode::from_raw_mode(0o600)).unwrap();
        assert_eq!(refused("fifo").to_string(), "not a regular file");
        assert_eq!(refused("").kind(), io::ErrorKind::IsADirectory);
        assert_eq!(refused("missing").kind(), io::ErrorKind::NotFound);
    }
}
