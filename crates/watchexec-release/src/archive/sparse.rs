//! The holes of sparse files, which `tar --sparse` and, by default, bsdtar leave out of an archive.
//!
//! The tar library reads GNU's own form of sparse files. The form of pax archives, version 1.0,
//! looks to it like a file with a different name, whose content starts with a map of the data (GNU
//! tar manual, "Storing Sparse Files"). No tar writes the older versions 0.0 and 0.1 by default;
//! they are not supported.

use std::collections::VecDeque;
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
    let mut map = vec![(0, size)];
    if has_map {
        map = read_map(&mut data)?;
    }
    // There may be a hole at the end.
    map.push((size, 0));
    let mut position: u64 = 0;
    let mut pieces = VecDeque::new();
    for (offset, size) in map {
        let hole = offset.checked_sub(position);
        pieces.push_back((hole.ok_or(io::ErrorKind::InvalidData)?, size));
        position = offset.saturating_add(size);
    }
    Ok(Filled { data, pieces })
}

/// Reads the offset and the size of each piece of data: decimal numbers, a line each, after their
/// count.
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

/// Data with zeros for its holes.
struct Filled<R> {
    data: R,
    /// Bytes of each hole, and of the data after it.
    pieces: VecDeque<(u64, u64)>,
}

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some((hole, data)) = self.pieces.front_mut() {
            if *hole > 0 {
                let length = io::repeat(0).take(*hole).read(buffer)?;
                *hole -= length as u64;
                return Ok(length);
            } else if *data > 0 {
                let length = self.data.by_ref().take(*data).read(buffer)?;
                *data -= length as u64;
                return match length {
                    0 if !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
                    length => Ok(length),
                };
            }
            self.pieces.pop_front();
        }
        Ok(0)
    }
}
