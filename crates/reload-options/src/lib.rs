//! The settings of the `reload` process, in one place for the two programs that use them.
//!
//! The buildpack reads them from `BP_LIVE_RELOAD_…` variables and writes them as the command of
//! the process; `live-reload` reads them back from its command line, to which the user of the image
//! may have added others.
//!
//! | contents | module |
//! |---|---|
//! | the table of settings, and their values as variables give them | `settings` |
//! | the settings as a command line and back | `command_line` |
//! | values | [`process_type`], [`ignore`], [`rule`], `signal` |
//! | paths that patterns match | [`patterns`] |
#![allow(
    clippy::must_use_candidate,
    reason = "all callers are in this workspace"
)]

mod command_line;
pub mod ignore;
pub mod patterns;
pub mod process_type;
pub mod rule;
mod settings;
mod signal;

pub use command_line::{ArgumentError, PROGRAM, Request};
pub use settings::{InvalidSetting, OnExit, Setting, Settings};
