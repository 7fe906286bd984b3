//! The holes of sparse files, which `tar --sparse` and, by default, bsdtar leave out of an archive.
//!
//! The tar library reads GNU's own form of sparse files. The form of pax archives, version 1.0, looks
//! to it like a file with a different name, whose content starts with a map of the data (GNU tar
//! manual, "Storing Sparse Files"). No tar writes the older versions 0.0 and 0.1 by default; they are
//! not supported.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use tar::Entry;

/// The size of a block, to which the map is padded.
const BLOCK: u64 = 512;
/// The limit of pieces in a map, which is kept in memory.
const PIECES: u64 = 10_000;

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

/// The content of a file with all `size` bytes.
pub(super) fn content(mut data: impl Read, has_map: bool, size: u64) -> io::Result<impl Read> {
    let mut pieces = match has_map {
        true => read_map(&mut data)?,
        false => vec![(0, size)],
    };
    // There may be a hole at the end.
    pieces.push((size, 0));
    Ok(Filled {
        data,
        pieces: pieces.into_iter(),
        position: 0,
        hole: 0,
        piece: 0,
    })
}

/// Reads the offset and the size of each piece of data: decimal numbers, a line each, after their count.
fn read_map(data: &mut impl Read) -> io::Result<Vec<(u64, u64)>> {
    let mut length: u64 = 0;
    let mut number = || -> io::Result<u64> {
        let mut number: u64 = 0;
        loop {
            let mut byte = [0];
            data.read_exact(&mut byte)?;
            length += 1;
            let digit = match byte {
                [b'\n'] => return Ok(number),
                [byte] => char::from(byte).to_digit(10),
            };
            number = digit
                .and_then(|digit| number.checked_mul(10)?.checked_add(digit.into()))
                .ok_or(io::ErrorKind::InvalidData)?;
        }
    };
    let count = number()?;
    if count > PIECES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let map = (0..count).map(|_| Ok((number()?, number()?))).collect();
    let padding = length.next_multiple_of(BLOCK) - length;
    io::copy(&mut data.take(padding), &mut io::sink())?;
    map
}

/// Pieces of data, with zeros for the holes before them.
struct Filled<R> {
    data: R,
    /// The offset and the size of each further piece.
    pieces: std::vec::IntoIter<(u64, u64)>,
    /// The end of the current piece.
    position: u64,
    /// Bytes left of the hole before the current piece.
    hole: u64,
    /// Bytes left of the current piece.
    piece: u64,
}

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.hole == 0 && self.piece == 0 {
            let Some((offset, size)) = self.pieces.next() else {
                return Ok(0);
            };
            let hole = offset.checked_sub(self.position);
            (self.hole, self.piece) = (hole.ok_or(io::ErrorKind::InvalidData)?, size);
            self.position = offset.saturating_add(size);
        }
        if self.hole > 0 {
            let length = io::repeat(0).take(self.hole).read(buffer)?;
            self.hole -= length as u64;
            return Ok(length);
        }
        let length = self.data.by_ref().take(self.piece).read(buffer)?;
        self.piece -= length as u64;
        if length == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(length)
    }
}
