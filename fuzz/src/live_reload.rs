//! The extractor of `live-reload`, without the rest of that program.

#[path = "../../crates/live-reload/src/tar/mod.rs"]
pub(crate) mod tar;
