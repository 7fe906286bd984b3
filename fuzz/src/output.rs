//! Replaces the output of `live-reload`: nobody reads what the extractor prints about thousands of
//! archives.

use std::fmt::Display;

pub(crate) fn log(_: impl Display) {}

pub(crate) fn print(_: impl Display) {}
