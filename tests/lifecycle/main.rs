//! The built program, run as the lifecycle runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod build;
mod detect;
mod network;
mod reload;

#[path = "../support/mod.rs"]
mod support;
