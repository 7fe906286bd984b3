//! The cases, by theme.

mod compatibility;
mod examples;
mod failures;
pub(crate) mod figures;
mod flag;
mod live_reload;
mod migration;
mod network;
mod packages;
mod rebuild;
mod reload;
mod supply_chain;
mod unaware;

use std::io::Write;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Result;
use libtest_mimic::Trial;

use crate::platform::Platform;

/// A case: its name, whose first part is its theme, and what it does.
type Case = (&'static str, fn(&Platform) -> Result<()>);

/// All cases, as trials that run on a platform which need not be there to list them.
pub(crate) fn all(platform: &Arc<OnceLock<Platform>>) -> Vec<Trial> {
    [
        reload::CASES,
        unaware::CASES,
        live_reload::CASES,
        flag::CASES,
        rebuild::CASES,
        failures::CASES,
        network::CASES,
        compatibility::CASES,
        supply_chain::CASES,
        packages::CASES,
        migration::CASES,
        &examples::CASES.concat(),
    ]
    .concat()
    .into_iter()
    .map(|(name, case)| {
        let platform = Arc::clone(platform);
        Trial::test(name, move || {
            let platform = platform.get().ok_or("the platform was not provided")?;
            case(platform).map_err(|error| format!("{error:#}").into())
        })
    })
    .collect()
}

/// Shows something else than the time of a reload, before the case's `ok`.
fn show(text: &str) -> Result<()> {
    print!("{text} ... ");
    std::io::stdout().flush()?;
    Ok(())
}

/// Shows how long a reload took, before the case's `ok`.
fn show_reload(duration: Duration) -> Result<()> {
    show(&format!(
        "reloaded {} ms after the sync",
        duration.as_millis()
    ))
}
