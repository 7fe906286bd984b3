//! Libraries that there is a choice of, doing what a build does with them: `make bench` shows them
//! beside each other.
//!
//! `ARCHIVE` names the archive of a release, in .tar.xz.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::expect_used, reason = "a benchmark may stop")]

use criterion::{Criterion, criterion_group, criterion_main};
use sha2::Digest;
use std::fs;
use std::hint::black_box;
use std::io::{self, Read};

/// The limit of a build (`unpack::Limits`).
const DICTIONARY_KIB: u32 = 128 << 10;

fn archive() -> Vec<u8> {
    let path = std::env::var_os("ARCHIVE").expect("ARCHIVE names an archive");
    fs::read(path).expect("the archive can be read")
}

fn decode(mut reader: impl Read) -> u64 {
    io::copy(&mut reader, &mut io::sink()).expect("the archive can be decoded")
}

fn xz(criterion: &mut Criterion) {
    let archive = archive();
    let mut group = criterion.benchmark_group("xz");
    group.sample_size(20);
    group.bench_function("lzma-rust2", |bencher| {
        bencher.iter(|| {
            decode(lzma_rust2::XzReader::new_mem_limit(
                black_box(&archive[..]),
                true,
                DICTIONARY_KIB,
            ))
        });
    });
    group.bench_function("liblzma", |bencher| {
        bencher.iter(|| decode(liblzma::read::XzDecoder::new(black_box(&archive[..]))));
    });
    group.finish();
}

fn sha256(criterion: &mut Criterion) {
    let archive = archive();
    let mut group = criterion.benchmark_group("sha256");
    group.bench_function("sha2", |bencher| {
        bencher.iter(|| sha2::Sha256::digest(black_box(&archive)));
    });
    group.bench_function("ring", |bencher| {
        bencher.iter(|| ring::digest::digest(&ring::digest::SHA256, black_box(&archive)));
    });
    group.finish();
}

criterion_group!(choices, xz, sha256);
criterion_main!(choices);
