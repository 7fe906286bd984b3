//! Downloads, with the proxies of the environment and the certificates of the system.

use anyhow::{Context, Result};
use fs_err as fs;
use reqwest::blocking::Client;
use serde::Deserialize;
use std::env;
use std::time::Duration;
use watchexec_release::catalog::Dependency;
use watchexec_release::checksum::Verified;
use watchexec_release::safe_url::SafeUrl;

/// The host of GitHub's REST API.
const GITHUB: &str = "api.github.com";
/// The variables that can contain a token for it, as its own command line tool reads them.
const TOKENS: [&str; 2] = ["GH_TOKEN", "GITHUB_TOKEN"];

/// Downloads the archive of a dependency and verifies it.
pub(crate) fn archive(dependency: &Dependency) -> Result<Verified> {
    let bytes = get(&dependency.uri)?;
    dependency
        .checksum()
        .map_err(anyhow::Error::from)
        .and_then(|checksum| Ok(Verified::new(bytes, checksum)?))
        .with_context(|| format!("watchexec {}", dependency.version))
}

/// Downloads a text file.
pub(crate) fn text(url: &str) -> Result<String> {
    String::from_utf8(get(url)?).with_context(|| format!("{url} is not a text"))
}

/// Messages have the URL without a login or a query, which can be secret, and what the server says.
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
        // The query of a URL may be secret.
        .referer(false)
        // No redirect may lead away from https.
        .https_only(server.scheme() == "https")
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_mins(5))
        .build()?;
    // The token goes to GitHub's API alone: a redirect to a different host drops it.
    let is_github = server.scheme() == "https" && server.host_str() == Some(GITHUB);
    let token = TOKENS.iter().find_map(|name| env::var(name).ok());
    let token = token.filter(|token| is_github && !token.trim().is_empty());
    let mut request = client.get(server);
    if let Some(token) = &token {
        request = request.bearer_auth(token.trim());
    }
    let answer = request
        .send()
        .map_err(reqwest::Error::without_url)
        .with_context(|| url.to_string())?;
    let refused = answer.error_for_status_ref().err();
    let bytes = answer.bytes().map_err(reqwest::Error::without_url);
    let Some(refused) = refused else {
        return Ok(bytes.with_context(|| url.to_string())?.into());
    };
    let why = message(&bytes.unwrap_or_default());
    let advice = if is_github && token.is_none() {
        format!(
            "\nWith a token in {}, the limits are higher",
            TOKENS.join(" or ")
        )
    } else {
        String::new()
    };
    Err(refused.without_url()).with_context(|| format!("{url}{why}{advice}"))
}

/// The `message` of an answer of GitHub's API, after a colon.
fn message(answer: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
    }
    match serde_json::from_slice::<Answer>(answer) {
        Ok(Answer { message }) => format!(": {message}"),
        Err(_) => String::new(),
    }
}
