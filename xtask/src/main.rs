//! The tasks of this repository: `cargo xtask help`.

mod archive;
mod bench;
mod built;
mod command;
mod demo;
mod descriptor;
mod directory;
mod download;
mod package;
mod release;
mod toolchain;
mod triple;
mod update;
mod workspace;

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
    /// Provide a watchexec release archive
    ///
    /// Downloads the published one if the release site can be reached, and otherwise builds the
    /// same version from crates.io. The last line of the output is the directory with the archive
    /// and a buildpack.toml that points at it.
    Archive(archive::Options),
    /// Make a buildpack directory
    ///
    /// The last line of the output is the directory.
    Package(package::Options),
    /// Make all files and images of a release
    ///
    /// Needs pack and crane. The last line of the output is the directory, which
    /// `.github/publish.sh` publishes and signs.
    Release(release::Options),
    /// Add new releases of watchexec to buildpack.toml
    ///
    /// Takes the checksums that the releases publish, unless the release site contradicts them.
    Update(update::Options),
    /// Show the main job from detect to a reload, on this machine and without containers
    Demo,
    /// Measure speed and size, each against a reference measured in the same run
    ///
    /// Needs curl, xz and tar.
    Bench(bench::Options),
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
    let made = match Arguments::parse().task {
        Task::Archive(options) => archive::provide(&options)?.directory().to_owned(),
        Task::Package(options) => package::package(&options)?,
        Task::Release(options) => release::release(&options)?,
        Task::Update(options) => return update::update(&options),
        Task::Demo => return demo::demo(),
        Task::Bench(options) => return bench::bench(&options),
    };
    println!("{}", made.display());
    Ok(())
}
