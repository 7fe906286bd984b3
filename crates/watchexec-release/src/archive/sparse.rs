//! The holes of sparse files, which `tar --sparse` and, by default, bsdtar leave out of an archive.
//!
//! The tar library reads GNU's own form of sparse files. The form of pax archives, version 1.0,
//! looks to it like a file with a different name, whose content starts with a map of the data (GNU
//! tar manual, "Storing Sparse Files"). No tar writes the older versions 0.0 and 0.1 by default;
//! they are not supported.

use std::ffi::OsStr;
use std::io::{self, Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use tar::Entry;

/// The size of a block, to which the map is padded.
const BLOCK: usize = 512;
/// The limit of a map, in bytes.
const LARGEST_MAP: usize = 256 << 10;

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
    mut data: impl Read + 'a,
    has_map: bool,
    size: u64,
) -> io::Result<Box<dyn Read + 'a>> {
    if !has_map {
        return Ok(Box::new(data));
    }
    let size = usize::try_from(size).map_err(io::Error::other)?;
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

/// Reads the offset and the size of each piece of data: decimal numbers, a line each, after the number
/// of pieces.
fn map(data: &mut impl Read) -> io::Result<Vec<usize>> {
    let mut text = Vec::new();
    while text.len() < LARGEST_MAP {
        let mut block = [0; BLOCK];
        data.read_exact(&mut block)?;
        text.extend(block);
        // The rest of the last line is in the next block, or is the padding.
        let end = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .unwrap_or_default();
        let lines =
            str::from_utf8(text.get(..end).unwrap_or_default()).map_err(io::Error::other)?;
        let numbers: Result<Vec<usize>, _> = lines.lines().map(str::parse).collect();
        let mut numbers = numbers.map_err(io::Error::other)?.into_iter();
        if let Some(pieces) = numbers.next()
            && numbers.len() / 2 >= pieces
        {
            return Ok(numbers.take(pieces.saturating_mul(2)).collect());
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}
