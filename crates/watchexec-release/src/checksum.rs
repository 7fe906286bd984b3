//! SHA-256 checksums, and bytes that were verified against one.

use crate::text::size;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum([u8; 32]);

/// Why a checksum cannot be used for verification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChecksumError(pub String);

impl Checksum {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest itself.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Parses 64 hexadecimal digits without a prefix, as the key `sha256` has them.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn from_hex(digits: &str) -> Result<Self, ChecksumError> {
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| {
            ChecksumError(format!(
                "{digits:?} is not a SHA-256 digest of 64 hexadecimal digits"
            ))
        })?;
        Ok(Self(digest))
    }
}

/// Hands all that `reader` gives to `write`, piece by piece, and returns the digest.
///
/// # Errors
/// The outer error is that of `write`, the inner one that of `reader`.
pub(crate) fn copy<E>(
    mut reader: impl Read,
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<io::Result<Checksum>, E> {
    let mut hasher = Sha256::new();
    // Large enough that system calls do not count, small enough for the processor's cache.
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(length) => length,
            Err(error) => return Ok(Err(error)),
        };
        let Some(piece @ [_, ..]) = buffer.get(..length) else {
            return Ok(Ok(Checksum(hasher.finalize().into())));
        };
        hasher.update(piece);
        write(piece)?;
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    /// Parses `sha256:<64 hexadecimal digits>`, the form of buildpack.toml's `checksum` keys.
    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        match text.split_once(':') {
            Some((kind, digits)) if kind.eq_ignore_ascii_case("sha256") => Self::from_hex(digits),
            _ => Err(ChecksumError(format!("{text:?} is not a sha256 checksum"))),
        }
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Bytes whose checksum is the expected one. Only [`Verified::new`] makes them, and unpacking takes
/// nothing else: bytes that were not verified cannot be decoded.
pub struct Verified {
    bytes: Vec<u8>,
    checksum: Checksum,
}

impl Verified {
    /// Verifies bytes against a checksum.
    ///
    /// # Errors
    /// They differ.
    pub fn new(bytes: Vec<u8>, expected: Checksum) -> Result<Self, ChecksumError> {
        let checksum = Checksum::of(&bytes);
        if checksum == expected {
            Ok(Self { bytes, checksum })
        } else {
            let size = size(bytes.len() as u64);
            Err(ChecksumError(format!(
                "is {size} and has a different checksum:\n  expected {expected}\n  found {checksum}"
            )))
        }
    }

    /// The bytes, without the guarantee.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their checksum.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of no bytes (FIPS 180-4's example).
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn parses_both_spellings_of_a_digest() {
        let checksum = Checksum::of(b"");
        assert_eq!(format!("sha256:{EMPTY}").parse(), Ok(checksum));
        assert_eq!(
            format!("SHA256:{}", EMPTY.to_uppercase()).parse(),
            Ok(checksum)
        );
        assert_eq!(Checksum::from_hex(EMPTY), Ok(checksum));
        assert_eq!(checksum.to_string(), format!("sha256:{EMPTY}"));
    }

    #[test]
    fn rejects_invalid_checksums() {
        for text in ["", "md5:abc", "sha512:abc", EMPTY] {
            let why = text.parse::<Checksum>().unwrap_err();
            assert_eq!(
                why.to_string(),
                format!("{text:?} is not a sha256 checksum")
            );
        }
        for digits in ["", "abc", "zz", &format!("{EMPTY}0")] {
            let why = format!("sha256:{digits}").parse::<Checksum>().unwrap_err();
            let expected = format!("{digits:?} is not a SHA-256 digest of 64 hexadecimal digits");
            assert_eq!(why.to_string(), expected);
        }
    }

    #[test]
    fn verifies_only_the_expected_bytes() {
        assert!(Verified::new(vec![], Checksum::of(b"")).is_ok());
        let Err(mismatch) = Verified::new(vec![1], Checksum::of(b"")) else {
            panic!("bytes with another checksum were accepted");
        };
        let [expected, found] = [Checksum::of(b""), Checksum::of(&[1])];
        let expected = format!(
            "is 1 byte and has a different checksum:\n  expected {expected}\n  found {found}"
        );
        assert_eq!(mismatch.to_string(), expected);
    }
}
