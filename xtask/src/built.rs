//! A release archive made here, from the same version of watchexec on crates.io.

use crate::command::{output, run};
use crate::directory::MTIME;
use crate::toolchain::Toolchain;
use crate::triple::Triple;
use crate::workspace;
use anyhow::Result;
use fs_err as fs;
use lzma_rust2::{XzOptions, XzWriter};
use semver::Version;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Upstream's workflow packs with `tar cavf`, which uses xz's default preset.
const PRESET: u32 = 6;

/// Upstream's release profile, which belongs to its workspace and is not in the crate.
const UPSTREAM: [(&str, &str); 2] = [
    ("CARGO_PROFILE_RELEASE_LTO", "true"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
];
/// A profile that is built in a quarter of the time. The program is twice as large, and half as
/// fast with thousands of directories.
const QUICK: [(&str, &str); 2] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// The archive of a version, made once on this machine: built as upstream builds it unless it has
/// to be quick.
pub(crate) fn archive(version: &Version, triple: &Triple, quick: bool) -> Result<PathBuf> {
    let profile = if quick { QUICK } else { UPSTREAM };
    let recipe = profile.map(|(variable, value)| format!("{variable}={value}"));
    let name = format!("watchexec-{version}-{triple}");
    harness::cached(&name, &[&recipe[0], &recipe[1]], |archive| {
        write(version, triple, profile, archive)
    })
}

/// Builds watchexec, and writes its archive, laid out as upstream's. Of the other files that
/// upstream ships, which builds leave out, it contains one shell completion, empty if this machine
/// cannot run the program.
fn write(
    version: &Version,
    triple: &Triple,
    profile: [(&str, &str); 2],
    archive: &Path,
) -> Result<()> {
    let root = workspace::target().join("watchexec").join(triple.as_str());
    // A directory of its own, since a build locks it for minutes; kept until the build succeeds, so
    // that an interrupted one continues.
    let build = root.join("build");
    eprintln!("Building watchexec {version} from crates.io, once");
    // `--force`: it may be there from an archive that has been removed since.
    let toolchain = Toolchain::provide(triple)?;
    run(toolchain
        .static_build("install", triple, &[])
        .args(["watchexec-cli", "--locked", "--force", "--version"])
        .arg(format!("={version}"))
        .arg("--root")
        .arg(&root)
        .arg("--target-dir")
        .arg(&build)
        .envs(profile)
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols"))?;
    fs::remove_dir_all(build)?;

    let program = root.join("bin/watchexec");
    let completion = if triple.image_arch() == Triple::host()?.image_arch() {
        output(Command::new(&program).args(["--completions", "bash"]))?
    } else {
        String::new()
    };
    let file = fs::File::create(archive)?;
    let mut tar = tar::Builder::new(XzWriter::new(file, XzOptions::with_preset(PRESET))?);
    for (path, mode, contents) in [
        ("watchexec", 0o755, fs::read(&program)?),
        // The crate does not contain it; upstream's is the same text as ours.
        (
            "LICENSE",
            0o644,
            fs::read(workspace::root().join("LICENSE"))?,
        ),
        ("completions/bash", 0o644, completion.into_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_mtime(MTIME.into());
        header.set_size(contents.len() as u64);
        let path = format!("watchexec-{version}-{triple}/{path}");
        tar.append_data(&mut header, path, contents.as_slice())?;
    }
    tar.into_inner()?.finish()?;
    Ok(())
}
