//! The extractor of `live-reload`, without the rest of that program.

#[path = "../../crates/live-reload/src/sync_tools/open_directory.rs"]
mod open_directory;
#[path = "../../crates/live-reload/src/sync_tools/tar/mod.rs"]
pub(crate) mod tar;
