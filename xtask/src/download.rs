//! Downloads, with the proxies of the environment and the certificates of the system.

use anyhow::{Context, Result};
use fs_err as fs;
use reqwest::blocking::Client;
use std::time::Duration;
use url::Url;
use watchexec_release::checksum::Verified;
use watchexec_release::dependency::Dependency;

/// Downloads the archive of a dependency and verifies it.
pub(crate) fn archive(dependency: &Dependency) -> Result<Verified> {
    let uri = dependency.uri.as_str();
    let file = Url::parse(uri).ok().filter(|url| url.scheme() == "file");
    let bytes = match file.and_then(|url| url.to_file_path().ok()) {
        Some(path) => fs::read(path)?,
        None => get(uri)?,
    };
    let checksum = dependency
        .checksum()
        .with_context(|| format!("the checksum of watchexec {}", dependency.version))?;
    Verified::new(bytes, checksum).with_context(|| uri.to_owned())
}

/// Downloads a text.
pub(crate) fn text(url: &str) -> Result<String> {
    String::from_utf8(get(url)?).with_context(|| format!("{url} is not a text"))
}

fn get(url: &str) -> Result<Vec<u8>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    eprintln!("Downloading {url}");
    let client = Client::builder()
        // The feed of releases refuses requests without one.
        .user_agent("watchexec-buildpack")
        // No redirect may lead away from https.
        .https_only(url.starts_with("https:"))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_mins(5))
        .build()?;
    let answer = client.get(url).send()?.error_for_status()?;
    Ok(answer.bytes()?.into())
}
