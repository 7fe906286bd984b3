//! The cases, by theme.

mod actions;
mod compatibility;
mod debugging;
mod environments;
mod examples;
pub(crate) mod figures;
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
mod saves;
mod supply_chain;

use crate::case::Listed;

/// Cases that count restarts, and run alone: on a busy machine a sync may have longer pauses than
/// `reload` waits out.
pub(crate) const ALONE: &[&[Listed]] = &[restarts::CASES, saves::CASES, examples::tools::ALONE];
/// Cases that share the machine. The release compiles for minutes on one core, and meanwhile others
/// run; those that need Kubernetes and Tilt come when these are compiled. kpack's takes the longest
/// of them.
pub(crate) const TOGETHER: &[&[Listed]] = &[
    release::CASES,
    orders::CASES,
    live_reload::CASES,
    reload::CASES,
    actions::CASES,
    environments::CASES,
    rebuild::CASES,
    network::CASES,
    compatibility::CASES,
    debugging::CASES,
    supply_chain::CASES,
    packages::CASES,
    migration::CASES,
    examples::CASES,
    kubernetes::kpack::CASES,
    kubernetes::CASES,
    kubernetes::deployment::CASES,
    examples::tools::CASES,
    release::packages::CASES,
];
