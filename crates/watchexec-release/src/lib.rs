//! A release of watchexec, from the entry in buildpack.toml to files in a layer.
//!
//! | step | module |
//! |---|---|
//! | choose a release | [`requirement`], [`dependency`] |
//! | locate it | [`bundle`], [`address`] |
//! | verify it | [`checksum`] |
//! | install it | [`unpack`], [`release`] |
//! | describe it | [`sbom`] |
//!
//! Callers read the environment, write the log and decide about layers.

pub mod address;
pub mod bundle;
pub mod checksum;
pub mod dependency;
pub mod release;
pub mod requirement;
pub mod sbom;
pub mod unpack;
