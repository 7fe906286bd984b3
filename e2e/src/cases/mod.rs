//! The cases, by theme.

mod actions;
mod compatibility;
mod debugging;
mod examples;
mod failures;
pub(crate) mod figures;
mod flag;
mod kubernetes;
mod live_reload;
mod migration;
mod network;
mod orders;
mod packages;
mod rebuild;
mod release;
mod reload;
mod restarts;
mod stops;
mod supply_chain;

use crate::case::Listed;

/// Cases that measure times, and run alone.
pub(crate) const ALONE: &[&[Listed]] = &[
    reload::CASES,
    live_reload::CASES,
    restarts::CASES,
    actions::CASES,
    kubernetes::CASES,
    examples::tools::CASES,
];
/// Cases that share the machine. Those that wait the longest come first.
pub(crate) const TOGETHER: &[&[Listed]] = &[
    release::CASES,
    kubernetes::kpack::CASES,
    kubernetes::tekton::CASES,
    kubernetes::deployment::CASES,
    stops::CASES,
    failures::CASES,
    orders::CASES,
    flag::CASES,
    rebuild::CASES,
    network::CASES,
    compatibility::CASES,
    debugging::CASES,
    supply_chain::CASES,
    packages::CASES,
    migration::CASES,
    examples::CASES,
    examples::manifests::CASES,
];
