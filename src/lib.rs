//! The Watchexec Buildpack, in the order in which a build goes through it.
//!
//! | step | module |
//! |---|---|
//! | called by the lifecycle | [`entry`] |
//! | settings | [`environment`], [`bindings`], [`configuration`], [`network`] |
//! | take part or not, and what other buildpacks want | [`detect`] |
//! | choose a release | [`requirement`], [`dependency`] |
//! | locate it | [`locate`], [`bundle`], [`mirror`], [`address`] |
//! | fetch and verify it | [`fetch`], [`checksum`] |
//! | install it, or keep what the cache has | [`unpack`], [`release`], [`layer`] |
//! | describe it | [`sbom`] |
//! | restart other buildpacks' processes, and let files be synced | [`reload_options`], [`companion`], [`app_dir`] |
//! | tell people | [`log`], [`messages`], [`error`] |

// They panic where their output cannot be written.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod app_dir;
pub mod bindings;
pub mod companion;
pub mod configuration;
pub mod detect;
pub mod entry;
pub mod environment;
pub mod error;
pub mod fetch;
pub mod layer;
pub mod locate;
pub mod log;
pub mod messages;
pub mod mirror;
pub mod network;

pub use watchexec_release::{
    address, bundle, checksum, dependency, release, requirement, sbom, unpack,
};
