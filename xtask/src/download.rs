//! Downloads, by the code and with the settings that a build downloads with: mirrors, proxies,
//! certificates and credentials.

use anyhow::{Context, Error, Result, anyhow, bail};
use libcnb::Env;
use std::path::Path;
use watchexec_buildpack::address::{Address, Place};
use watchexec_buildpack::checksum::Verified;
use watchexec_buildpack::configuration::Configuration;
use watchexec_buildpack::dependency::Dependency;
use watchexec_buildpack::environment::Environment;
use watchexec_buildpack::error;
use watchexec_buildpack::fetch::{Downloader, FetchError, Policy, fetch};
use watchexec_buildpack::locate::{Reason, Source, locate};
use watchexec_buildpack::log::Log;
use watchexec_buildpack::messages::errors;

/// What stands for the directories of a build, of which there is none: nothing is below it.
const NO_DIRECTORY: &str = "/dev/null";

/// The largest text that is read: listings have some kilobytes.
const LARGEST_TEXT: u64 = 8 << 20;

/// Downloads the archive of a dependency and verifies it. `limit` may change the limits of a
/// build.
pub(crate) fn archive(
    dependency: &Dependency,
    limit: impl FnOnce(&mut Policy),
) -> Result<Result<Verified, error::Error>> {
    let (mut configuration, log) = settings()?;
    limit(&mut configuration.network.policy);
    let checksum = dependency
        .checksum()
        .with_context(|| format!("the checksum of watchexec {}", dependency.version))?;
    let directory = Path::new(NO_DIRECTORY);
    let source =
        locate(dependency, checksum, directory, &configuration.substitutes).map_err(explained)?;
    let Source::Archive { address, reason } = source else {
        bail!("{NO_DIRECTORY} has a bundle")
    };
    eprintln!("Downloading {address}");
    Ok(fetch(&address, checksum, &configuration.network, &log)
        .map_err(|error| error::Error::Fetch { error, reason }))
}

/// Downloads a text.
pub(crate) fn text(uri: &str) -> Result<String> {
    let address = Address::parse(uri).with_context(|| uri.to_owned())?;
    let Place::Server(url) = address.place() else {
        bail!("{uri} is not the address of a server")
    };
    let (mut configuration, log) = settings()?;
    configuration.network.policy.largest = LARGEST_TEXT;
    let bytes = Downloader::new(&url, &configuration.network, &log)
        .and_then(|downloader| downloader.download())
        .map_err(|attempts| {
            explained(error::Error::Fetch {
                error: FetchError::Download { address, attempts },
                reason: Reason::DependencyUri,
            })
        })?;
    String::from_utf8(bytes).with_context(|| format!("{uri} is not a text"))
}

/// The error as the users of the buildpack read it.
pub(crate) fn explained(error: impl Into<error::Error>) -> Error {
    let text = errors::text(&libcnb::Error::BuildpackError(error.into())).to_string();
    anyhow!("{}", text.trim_start_matches("Error: ").trim_end())
}

fn settings() -> Result<(Configuration, Log)> {
    let environment = Environment::new(Env::from_current(), Env::new());
    let configuration =
        Configuration::read(&environment, Path::new(NO_DIRECTORY)).map_err(explained)?;
    let log = Log::new(Box::new(std::io::stderr()), configuration.log_level);
    Ok((configuration, log))
}
