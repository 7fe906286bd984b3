//! The settings of the `reload` process, in one place for the two programs that deal with them.
//!
//! The buildpack reads them from `BP_LIVE_RELOAD_…` variables and writes them as the command of
//! the process; the companion `live-reload` reads them back from its command line, to which the
//! user of the image may have added others.
//!
//! | what | module |
//! |---|---|
//! | which settings there are, and what each accepts | [`setting`] |
//! | their values | [`process_type`], [`watch`], [`ignore`], [`time`], [`signal`] |
//! | all of them together, from variables | [`settings`] |
//! | all of them together, as a command line and back | [`command_line`] |

pub mod command_line;
pub mod ignore;
pub mod process_type;
pub mod setting;
pub mod settings;
pub mod signal;
pub mod time;
pub mod watch;

pub use command_line::{ArgumentError, Request, SyncTool};
pub use setting::{Given, InvalidSetting, Rejected, Setting};
pub use settings::{ProcessChoice, Settings};
