//! The checksums that a release publishes of its files.

use super::feed::Release;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use watchexec_buildpack::checksum::Checksum;

/// The name of the file that lists them.
pub(super) const FILE: &str = "SHA256SUMS";

/// A listing that contradicts neither itself nor the release site.
pub(super) struct Listing(BTreeMap<String, Checksum>);

impl Listing {
    /// Reads what `sha256sum` writes: a checksum, a space, a space or `*`, and a name.
    ///
    /// One wrong line spoils it all. The listing of watchexec 2.1.0, for example, has SHA-512
    /// checksums: who wrote that did not look at it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut listing = BTreeMap::new();
        for line in text.lines() {
            let (digits, name) = line
                .split_once(' ')
                .and_then(|(digits, name)| Some((digits, name.strip_prefix([' ', '*'])?)))
                .with_context(|| format!("{line:?} is no line of a listing"))?;
            let checksum =
                Checksum::from_hex(digits).with_context(|| format!("what is listed for {name}"))?;
            let before = listing.insert(name.to_owned(), checksum);
            if before.is_some_and(|before| before != checksum) {
                bail!("{name} is listed with two checksums");
            }
        }
        Ok(Self(listing))
    }

    /// The checksum of a file, provided that the feed does not give another one.
    pub(super) fn checksum(&self, name: &str, release: &Release) -> Result<Checksum> {
        let Some(checksum) = self.0.get(name).copied() else {
            bail!(
                "{name} is not listed: it was not built, or the release is not complete yet, and \
                 another try later will do"
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
    use watchexec_buildpack::checksum::Checksum;

    const NAME: &str = "watchexec-2.8.0-x86_64-unknown-linux-musl.tar.xz";

    fn release(checksums: &[(&str, Checksum)]) -> Release {
        Release {
            version: Version::new(2, 8, 0),
            checksums: checksums
                .iter()
                .map(|(name, checksum)| ((*name).to_owned(), *checksum))
                .collect(),
        }
    }

    fn refusal(listing: &str) -> String {
        match Listing::parse(listing) {
            Ok(_) => panic!("{listing:?} was accepted"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn text_and_binary_lines_are_read() {
        let checksum = Checksum::of(b"");
        for separator in ["  ", " *"] {
            let listing = format!("{}{separator}{NAME}\n", checksum.hex());
            let listing = Listing::parse(&listing).unwrap();
            assert_eq!(listing.checksum(NAME, &release(&[])).unwrap(), checksum);
        }
    }

    #[test]
    fn wrong_lengths_and_other_lines_are_refused() {
        let digits = Checksum::of(b"").hex();
        let refusal_of_512 = refusal(&format!("{digits}{digits}  {NAME}\n"));
        assert!(refusal_of_512.contains(NAME), "{refusal_of_512}");
        assert!(refusal(&format!("{}  {NAME}", &digits[1..])).contains(NAME));
        assert!(refusal("<html>not found</html>").contains("no line of a listing"));
    }

    #[test]
    fn one_file_has_one_checksum() {
        let line = |contents: &[u8]| format!("{}  {NAME}\n", Checksum::of(contents).hex());
        assert!(Listing::parse(&[line(b"1"), line(b"1")].concat()).is_ok());
        assert!(refusal(&[line(b"1"), line(b"2")].concat()).contains("two checksums"));
    }

    #[test]
    fn the_release_site_must_agree() {
        let checksum = Checksum::of(b"1");
        let listing = Listing::parse(&format!("{}  {NAME}\n", checksum.hex())).unwrap();
        let agreeing = release(&[(NAME, checksum)]);
        assert_eq!(listing.checksum(NAME, &agreeing).unwrap(), checksum);
        let other = release(&[(NAME, Checksum::of(b"2"))]);
        assert!(listing.checksum(NAME, &other).is_err());
        assert!(listing.checksum("other", &agreeing).is_err());
    }
}
