//! What the people who work on the buildpack run: `cargo xtask help`.

mod archive;
mod cargo;
mod demo;
mod descriptor;
mod directory;
mod download;
mod package;
mod release;
mod triple;
mod update;
mod workspace;

use crate::workspace::Workspace;
use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Work on the Watchexec Buildpack"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make sure there is a watchexec release archive for this machine
    ///
    /// It is the published one where the release site can be reached, otherwise one that is built
    /// from the same version on crates.io. The last line of the output is the directory with the
    /// archive and a buildpack.toml that points at it.
    Archive,
    /// Make a buildpack directory
    ///
    /// The last line of the output is the directory.
    Package(package::Options),
    /// Make all files of a release, and publish its images
    ///
    /// Needs pack, and crane to publish. The last line of the output is the directory.
    Release(release::Options),
    /// Bring new releases of watchexec into buildpack.toml
    ///
    /// Their checksums are those that the releases publish, provided that nothing contradicts them.
    Update(update::Options),
    /// Show the main job from detect to a reload, on this machine and without containers
    Demo,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let workspace = Workspace::current();
    match Arguments::parse().task {
        Task::Archive => {
            let archive = archive::provide(&workspace)?;
            println!("{}", archive.directory().display());
        }
        Task::Package(options) => {
            let directory = package::package(&workspace, &options)?;
            println!("{}", directory.display());
        }
        Task::Release(options) => {
            let directory = release::release(&workspace, &options)?;
            println!("{}", directory.display());
        }
        Task::Update(options) => update::update(&workspace, &options)?,
        Task::Demo => demo::demo(&workspace)?,
    }
    Ok(())
}
