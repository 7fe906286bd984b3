//! Text: small files that people write, and parts of sentences.

use crate::files::read;
use std::io;
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

/// Items with a separator between them.
pub fn joined(items: &[impl ToString], separator: &str) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(separator)
}

/// A number of bytes: decimal units, one digit after the point.
pub fn size(bytes: u64) -> String {
    // Exact up to 2^53 bytes, of which one digit is shown.
    #[expect(clippy::cast_precision_loss)]
    let count = bytes as f64;
    match bytes {
        1 => "1 byte".to_owned(),
        0..=999 => format!("{bytes} bytes"),
        // The next number is rounded to 1.0 MB.
        1_000..=999_949 => format!("{:.1} kB", count / 1e3),
        _ => format!("{:.1} MB", count / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, mkfifoat};
    use std::fs;

    #[test]
    fn rounds_sizes_within_their_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (2, "2 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (999_999, "1.0 MB"),
            (10_149_999, "10.1 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

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
