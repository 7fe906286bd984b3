//! Downloads, with the proxies of the environment and the certificates of the system.

use anyhow::{Context, Result};
use fs_err as fs;
use reqwest::blocking::{Client, Response};
use std::time::Duration;
use watchexec_release::catalog::Dependency;
use watchexec_release::checksum::Verified;
use watchexec_release::safe_url::SafeUrl;

/// Downloads the archive of a dependency and verifies it.
pub(crate) fn archive(dependency: &Dependency) -> Result<Verified> {
    let bytes = get(&dependency.uri)?;
    dependency
        .checksum()
        .map_err(anyhow::Error::from)
        .and_then(|checksum| Ok(Verified::new(bytes, checksum)?))
        .with_context(|| format!("watchexec {}", dependency.version))
}

/// Downloads a text.
pub(crate) fn text(url: &str) -> Result<String> {
    String::from_utf8(get(url)?).with_context(|| format!("{url} is not a text"))
}

/// Messages have the URL without a login or a query, which may be secret.
fn get(uri: &str) -> Result<Vec<u8>> {
    let url = SafeUrl::parse(uri).map_err(anyhow::Error::msg)?;
    if let Some(path) = url.file() {
        return Ok(fs::read(path)?);
    }
    let server = url.exposed().clone();
    let _ = rustls::crypto::ring::default_provider().install_default();
    eprintln!("Downloading {url}");
    let client = Client::builder()
        // The feed of releases refuses requests without one.
        .user_agent("watchexec-buildpack")
        // No redirect may lead away from https.
        .https_only(server.scheme() == "https")
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_mins(5))
        .build()?;
    let bytes = client
        .get(server)
        .send()
        .and_then(Response::error_for_status)
        .and_then(Response::bytes)
        .map_err(reqwest::Error::without_url)
        .with_context(|| url.to_string())?;
    Ok(bytes.into())
}
