//! In place of the texts of `live-reload`: nobody reads what the extractor says of thousands of
//! archives.

use std::fmt::Display;

pub(crate) fn tell(_: impl Display) {}

pub(crate) fn answer(_: impl Display) {}
