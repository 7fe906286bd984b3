//! Entries of a tar, with the holes of sparse files filled.
//!
//! `tar --sparse` leaves the holes of a file out of the archive, and bsdtar does so by default. The
//! tar library reads GNU's own form. The form for pax archives, version 1.0, looks to it like a file
//! with another name, whose content starts with a map of the data (GNU tar manual, "Storing Sparse
//! Files"). The older pax versions 0.0 and 0.1, which no tar writes by default, are not supported.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use tar::EntryType;

/// The size of a block, to which the map is padded.
const BLOCK: u64 = 512;
/// The limit of pieces in a map, which is kept in memory.
const PIECES: u64 = 10_000;

/// An entry of a tar.
pub(super) struct Entry<'a, R: Read> {
    /// Its path in the archive.
    pub path: PathBuf,
    /// The size of its content, holes included.
    pub size: u64,
    pub is_file: bool,
    pub is_directory: bool,
    /// Whether its content starts with a map.
    has_map: bool,
    entry: tar::Entry<'a, R>,
}

impl<'a, R: Read> Entry<'a, R> {
    pub(super) fn new(mut entry: tar::Entry<'a, R>) -> io::Result<Self> {
        let (mut name, mut size) = (None, None);
        for record in entry.pax_extensions()?.into_iter().flatten().flatten() {
            match record.key_bytes() {
                b"GNU.sparse.name" => name = Some(OsStr::from_bytes(record.value_bytes()).into()),
                b"GNU.sparse.realsize" => size = record.value().ok().and_then(|v| v.parse().ok()),
                _ => {}
            }
        }
        let sparse = Option::zip(name, size);
        let kind = entry.header().entry_type();
        let is_file = matches!(
            kind,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse
        );
        let has_map = sparse.is_some();
        let (path, size) = match sparse {
            Some(sparse) => sparse,
            None => (entry.path()?.into_owned(), entry.size()),
        };
        Ok(Self {
            path,
            size,
            is_file,
            is_directory: kind.is_dir(),
            has_map,
            entry,
        })
    }

    /// The content of a file.
    pub(super) fn content(mut self) -> io::Result<impl Read> {
        let pieces = if self.has_map {
            read_map(&mut self.entry)?
        } else {
            vec![(0, self.size)]
        };
        Ok(Filled {
            data: self.entry,
            // A hole at the end.
            pieces: pieces.into_iter().chain([(self.size, 0)]),
            position: 0,
            hole: 0,
            piece: 0,
        })
    }
}

/// Reads the offset and the size of each piece of data: decimal numbers, a line each, preceded by
/// the number of pieces.
fn read_map(content: &mut impl Read) -> io::Result<Vec<(u64, u64)>> {
    let mut length: u64 = 0;
    let mut number = || -> io::Result<u64> {
        let mut number: u64 = 0;
        loop {
            let mut byte = [0];
            content.read_exact(&mut byte)?;
            length += 1;
            let [byte] = byte;
            if byte == b'\n' {
                return Ok(number);
            }
            number = char::from(byte)
                .to_digit(10)
                .and_then(|digit| number.checked_mul(10)?.checked_add(digit.into()))
                .ok_or_else(|| invalid("the map of a sparse file is invalid"))?;
        }
    };
    let pieces = number()?;
    if pieces > PIECES {
        return Err(invalid("a sparse file has too many pieces"));
    }
    let mut map = Vec::new();
    for _ in 0..pieces {
        map.push((number()?, number()?));
    }
    let padding = length.next_multiple_of(BLOCK) - length;
    io::copy(&mut content.take(padding), &mut io::sink())?;
    Ok(map)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The content of a file, with zeros for its holes.
struct Filled<R, P> {
    data: R,
    /// The offset and the size of each further piece of data.
    pieces: P,
    /// The end of the current piece.
    position: u64,
    /// Bytes left of the hole before the current piece.
    hole: u64,
    /// Bytes left of the current piece.
    piece: u64,
}

impl<R: Read, P: Iterator<Item = (u64, u64)>> Read for Filled<R, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.hole == 0 && self.piece == 0 {
            let Some((offset, size)) = self.pieces.next() else {
                return Ok(0);
            };
            (self.hole, self.piece) = offset
                .checked_sub(self.position)
                .zip(Some(size))
                .ok_or_else(|| invalid("the pieces of a sparse file overlap"))?;
            self.position = offset.saturating_add(size);
        }
        if self.hole > 0 {
            let length = io::repeat(0).take(self.hole).read(buffer)?;
            self.hole -= length as u64;
            return Ok(length);
        }
        let length = self.data.by_ref().take(self.piece).read(buffer)?;
        if length == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.piece -= length as u64;
        Ok(length)
    }
}
