//! The phases, called as the lifecycle calls them, and the sizes of the programs.

use super::{Options, Rows, SOME, script, time};
use crate::archive::Archive;
use crate::command::run;
use crate::package::{Options as Package, package};
use crate::triple::Triple;
use crate::workspace::target;
use anyhow::Result;
use fs_err as fs;
use harness::lifecycle::Lifecycle;
use harness::server::{Reply, Server};
use harness::{Goal, interleaved};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Turns of programs that take milliseconds.
const MANY: usize = 200;

/// The reference of these programs.
const NOTHING: &str = "a static program that does nothing";

/// Measures both phases. Returns the directory of the offline package.
pub(super) fn measure(
    options: &Options,
    archive: &Archive,
    directory: &Path,
    rows: &mut Rows,
) -> Result<PathBuf> {
    let path = |name: &str| directory.join(name);
    let packaged = |buildpack_toml: &Path, name: &str, offline| {
        package(&Package {
            offline,
            buildpack_toml: Some(buildpack_toml.to_owned()),
            output: Some(target().join("bench").join(name)),
            targets: options.target.iter().cloned().collect(),
            ..Package::default()
        })
    };
    let offline_package = packaged(&archive.buildpack_toml(), "buildpack-offline", true)?;
    let offline = Lifecycle::of(&offline_package, &path("offline"), "layers");
    let bytes = fs::read(&archive.file)?;
    let server = Server::http(move |_| Reply::ok(&bytes));
    let descriptor = path("buildpack.toml");
    let uri = server.url("/watchexec.tar.xz");
    fs::write(&descriptor, archive.descriptor_with(&uri)?.to_string())?;
    let online_package = packaged(&descriptor, "buildpack", false)?;
    let online = Lifecycle::of(&online_package, &path("online"), "layers");
    let scratch = path("scratch");
    fs::create_dir(&scratch)?;
    let unpack = format!("tar --strip-components=1 -xJf {}", archive.file.display());
    script(&scratch, &unpack)?;

    let nothing = nothing(directory)?;
    for flag in ["true", "false"] {
        let pair = interleaved(
            MANY,
            || time(online.detect_command().env("BP_LIVE_RELOAD_ENABLED", flag)),
            || time(&mut Command::new(&nothing)),
        )?;
        let name = format!("`bin/detect`, `BP_LIVE_RELOAD_ENABLED={flag}`");
        rows.timed(&name, NOTHING, pair, Goal::Ratio(1.3), None);
    }
    let pair = interleaved(
        SOME,
        || time(&mut cold(&offline)?),
        || script(&scratch, "sha256sum watchexec; cp watchexec copy"),
    )?;
    rows.timed(
        "`bin/build`, watchexec inside the buildpack",
        "`sha256sum` and `cp` of the program",
        pair,
        Goal::Ratio(1.3),
        None,
    );
    let by_hand = format!(
        "curl -sSf -o download {uri}; sha256sum download; xz -dc download | tar -x --wildcards \
         '*/watchexec'"
    );
    let pair = interleaved(
        SOME,
        || time(&mut cold(&online)?),
        || script(&scratch, &by_hand),
    )?;
    rows.timed(
        "`bin/build`, download from the same machine",
        "`curl`, `sha256sum`, `xz` and `tar`",
        pair,
        Goal::Ratio(1.0),
        Some("`xz` and `tar` share the decoding between two processes."),
    );
    rebuilds(&online, &offline, &scratch, &nothing, rows)?;

    let size = |file: PathBuf| Ok::<_, anyhow::Error>(megabytes(fs::metadata(file)?.len()));
    let is_release = options.target.as_ref().is_some_and(Triple::is_musl);
    for (program, name, most) in [
        ("build", "`watchexec-buildpack`", 3.0),
        ("live-reload", "`live-reload`", 0.65),
    ] {
        let size = size(online_package.join("bin").join(program))?;
        // Releases are linked to musl, and have these limits.
        let goal = is_release.then_some(Goal::Value(most));
        rows.size(&format!("size of {name}"), size, goal);
    }
    Ok(offline_package)
}

fn rebuilds(
    online: &Lifecycle,
    offline: &Lifecycle,
    scratch: &Path,
    nothing: &Path,
    rows: &mut Rows,
) -> Result<()> {
    let again = |lifecycle: &Lifecycle| {
        lifecycle.restore_cache();
        time(&mut lifecycle.build_command(""))
    };
    let pair = interleaved(
        MANY,
        || again(online),
        || script(scratch, "sha256sum watchexec"),
    )?;
    rows.timed(
        "`bin/build` again, downloaded layer kept",
        "`sha256sum` of the program",
        pair,
        Goal::Ratio(1.0),
        Some("What comes out of the build cache is verified."),
    );
    let pair = interleaved(MANY, || again(offline), || time(&mut Command::new(nothing)))?;
    rows.timed(
        "`bin/build` again, watchexec inside the buildpack",
        NOTHING,
        pair,
        Goal::Added(2.0),
        None,
    );
    Ok(())
}

/// Compiles a static program that does nothing, linked as the buildpack is.
fn nothing(directory: &Path) -> Result<PathBuf> {
    let (source, program) = (directory.join("nothing.rs"), directory.join("nothing"));
    fs::write(&source, "fn main() {}")?;
    let host = Triple::host()?;
    run(Command::new("rustc")
        .args(["-O", "-Cpanic=abort", "-Cstrip=symbols"])
        .args(["-Ctarget-feature=+crt-static", "-Crelocation-model=static"])
        .args(["--target", host.as_str(), "-o"])
        .args([&program, &source]))?;
    Ok(program)
}

/// A build without layers of an earlier one.
fn cold(lifecycle: &Lifecycle) -> Result<Command> {
    fs::remove_dir_all(lifecycle.layers())?;
    fs::create_dir(lifecycle.layers())?;
    Ok(lifecycle.build_command(""))
}

#[expect(clippy::cast_precision_loss, reason = "less than 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
