//! `tar` and `rm`, for images that lack them: Tilt and Skaffold copy files into a container and
//! delete them there by running these programs in it (`BP_LIVE_RELOAD_SYNC_TOOLS`).

mod open_directory;
pub(crate) mod rm;
pub(crate) mod tar;
