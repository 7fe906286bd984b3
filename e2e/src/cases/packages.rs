//! Packages as files and in a registry, for one architecture and for both, and repackaged.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde_json::Value;
use tempfile::TempDir;
use toml::Table;

use crate::build::Build;
use crate::buildpacks::START;
use crate::case::{Case, cases, python_app};
use crate::command::expect_words;
use crate::directories::{copy, workspace};
use crate::offline::{Registry, tool};
use crate::package::{ARCHITECTURES, Archive, descriptor, here, package, package_offline};
use crate::terminal::{REGISTRY, Terminal};
use harness::digest;
use harness::server::Server;

cases![
    file,
    offline_file,
    offline_builder,
    both_architectures,
    taken_apart,
];

/// The repository's package.toml makes a file, in a checkout after `make package`.
fn file(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("docs/packages.md")?;
    let [make] = page.blocks()?;
    page.follow(&make.with("amd64", here().name))?;
    let image = build(case, &terminal.path("watchexec.cnb")).image()?;
    image.expect_newest_watchexec()
}

/// A build with the offline package needs no network.
fn offline_file(case: &Case<'_>) -> Result<()> {
    let terminal = offline_terminal(case)?;
    let page = terminal.page("docs/offline.md")?;
    let [make, build] = page.blocks()?;
    page.follow(&make)?;
    page.follow(&build)?;
    terminal.image("my-app-offline").expect_newest_watchexec()
}

/// Nor does a builder with that package.
fn offline_builder(case: &Case<'_>) -> Result<()> {
    let terminal = offline_terminal(case)?;
    let page = terminal.page("docs/offline.md")?;
    // The engine has it under a name that the end of the suite finds.
    let [make, build] = page
        .blocks()?
        .map(|block| block.with(&format!("{REGISTRY}/"), ""));
    page.follow(&make)?;
    page.follow(&build)?;
    terminal.image("my-app-offline").expect_newest_watchexec()
}

/// A terminal after `make package-offline`.
fn offline_terminal<'a>(case: &'a Case<'a>) -> Result<Terminal<'a>> {
    let terminal = case.terminal()?;
    let to = terminal.path("target/package/buildpack-offline");
    copy(&package_offline("package-offline")?, &to)?;
    Ok(terminal)
}

/// pack makes a file for each architecture from one directory.
fn both_architectures(case: &Case<'_>) -> Result<()> {
    let releases = Releases::provide(&case.platform.buildpack, &case.platform.archive)?;
    let package = releases.package("package-both-offline", true)?;
    let terminal = case.terminal()?;
    copy(&package, &terminal.path("both"))?;
    let page = terminal.page("docs/packages.md")?;
    let [make] = page.blocks()?;
    page.follow(&make)?;
    for architecture in &ARCHITECTURES {
        let name = architecture.name;
        let layout = terminal.path(name);
        fs::create_dir(&layout)?;
        // Of an OCI image, which has one layer: the buildpack below `cnb/buildpacks`.
        terminal.run(
            &format!(
                "tar -xf ../watchexec-linux-{name}.cnb
                for blob in blobs/sha256/*; do
                  tar -xf $blob 2>/dev/null || grep -q '\"architecture\":\"{name}\"' $blob && touch is-for-{name}
                done
                mv cnb/buildpacks/*/* buildpack"
            ),
            &layout,
        )?;
        ensure!(
            layout.join(format!("is-for-{name}")).exists(),
            "the file for {name} is for another architecture"
        );
        releases.expect_inside(&layout.join("buildpack"), name)?;
    }
    let file = terminal.path(format!("watchexec-linux-{}.cnb", here().name));
    let build = build(case, &file).arguments(&["--network", "none"]);
    build.image()?.expect_newest_watchexec()
}

/// Follows the page that takes a published package apart, changes it, and publishes it again.
fn taken_apart(case: &Case<'_>) -> Result<()> {
    tool("crane")?;
    let running = Registry::start()?;
    let registry = &running.address;
    let releases = Releases::provide(&case.platform.buildpack, &case.platform.archive)?;
    let package = releases.package("package-both", false)?;
    let terminal = case.terminal()?;
    let page = terminal.page("docs/repackaging.md")?;

    let published = format!("{registry}/watchexec:0.1.0");
    let directory = package.display();
    page.run(&format!(
        "pack buildpack package {published} --path {directory} --publish"
    ))?;
    let [take_apart, put_together] = page.blocks()?;
    let (first_line, _) = take_apart.split_once('\n').context("it is one line")?;
    page.run(&take_apart.replace(first_line, &format!("image={published}")))?;

    in_file(&terminal, &package, "before.cnb")?;
    in_file(&terminal, &terminal.path("buildpack"), "after.cnb")?;
    for architecture in &ARCHITECTURES {
        let name = architecture.name;
        page.run(&format!(
            "cmp before-linux-{name}.cnb after-linux-{name}.cnb"
        ))?;
    }

    for identity in page.all_blocks("not run: tests/repackaging.rs runs it: identity")? {
        page.run(&identity)?;
    }
    page.follow(&put_together.with(REGISTRY, registry))?;
    let manifest = page.run(&format!("crane manifest {registry}/acme/watchexec:1.0.0"))?;
    let manifest: Value = serde_json::from_str(&manifest)?;
    for (index, architecture) in ARCHITECTURES.iter().enumerate() {
        let listed = &manifest["manifests"][index]["platform"]["architecture"];
        ensure!(listed == architecture.name, "the image is {manifest}");
    }

    let file = terminal.path(format!("acme-watchexec-linux-{}.cnb", here().name));
    let image = build(case, &file).image()?;
    expect_words(&image.log, &["Watchexec Buildpack 1.0.0"])?;
    image.expect_newest_watchexec()
}

/// Programs and watchexec for both architectures. Those for another machine are stand-ins.
struct Releases {
    /// A folder of programs for each target, the archives of watchexec, and a buildpack.toml that lists
    /// them.
    folder: TempDir,
    /// The archives and their names, in the order of [`ARCHITECTURES`].
    archives: Vec<(PathBuf, Archive)>,
    _servers: Vec<Server>,
}

/// The programs of a release, and their paths in a package.
const PROGRAMS: [(&str, &str); 2] = [
    ("watchexec-buildpack", "bin/build"),
    ("live-reload", "bin/live-reload"),
];

impl Releases {
    /// Takes the programs for this machine from a package.
    fn provide(package: &Path, released: &Archive) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (mut archives, mut servers, mut urls) = (Vec::new(), Vec::new(), Vec::new());
        for architecture in &ARCHITECTURES {
            let programs = folder.path().join(architecture.target);
            fs::create_dir(&programs)?;
            for (program, packaged) in PROGRAMS {
                let contents = if architecture.is_here {
                    fs::read(package.join(packaged))?
                } else {
                    architecture.stand_in()
                };
                fs::write(programs.join(program), contents)?;
            }
            let archive = if architecture.is_here {
                released.clone()
            } else {
                Archive::of(&released.version, "watchexec", architecture.stand_in())?
            };
            let file = folder.path().join(&archive.file_name);
            fs::write(&file, &archive.contents)?;
            let (server, url) = archive.serve();
            archives.push((file, archive));
            servers.push(server);
            urls.push(url);
        }
        let offers: Vec<_> = ARCHITECTURES.iter().zip(&archives).zip(&urls).collect();
        let offers: Vec<_> = offers
            .iter()
            .map(|((architecture, (_, archive)), url)| (*architecture, archive, url.as_str()))
            .collect();
        let descriptor = descriptor(&workspace().join("buildpack.toml"), &offers)?;
        fs::write(folder.path().join("buildpack.toml"), descriptor)?;
        Ok(Self {
            folder,
            archives,
            _servers: servers,
        })
    }

    /// Packages them for both architectures. Returns the directory.
    fn package(&self, name: &str, offline: bool) -> Result<PathBuf> {
        let folder = self.folder.path().to_string_lossy();
        let descriptor = format!("{folder}/buildpack.toml");
        let mut choices = vec!["--buildpack-toml", &descriptor, "--binaries", &folder];
        for architecture in &ARCHITECTURES {
            choices.extend(["--target", architecture.target]);
        }
        let archives = self.archives.iter().map(|(file, _)| file.to_string_lossy());
        let archives: Vec<_> = archives.collect();
        if offline {
            choices.extend(archives.iter().flat_map(|file| ["--archive", file]));
        }
        package(name, &choices)
    }

    /// Checks that a buildpack has the programs and watchexec for one architecture only, and a
    /// buildpack.toml that lists both.
    fn expect_inside(&self, buildpack: &Path, name: &str) -> Result<()> {
        for (architecture, (_, archive)) in ARCHITECTURES.iter().zip(&self.archives) {
            let inside = buildpack
                .join("dependencies")
                .join(digest(&archive.contents));
            let is_program = |name: &str| name.starts_with("watchexec.");
            let mut files = std::fs::read_dir(inside).into_iter().flatten().flatten();
            let has_program = files.any(|file| file.file_name().to_str().is_some_and(is_program));
            let is_for_it = architecture.name == name;
            ensure!(
                has_program == is_for_it,
                "in the buildpack for {name}, watchexec for {}",
                architecture.name
            );
            let given = self.folder.path().join(architecture.target);
            for (program, packaged) in PROGRAMS.iter().filter(|_| is_for_it) {
                ensure!(
                    fs::read(buildpack.join(packaged))? == fs::read(given.join(program))?,
                    "{packaged} is not the given program"
                );
            }
        }
        let descriptor: Table = fs::read_to_string(buildpack.join("buildpack.toml"))?.parse()?;
        for tables in [
            &descriptor["targets"],
            &descriptor["metadata"]["dependencies"],
        ] {
            for (index, architecture) in ARCHITECTURES.iter().enumerate() {
                let listed = tables[index]["arch"].as_str();
                ensure!(listed == Some(architecture.name), "it lists {tables}");
            }
        }
        Ok(())
    }
}

/// Packages a directory as a file. For several architectures pack makes a file for each, with the
/// platform in its name.
fn in_file(terminal: &Terminal<'_>, package: &Path, name: &str) -> Result<()> {
    let package = package.display();
    let command = format!("pack buildpack package {name} --format file --path {package}");
    terminal.run(&command, &terminal.path(""))?;
    Ok(())
}

fn build<'a>(case: &'a Case<'_>, package: &Path) -> Build<'a> {
    let package = package.to_string_lossy();
    let build = case.build(python_app());
    build.buildpacks(&[&package, START]).live_reload("true")
}
