//! Provides the platform on a machine without images and release downloads: a Docker engine, base
//! images, pack, the lifecycle and other tools, sample apps, and stand-ins for published builders.
//! Everything is built from package registries: Debian's, the Go module proxy, Maven Central,
//! `PyPI` and crates.io.
//!
//! To read or write a case, skip this folder.

mod cluster;
mod debian;
mod engine;
mod go;
mod images;
mod kpack;
mod maven;
mod published;
mod python;
mod registry;

pub(crate) use cluster::{Cluster, Namespace};
pub(crate) use debian::{emulator, provide};
pub(crate) use engine::Engine;
pub(crate) use go::{Lifecycle, compile_tools, tool};
pub(crate) use images::Images;
pub(crate) use kpack::install_kpack;
pub(crate) use maven::{compile_answer, jar};
pub(crate) use published::replaced;
pub(crate) use python::installed;
pub(crate) use registry::Registry;
