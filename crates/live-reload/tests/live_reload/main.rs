//! `live-reload`, run as the program that it is, in directories like those of an
//! image. In place of watchexec there is a script that writes down how it was called.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod announce;
mod choose;
mod differential;
mod hostile;
mod image;
mod init;
mod links;
mod programs;
mod reload;
mod rm;
mod shell;
mod stop;
mod tar;
mod temporary;
mod tools;
mod wrapped;
