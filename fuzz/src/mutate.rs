//! Nearly valid archives: a valid one with some fields, blocks and bytes changed.

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use std::io::Write;
use std::ops::Range;

const BLOCK: usize = 512;

/// The fields of a header that decide anything.
const FIELDS: &[Range<usize>] = &[
    0..100,   // name
    100..108, // mode
    108..116, // user
    116..124, // group
    124..136, // size
    136..148, // modification time
    156..157, // kind
    157..257, // target of a link
    257..265, // magic and version
    345..500, // prefix, or the map of a sparse file
];

const CHECKSUM: Range<usize> = 148..156;

/// How an archive is compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Format {
    Plain,
    Gzip,
    Xz,
}

/// Makes an archive out of one of the seeds.
pub(crate) fn archive(seeds: &[Vec<u8>], formats: &[Format]) -> Result<Vec<u8>> {
    let mut tar = pick(seeds);
    for _ in 0..fastrand::usize(0..6) {
        mutate(&mut tar);
    }
    // Else hardly any header is looked at.
    if fastrand::u8(..) < 240 {
        tar.chunks_exact_mut(BLOCK).for_each(fix_checksum);
    }
    let mut bytes = compress(&tar, pick(formats))?;
    if fastrand::u8(..) < 64 {
        for _ in 0..fastrand::usize(1..4) {
            change_byte(&mut bytes);
        }
    }
    if fastrand::u8(..) < 32 {
        bytes.truncate(fastrand::usize(..=bytes.len()));
    }
    Ok(bytes)
}

fn pick<T: Clone>(choices: &[T]) -> T {
    choices[fastrand::usize(..choices.len())].clone()
}

fn mutate(tar: &mut Vec<u8>) {
    let blocks = tar.len() / BLOCK;
    if blocks == 0 {
        return;
    }
    let block = fastrand::usize(..blocks) * BLOCK;
    match fastrand::u8(..11) {
        0 => change_byte(tar),
        10 => insert_records(tar),
        1..=5 => {
            let headers: Vec<usize> = (0..blocks)
                .map(|block| block * BLOCK)
                .filter(|block| is_header(&tar[*block..]))
                .collect();
            if headers.is_empty() {
                return;
            }
            let field = pick(FIELDS);
            let from = pick(&headers) + field.start;
            let to = pick(&headers) + field.start;
            if fastrand::bool() {
                tar.copy_within(from..from + field.len(), to);
            } else {
                tar[to..to + field.len()].copy_from_slice(&value(field.len()));
            }
        }
        6 => {
            let some = tar[block..]
                .iter()
                .copied()
                .take(BLOCK * fastrand::usize(1..4));
            let some: Vec<u8> = some.collect();
            let at = fastrand::usize(..=blocks) * BLOCK;
            tar.splice(at..at, some);
        }
        7 => {
            let end = tar.len().min(block + BLOCK * fastrand::usize(1..4));
            tar.drain(block..end);
        }
        8 => tar[block..block + BLOCK].fill(fastrand::u8(..)),
        _ => {
            let at = fastrand::usize(..tar.len());
            tar.insert(at, fastrand::u8(..));
        }
    }
}

/// Puts pax records before a header, as bsdtar writes them on a Mac: a value may hold any bytes,
/// and each record says its own length, which may be wrong.
fn insert_records(tar: &mut Vec<u8>) {
    let headers = (0..tar.len() / BLOCK).map(|block| block * BLOCK);
    let headers: Vec<usize> = headers.filter(|block| is_header(&tar[*block..])).collect();
    if headers.is_empty() {
        return;
    }
    let at = pick(&headers);
    let mut content = Vec::new();
    for _ in 0..fastrand::usize(1..4) {
        let value = (0..fastrand::usize(..40)).map(|_| {
            let any = fastrand::u8(..);
            pick(&[b'\n', b'=', b' ', b'1', 0, any])
        });
        let value: Vec<u8> = match fastrand::u8(..4) {
            0 => b"../outside/file".to_vec(),
            1 => fastrand::u64(..).to_string().into_bytes(),
            _ => value.collect(),
        };
        let key = pick(&[
            "SCHILY.xattr.com.apple.provenance",
            "LIBARCHIVE.xattr.com.apple.provenance",
            "path",
            "linkpath",
            "mtime",
            "size",
            "uid",
        ]);
        let rest = [format!(" {key}=").as_bytes(), &value, b"\n"].concat();
        // Two digits are enough unless the record has 98 bytes and more.
        let length = rest.len() + if rest.len() > 97 { 3 } else { 2 };
        let length = if fastrand::u8(..) < 32 {
            fastrand::usize(..200)
        } else {
            length
        };
        content.extend_from_slice(format!("{length:02}").as_bytes());
        content.extend(rest);
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_size(content.len() as u64);
    header.set_cksum();
    content.resize(content.len().next_multiple_of(BLOCK), 0);
    tar.splice(at..at, [&header.as_bytes()[..], &content].concat());
}

/// Values of a field, at and beyond its limits.
fn value(length: usize) -> Vec<u8> {
    let mut value = match fastrand::u8(..7) {
        0 => vec![0; length],
        1 => vec![0xff; length],
        2 => vec![b'7'; length],
        3 => (0..length).map(|_| fastrand::u8(..)).collect(),
        4 => format!("{:o}", fastrand::u64(..) >> fastrand::u32(..64)).into_bytes(),
        5 => pick(&[
            &b"../outside"[..],
            b"..",
            ".".as_bytes(),
            b"/",
            b"d/file",
            b"link",
            b"a//b/",
        ])
        .to_vec(),
        // The kinds of entries.
        _ => vec![pick(b"01234567xgLKSVDM\0")],
    };
    if fastrand::u8(..) < 64 {
        // A binary number, of either sign.
        value = vec![pick(&[0, 0xff]); length];
        value[0] = pick(&[0x80, 0xff]);
        value[length - 1] = fastrand::u8(..);
    }
    value.resize(length, 0);
    value
}

fn change_byte(bytes: &mut [u8]) {
    if !bytes.is_empty() {
        bytes[fastrand::usize(..bytes.len())] = fastrand::u8(..);
    }
}

fn is_header(block: &[u8]) -> bool {
    block[257..].starts_with(b"ustar")
}

fn fix_checksum(block: &mut [u8]) {
    if is_header(block) {
        block[CHECKSUM].fill(b' ');
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fn compress(tar: &[u8], format: Format) -> Result<Vec<u8>> {
    Ok(match format {
        Format::Plain => tar.to_vec(),
        Format::Gzip => {
            let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
            writer.write_all(tar)?;
            writer.finish()?
        }
        Format::Xz => {
            let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(0))?;
            writer.write_all(tar)?;
            writer.finish()?
        }
    })
}
