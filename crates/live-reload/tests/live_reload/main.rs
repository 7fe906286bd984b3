//! `live-reload`, run as the program that it is, in directories like those of an
//! image. [`watchexec`] stands in for watchexec.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod actions;
mod before;
mod choose;
mod differential;
mod hostile;
mod image;
mod init;
mod links;
mod mac;
mod programs;
mod reload;
mod restart;
mod rm;
mod scans;
mod shell;
mod stop;
mod tar;
mod temporary;
mod tools;
mod watchexec;
mod wrapped;
