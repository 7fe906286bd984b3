//! What the integration tests, `cargo xtask demo`, `cargo xtask bench` and the suite in `e2e/`
//! share: the lifecycle's side of the buildpack contract, servers on loopback that misbehave on
//! request, and figures.
//!
//! A crate of its own, because four packages use it: the buildpack, `watchexec-release`, `xtask`
//! and `e2e`. It does not depend on them: it calls the built programs, as the lifecycle does.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    clippy::return_self_not_must_use,
    clippy::unwrap_used,
    reason = "a test or a task of this repository stops where its surroundings fail"
)]

mod cache;
mod cargo;
pub mod certificates;
pub mod command;
mod figures;
pub mod lifecycle;
pub mod server;

pub use cache::{cached, digest};
pub use cargo::{cargo, task, xtask};
pub use figures::{Figure, Goal, Pair, Samples, Unit, interleaved, table};
