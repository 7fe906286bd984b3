//! A release of watchexec, from the entry in buildpack.toml to files in a layer.
//!
//! | step | module |
//! |---|---|
//! | choose a release | [`descriptor`], [`requirement`], [`catalog`] |
//! | locate it | [`origin`], [`bundle`], [`mirror`], [`safe_url`] |
//! | download and verify it | [`mod@download`], [`checksum`] |
//! | install it | [`archive`], [`files`] |
//! | describe it | [`sbom`] |
//!
//! Callers read the environment, write the log and decide about layers.
#![allow(
    clippy::must_use_candidate,
    reason = "all callers are in this workspace"
)]

pub mod archive;
pub mod bundle;
pub mod catalog;
pub mod checksum;
pub mod descriptor;
pub mod download;
pub mod files;
pub mod mirror;
pub mod origin;
pub mod regular_file;
pub mod requirement;
pub mod safe_url;
pub mod sbom;
pub mod text;
