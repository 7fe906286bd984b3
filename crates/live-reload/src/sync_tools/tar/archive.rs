//! The members of an archive: headers, the extended headers before them, and sparse files.
//!
//! The library decodes headers. Its own reader of archives takes each newline for the end of a pax
//! record, reads extended headers of any size, and gives holes as zeros to write.

use super::attributes::pax_time;
use nix::sys::time::TimeSpec;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

const BLOCK: u64 = 512;

/// The largest extended header, and the largest map of a sparse file.
const LIMIT: u64 = 1 << 20;

/// A member of an archive.
pub(super) struct Member {
    pub(super) header: Header,
    pub(super) name: Vec<u8>,
    /// The target of a link.
    pub(super) link: Vec<u8>,
    /// From a pax record.
    pub(super) modified: Option<TimeSpec>,
    /// The positions and lengths of the parts of a sparse file.
    parts: Vec<(u64, u64)>,
    /// Why it cannot be copied.
    pub(super) problem: Option<io::Error>,
}

/// What extended headers say of the next member.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    modified: Option<TimeSpec>,
    size: Option<u64>,
    user: Option<u64>,
    group: Option<u64>,
    problem: Option<io::Error>,
}

/// Reads an archive, member by member.
pub(super) struct Archive<R> {
    input: R,
    /// The part of the current member's content that was not read yet.
    left: u64,
    /// The zeros after it.
    padding: u64,
}

impl<R: BufRead> Archive<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            left: 0,
            padding: 0,
        }
    }

    /// The next member, or `None` at the end.
    ///
    /// # Errors
    /// The archive is damaged, or cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut extended: Option<Extended> = None;
        while let Some(header) = self.header()? {
            match header.entry_type().as_byte() {
                // Global records such as the commit of `git archive`, and the label of a volume.
                b'g' | b'V' => {}
                kind @ (b'x' | b'L' | b'K') => {
                    let extended = extended.get_or_insert_default();
                    if self.left > LIMIT {
                        extended.problem =
                            other("its name or its pax records are larger than 1 MiB").into();
                        continue;
                    }
                    let mut content = Vec::new();
                    self.pass(self.left, |part| content.write_all(part))?;
                    // A name of GNU tar ends with its first NUL.
                    let name = || content.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
                    match kind {
                        b'L' => extended.name = name(),
                        b'K' => extended.link = name(),
                        _ => extended.apply(&content),
                    }
                }
                _ => return self.member(header, extended.unwrap_or_default()).map(Some),
            }
        }
        match extended {
            Some(_) => Err(other("it ends before the header of a member")),
            None => Ok(None),
        }
    }

    /// Puts a header and the extended ones before it together.
    fn member(&mut self, mut header: Header, extended: Extended) -> io::Result<Member> {
        if let Some(size) = extended.size {
            self.set_size(size)?;
        }
        if let Some(user) = extended.user {
            header.set_uid(user);
        }
        if let Some(group) = extended.group {
            header.set_gid(group);
        }
        let name = extended.name.unwrap_or_else(|| header.path_bytes().into());
        let link = extended.link.or(header.link_name_bytes().map(Into::into));
        Ok(Member {
            name,
            link: link.unwrap_or_default(),
            modified: extended.modified,
            parts: self.parts(&header)?,
            problem: extended.problem,
            header,
        })
    }

    /// Reads the map of a sparse file: the parts that have content. The last one is where the file
    /// ends.
    fn parts(&mut self, header: &Header) -> io::Result<Vec<(u64, u64)>> {
        if !header.entry_type().is_gnu_sparse() {
            return Ok(Vec::new());
        }
        let damaged = || other("the map of a sparse file is damaged");
        let gnu = header.as_gnu().ok_or_else(damaged)?;
        let mut parts = used(&gnu.sparse)?;
        let (mut is_extended, mut length) = (gnu.is_extended(), 0_u64);
        while is_extended {
            length = length.saturating_add(BLOCK);
            if length > LIMIT {
                return Err(other("the map of a sparse file is larger than 1 MiB"));
            }
            let mut more = GnuExtSparseHeader::new();
            self.input.read_exact(more.as_mut_bytes())?;
            parts.extend(used(more.sparse())?);
            is_extended = more.is_extended();
        }
        parts.push((gnu.real_size()?, 0));
        let (mut content, mut end) = (0_u64, 0);
        for (position, length) in &parts {
            // Each part starts at a block of the archive, and after the one before.
            if *position < end || *length > 0 && !content.is_multiple_of(BLOCK) {
                return Err(damaged());
            }
            content = content.checked_add(*length).ok_or_else(damaged)?;
            end = position.checked_add(*length).ok_or_else(damaged)?;
        }
        if content == self.left {
            Ok(parts)
        } else {
            Err(damaged())
        }
    }

    /// Writes the content of the current member into an empty file. Holes stay holes.
    ///
    /// # Errors
    /// The archive ends within it, or a read or write fails.
    pub(super) fn copy(&mut self, member: &Member, file: &mut File) -> io::Result<()> {
        for (position, length) in &member.parts {
            file.seek(SeekFrom::Start(*position))?;
            self.pass(*length, |part| file.write_all(part))?;
        }
        match member.parts.last() {
            Some((end, _)) => file.set_len(*end),
            None => self.pass(self.left, |part| file.write_all(part)),
        }
    }

    /// Reads to the end of the input. Archives are padded to whole records, which their writer
    /// wants to get rid of.
    pub(super) fn drain(mut self) -> io::Result<()> {
        io::copy(&mut self.input, &mut io::sink()).map(drop)
    }

    /// Reads the next header. `None` at the end of the archive.
    fn header(&mut self) -> io::Result<Option<Header>> {
        self.left = self.left.saturating_add(self.padding);
        self.pass(self.left, |_| Ok(()))?;
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut header = Header::new_old();
        self.input.read_exact(header.as_mut_bytes())?;
        let bytes = header.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // The field of the checksum counts as blanks.
        let fields = [&bytes[..148], &[b' '; 8], &bytes[156..]];
        let sum: u32 = fields.into_iter().flatten().copied().map(u32::from).sum();
        if sum != header.cksum()? {
            return Err(other("the checksum of a header is wrong"));
        }
        self.set_size(header.entry_size()?)?;
        Ok(Some(header))
    }

    /// Notes the size of the content that follows.
    fn set_size(&mut self, size: u64) -> io::Result<()> {
        let end = size.checked_next_multiple_of(BLOCK);
        let end = end.ok_or_else(|| other("the size of a member is too large"))?;
        (self.left, self.padding) = (size, end.saturating_sub(size));
        Ok(())
    }

    /// Passes `length` bytes of the content to `to`.
    fn pass(
        &mut self,
        mut length: u64,
        mut to: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        while length > 0 {
            let buffer = self.input.fill_buf()?;
            let most = usize::try_from(length).unwrap_or(usize::MAX);
            let part = buffer.get(..most).unwrap_or(buffer);
            if part.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (result, read) = (to(part), part.len());
            self.input.consume(read);
            length = length.saturating_sub(read as u64);
            self.left = self.left.saturating_sub(read as u64);
            result?;
        }
        Ok(())
    }
}

impl Extended {
    /// Applies the records of a pax header. Each starts with its own length in decimal digits; its
    /// value may hold any bytes, newlines too.
    fn apply(&mut self, mut records: &[u8]) {
        while !records.is_empty() {
            let record = record(records);
            records = record.map_or(&[], |[_, _, rest]| rest);
            if record
                .and_then(|[key, value, _]| self.set(key, value))
                .is_none()
            {
                self.problem = Some(other("its pax records are damaged"));
            }
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"path" => self.name = Some(value.into()),
            b"linkpath" => self.link = Some(value.into()),
            // One that the system cannot represent is ignored: the content matters.
            b"mtime" => self.modified = str::from_utf8(value).ok().and_then(pax_time),
            b"size" => self.size = Some(number(value)?),
            b"uid" => self.user = Some(number(value)?),
            b"gid" => self.group = Some(number(value)?),
            key if key.starts_with(b"GNU.sparse.") => {
                self.problem = Some(other(
                    "it is a sparse file in the pax format, which this tar cannot read: create the \
                     archive without --sparse, or with --no-read-sparse of bsdtar",
                ));
            }
            _ => {}
        }
        Some(())
    }
}

/// Key and value of the first of some records, and the others.
fn record(records: &[u8]) -> Option<[&[u8]; 3]> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(records.get(..space)?)?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let text = record.strip_suffix(b"\n")?.get(space.checked_add(1)?..)?;
    let equals = text.iter().position(|byte| *byte == b'=')?;
    Some([
        text.get(..equals)?,
        text.get(equals.checked_add(1)?..)?,
        rest,
    ])
}

fn number(digits: &[u8]) -> Option<u64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The used part of the map of a sparse file.
fn used(blocks: &[GnuSparseHeader]) -> io::Result<Vec<(u64, u64)>> {
    let used = blocks.iter().filter(|block| !block.is_empty());
    used.map(|block| Ok((block.offset()?, block.length()?)))
        .collect()
}

fn other(error: &'static str) -> io::Error {
    io::Error::other(error)
}

/// Turns the name of a member, or the target of a hard link, into a path below the target
/// directory: without `/` at the start and without `.`, as GNU tar does. `None` if it contains
/// `..`.
pub(super) fn below(name: &[u8]) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in Path::new(OsStr::from_bytes(name)).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            Component::ParentDir => return None,
        }
    }
    Some(path)
}
