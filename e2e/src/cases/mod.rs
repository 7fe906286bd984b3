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

use std::cell::RefCell;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Result;
use libtest_mimic::Trial;

use crate::platform::Platform;

/// A case: its name, whose first part is its theme, and what it does.
type Case = (&'static str, fn(&Platform) -> Result<()>);

/// Cases that measure times.
const ALONE: &[&[Case]] = &[reload::CASES, live_reload::CASES];
/// Cases that can share the machine. Those that wait the longest come first.
const TOGETHER: &[&[Case]] = &[
    failures::CASES,
    unaware::CASES,
    flag::CASES,
    rebuild::CASES,
    network::CASES,
    compatibility::CASES,
    supply_chain::CASES,
    packages::CASES,
    migration::CASES,
];

thread_local! {
    /// What the case of this thread has shown so far.
    static SHOWN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// All cases, as trials that run on a platform which need not be there to list them.
pub(crate) fn all(platform: &Arc<OnceLock<Platform>>) -> Vec<Trial> {
    let turn = Arc::new(RwLock::new(()));
    let trials = |cases: &[&[Case]], alone: bool| {
        let trial = |(name, case): Case| {
            let (platform, turn) = (Arc::clone(platform), Arc::clone(&turn));
            Trial::test(name, move || {
                let platform = platform.get().ok_or("the platform was not provided")?;
                let result = if alone {
                    let _turn = turn.write().unwrap_or_else(PoisonError::into_inner);
                    case(platform)
                } else {
                    let _turn = turn.read().unwrap_or_else(PoisonError::into_inner);
                    case(platform)
                };
                platform.report.shown(name, &SHOWN.take());
                result.map_err(|error| format!("{error:#}").into())
            })
        };
        cases.concat().into_iter().map(trial).collect::<Vec<_>>()
    };
    let mut all = trials(ALONE, true);
    all.extend(trials(TOGETHER, false));
    all.extend(trials(examples::CASES, false));
    all
}

/// Shows something at the end of the suite.
fn show(text: impl Into<String>) {
    SHOWN.with_borrow_mut(|shown| shown.push(text.into()));
}

/// Shows how long a reload took.
fn show_reload(duration: Duration) {
    show(format!("reloaded in {} ms", duration.as_millis()));
}
