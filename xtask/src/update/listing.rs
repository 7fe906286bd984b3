//! The checksums that a release publishes for its files.

use super::feed::Release;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use watchexec_release::checksum::Checksum;

/// The name of the file that lists them.
pub(super) const FILE: &str = "SHA256SUMS";

/// A listing that contradicts neither itself nor the release site.
pub(super) struct Listing(BTreeMap<String, Checksum>);

impl Listing {
    /// Reads the output of `sha256sum`: in each line a checksum, a space, a space or `*`, and a
    /// name.
    ///
    /// One wrong line makes the whole listing invalid. That of watchexec 2.1.0, for example, has
    /// SHA-512 checksums.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut listing = BTreeMap::new();
        for line in text.lines() {
            let (digits, name) = line
                .split_once(' ')
                .and_then(|(digits, name)| Some((digits, name.strip_prefix([' ', '*'])?)))
                .with_context(|| format!("{line:?} is not a line of a listing"))?;
            let checksum =
                Checksum::from_hex(digits).with_context(|| format!("what is listed for {name}"))?;
            let before = listing.insert(name.to_owned(), checksum);
            if before.is_some_and(|before| before != checksum) {
                bail!("{name} is listed with two checksums");
            }
        }
        Ok(Self(listing))
    }

    /// The checksum of a file, unless the feed gives a different one.
    pub(super) fn checksum(&self, name: &str, release: &Release) -> Result<Checksum> {
        let Some(checksum) = self.0.get(name).copied() else {
            bail!(
                "{name} is not listed: it was not built, or the release is not complete yet; try \
                 again later"
            )
        };
        if let Some(fed) = release.checksums.get(name) {
            ensure!(
                *fed == checksum,
                "{name} is listed with {checksum}, but the release site has {fed}"
            );
        }
        Ok(checksum)
    }
}

#[cfg(test)]
mod tests {
    use super::super::feed::Release;
    use super::Listing;
    use semver::Version;
    use std::collections::BTreeMap;
    use watchexec_release::checksum::Checksum;

    const NAME: &str = "watchexec-2.8.0-x86_64-unknown-linux-musl.tar.xz";

    #[test]
    fn reads_text_and_binary_lines() {
        let checksum = Checksum::of(b"");
        let release = Release {
            version: Version::new(2, 8, 0),
            checksums: BTreeMap::new(),
        };
        for separator in ["  ", " *"] {
            let listing = format!("{}{separator}{NAME}\n", checksum.hex());
            let listing = Listing::parse(&listing).unwrap();
            assert_eq!(listing.checksum(NAME, &release).unwrap(), checksum);
        }
    }
}
