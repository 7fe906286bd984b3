//! The holes of sparse files, which `tar --sparse` and, by default, bsdtar leave out of an archive.
//!
//! The tar library reads GNU's own form of sparse files. The form of pax archives, version 1.0,
//! looks to it like a file with a different name, whose content starts with a map of the data (GNU
//! tar manual, "Storing Sparse Files"). No tar writes the older versions 0.0 and 0.1 by default;
//! they are not supported.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use tar::Entry;

/// The size of a block, to which the map is padded.
const BLOCK: u64 = 512;
/// The limit of a map, in bytes: a whole number of blocks.
const LARGEST_MAP: u64 = 512 * BLOCK;

/// The name of a sparse file in the pax form, and its size with the holes.
pub(super) fn header(entry: &mut Entry<impl Read>) -> io::Result<Option<(PathBuf, u64)>> {
    let (mut name, mut size) = (None, None);
    for record in entry.pax_extensions()?.into_iter().flatten().flatten() {
        match record.key_bytes() {
            b"GNU.sparse.name" => name = Some(OsStr::from_bytes(record.value_bytes()).into()),
            b"GNU.sparse.realsize" => size = record.value().ok().and_then(|v| v.parse().ok()),
            _ => {}
        }
    }
    Ok(name.zip(size))
}

/// The content of a file. One that starts with a map has zeros for its holes, and `size` bytes.
pub(super) fn content<'a>(
    data: impl Read + 'a,
    has_map: bool,
    size: u64,
) -> io::Result<Box<dyn Read + 'a>> {
    if !has_map {
        return Ok(Box::new(data));
    }
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let mut data = BufReader::new(data);
    let mut content = Vec::new();
    for piece in map(&mut data)?.chunks_exact(2) {
        let &[offset, length] = piece else { continue };
        if offset < content.len() || length > size.saturating_sub(offset) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        content.resize(offset, 0);
        let read = (data.by_ref().take(length as u64)).read_to_end(&mut content)?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    content.resize(size, 0);
    Ok(Box::new(Cursor::new(content)))
}

/// Reads the offset and the size of each piece of data: decimal numbers, a line each, after the
/// number of pieces.
fn map(data: &mut impl BufRead) -> io::Result<Vec<usize>> {
    let mut map = data.take(LARGEST_MAP);
    let mut number = || {
        let mut line = String::new();
        map.read_line(&mut line)?;
        line.trim_end().parse::<usize>().map_err(io::Error::other)
    };
    let pieces = number()?;
    let numbers = (0..pieces.saturating_mul(2)).map(|_| number());
    let numbers = numbers.collect::<io::Result<_>>()?;
    let padding = map.limit() % BLOCK;
    io::copy(&mut map.take(padding), &mut io::sink())?;
    Ok(numbers)
}
