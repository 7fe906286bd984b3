//! Signatures and attestations by cosign: with a key, or else with the identity of the workflow, as on
//! GitHub. A key needs only the registry's network: the transparency log has no entry.

use crate::command::run;
use anyhow::Result;
use fs_err as fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The type of the predicate of a provenance, as cosign names SLSA 1.
pub(super) const PROVENANCE: &str = "slsaprovenance1";
/// The type of the predicate of an SBOM.
pub(super) const CYCLONEDX: &str = "cyclonedx";

/// No certificate authority, no transparency log and no clock to sign with.
const OFFLINE: &str = r#"{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json"}"#;

/// The means of signing.
pub(super) struct Signer(Vec<PathBuf>);

impl Signer {
    /// A key, or the identity of the workflow. `folder` is for a file that cosign reads.
    pub(super) fn new(key: Option<&Path>, folder: &Path) -> Result<Self> {
        let Some(key) = key else {
            return Ok(Self(Vec::new()));
        };
        let config = folder.join("signing-config.json");
        fs::write(&config, OFFLINE)?;
        let key = ["--key".into(), key.to_owned()];
        Ok(Self(
            [&key[..], &["--signing-config".into(), config]].concat(),
        ))
    }

    /// Signs an image with all that its index lists.
    pub(super) fn sign(&self, image: &str) -> Result<()> {
        run(self.cosign("sign").args(["--recursive", image]))
    }

    /// Attests a predicate of an image.
    pub(super) fn attest(&self, kind: &str, predicate: &Path, image: &str) -> Result<()> {
        let mut cosign = self.cosign("attest");
        run(cosign
            .args(["--type", kind, "--predicate"])
            .arg(predicate)
            .arg(image))
    }

    /// Signs a file, and attests its provenance, in two files next to it.
    pub(super) fn sign_file(&self, file: &Path, provenance: &Path) -> Result<()> {
        let bundle = file.with_added_extension("sigstore.json");
        run(self
            .cosign("sign-blob")
            .arg("--bundle")
            .args([&bundle, file]))?;
        let bundle = file.with_added_extension("provenance.sigstore.json");
        let mut cosign = self.cosign("attest-blob");
        cosign.args(["--type", PROVENANCE, "--predicate"]);
        run(cosign.arg(provenance).arg("--bundle").args([&bundle, file]))
    }

    fn cosign(&self, task: &str) -> Command {
        let mut command = Command::new("cosign");
        command.args([task, "--yes"]).args(&self.0);
        command
    }
}
