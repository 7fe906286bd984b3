//! What is handed on: packages in files and in a registry, for one architecture and for both, and
//! taken apart and changed by a repackager.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use toml::Table;

use super::Case;
use crate::architecture::{ALL, Architecture, ELSEWHERE, HERE};
use crate::archives::Archive;
use crate::builder::{START, WATCHEXEC};
use crate::buildpack::{Buildpack, Offer, descriptor};
use crate::command::output;
use crate::directories;
use crate::go;
use crate::pack::{Build, Image, expect_words};
use crate::package_file::PackageFile;
use crate::page::{commands, shell};
use crate::platform::Platform;
use crate::registry::Registry;
use crate::server::Served;

pub(super) const CASES: &[Case] = &[
    ("packages::file", file),
    ("packages::offline_file", offline_file),
    ("packages::another_copy_makes_the_same_file", same_file),
    ("packages::both_architectures", both_architectures),
    ("packages::another_architecture", another_architecture),
    ("packages::taken_apart", taken_apart),
];

const OPERATORS: &str = "docs/operators.md";
const REPACKAGING: &str = "docs/repackaging.md";

/// By the repository's package.toml, in a folder laid out as a checkout after `make package`.
fn file(platform: &Platform) -> Result<()> {
    let name = "packages::file";
    let checkout = checkout_with(&platform.watchexec, "buildpack")?;
    for name in ["package.toml", "buildpack.toml"] {
        let from = platform.directories.workspace().join(name);
        fs::copy(from, checkout.path().join(name))?;
    }
    for commands in commands(&platform.directories, OPERATORS, &format!("run: {name}"))? {
        let commands = commands.replace("amd64", HERE.name);
        output(&mut shell(
            &platform.directories,
            checkout.path(),
            &commands,
        )?)?;
    }
    build(platform, name, &checkout.path().join("watchexec.cnb"))
        .image()?
        .expect_watchexec(&platform.archive.version)
}

/// A build with it has no network.
fn offline_file(platform: &Platform) -> Result<()> {
    let name = "packages::offline_file";
    let package = Buildpack::package_offline("package-offline", &platform.directories)?;
    let checkout = checkout_with(&package.directory, "buildpack-offline")?;
    for commands in commands(&platform.directories, OPERATORS, &format!("run: {name}"))? {
        output(&mut shell(
            &platform.directories,
            checkout.path(),
            &commands,
        )?)?;
    }
    let file = checkout.path().join("watchexec-offline.cnb");
    let image = offline(build(platform, name, &file)).image()?;
    expect_words(&image.log, &["inside the buildpack"])?;
    image.expect_watchexec(&platform.archive.version)
}

/// Of the same package at another place, whose files are of another time.
fn same_file(platform: &Platform) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let package = &platform.buildpack.directory;
    let copy = folder.path().join("elsewhere/copy");
    directories::copy_as_new(package, &copy)?;
    let mut files = Vec::new();
    for (name, directory) in [("first.cnb", package), ("second.cnb", &copy)] {
        files.push(fs::read(in_file(
            platform,
            directory,
            folder.path(),
            name,
        )?)?);
    }
    ensure!(files[0] == files[1], "the two files differ");
    Ok(())
}

/// One directory, from which pack makes a file for each.
fn both_architectures(platform: &Platform) -> Result<()> {
    let name = "packages::both_architectures";
    let releases = Releases::provide(platform)?;
    let package = releases.package("package-both-offline", &ALL, true)?;
    let folder = tempfile::tempdir()?;
    in_file(platform, &package, folder.path(), "watchexec.cnb")?;
    let file = |architecture: &Architecture| {
        let name = format!("watchexec-linux-{}.cnb", architecture.name);
        folder.path().join(name)
    };
    for architecture in &ALL {
        let opened = PackageFile::open(&file(architecture), WATCHEXEC, &version(platform)?)?;
        ensure!(
            opened.architecture == architecture.name,
            "the file for {} is for {}",
            architecture.name,
            opened.architecture
        );
        releases.expect_inside(&opened.buildpack, architecture)?;
        expect_lists(&opened.buildpack, &["amd64", "arm64"])?;
    }
    offline(build(platform, name, &file(&HERE)))
        .image()?
        .expect_watchexec(&platform.archive.version)
}

/// A package for machines that this one is not, out of programs that are given.
fn another_architecture(platform: &Platform) -> Result<()> {
    let releases = Releases::provide(platform)?;
    let package = releases.package("package-elsewhere-offline", &[ELSEWHERE], true)?;
    let folder = tempfile::tempdir()?;
    let file = in_file(platform, &package, folder.path(), "watchexec.cnb")?;
    let opened = PackageFile::open(&file, WATCHEXEC, &version(platform)?)?;
    ensure!(
        opened.architecture == ELSEWHERE.name,
        "the file is for {}",
        opened.architecture
    );
    releases.expect_inside(&opened.buildpack, &ELSEWHERE)?;
    expect_lists(&opened.buildpack, &[ELSEWHERE.name])
}

/// A published package is taken apart, changed, packaged and published again, as the page tells.
fn taken_apart(platform: &Platform) -> Result<()> {
    let name = "packages::taken_apart";
    let crane = go::crane(&platform.directories)?;
    let registry = Registry::start(&crane)?;
    let releases = Releases::provide(platform)?;
    let package = releases.package("package-both", &ALL, false)?;
    let folder = tempfile::tempdir()?;
    let run = |commands: &str| output(&mut shell(&platform.directories, folder.path(), commands)?);

    let published = registry.image("watchexec:0.1.0");
    let directory = package.display();
    run(&format!(
        "pack buildpack package {published} --path {directory} --publish"
    ))?;
    let blocks = commands(&platform.directories, REPACKAGING, &format!("run: {name}"))?;
    let [take_apart, put_together] = blocks.as_slice() else {
        anyhow::bail!("{REPACKAGING} has {} blocks for {name}", blocks.len())
    };
    let (first_line, _) = take_apart.split_once('\n').context("it is one line")?;
    run(&take_apart.replace(first_line, &format!("image={published}")))?;

    let apart = folder.path().join("buildpack");
    for (name, directory) in [("before.cnb", &package), ("after.cnb", &apart)] {
        in_file(platform, directory, folder.path(), name)?;
    }
    for architecture in &ALL {
        let read = |name: &str| {
            let name = format!("{name}-linux-{}.cnb", architecture.name);
            fs::read(folder.path().join(name))
        };
        ensure!(
            read("before")? == read("after")?,
            "packaged unchanged, the file for {} is another",
            architecture.name
        );
    }

    for identity in commands(
        &platform.directories,
        REPACKAGING,
        "not run: tests/repackaging.rs runs it: identity",
    )? {
        run(&identity)?;
    }
    let place = registry.image("");
    run(&put_together.replace("registry.example.com/", &place))?;
    let manifest = run(&format!("crane manifest {place}acme/watchexec:1.0.0"))?;
    let manifest: Value = serde_json::from_str(&manifest)?;
    let architectures: Vec<_> = (0..ALL.len())
        .map(|index| manifest["manifests"][index]["platform"]["architecture"].as_str())
        .collect();
    ensure!(
        architectures == [Some("amd64"), Some("arm64")],
        "the image is {manifest}"
    );

    let file = format!("acme-watchexec-linux-{}.cnb", HERE.name);
    let image: Image<'_> = build(platform, name, &folder.path().join(file)).image()?;
    expect_words(&image.log, &["Watchexec Buildpack 1.0.0"])?;
    image.expect_watchexec(&platform.archive.version)
}

/// Programs and releases for both architectures. What does not run here is a stand-in.
struct Releases<'a> {
    platform: &'a Platform,
    /// A folder for each target, as a release has it.
    programs: PathBuf,
    /// The archives of watchexec, in the order of [`ALL`].
    archives: Vec<PathBuf>,
    /// The buildpack.toml that lists them.
    descriptor: PathBuf,
    _folder: TempDir,
}

impl<'a> Releases<'a> {
    fn provide(platform: &'a Platform) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let programs = folder.path().join("programs");
        let mut archives = Vec::new();
        let mut offers = Vec::new();
        for architecture in ALL {
            let is_here = architecture.name == HERE.name;
            let to = programs.join(architecture.target);
            fs::create_dir_all(&to)?;
            for (program, packaged) in [
                ("watchexec-buildpack", "bin/build"),
                ("live-reload", "bin/live-reload"),
            ] {
                let contents = if is_here {
                    fs::read(platform.buildpack.directory.join(packaged))?
                } else {
                    architecture.stand_in()
                };
                fs::write(to.join(program), contents)?;
            }

            let archive = if is_here {
                platform.archive.clone()
            } else {
                let program = architecture.stand_in();
                Archive::with_program(&platform.archive.version, "watchexec", &program)?
            };
            let file = folder
                .path()
                .join(format!("{}-{}", architecture.name, archive.file_name));
            fs::write(&file, &archive.contents)?;
            archives.push(file);
            offers.push(Offer {
                architecture: architecture.name,
                ..Offer::new(&archive, serve(platform, &archive))
            });
        }
        let repository = platform.directories.workspace().join("buildpack.toml");
        let descriptor_file = folder.path().join("buildpack.toml");
        let offers: Vec<&Offer> = offers.iter().collect();
        fs::write(&descriptor_file, descriptor(&repository, &offers)?)?;
        Ok(Self {
            platform,
            programs,
            archives,
            descriptor: descriptor_file,
            _folder: folder,
        })
    }

    /// Packages for these architectures, and returns the directory.
    fn package(
        &self,
        name: &str,
        architectures: &[Architecture],
        offline: bool,
    ) -> Result<PathBuf> {
        let mut choices = vec!["--buildpack-toml".to_owned(), shown(&self.descriptor)];
        for architecture in architectures {
            choices.extend(["--target".to_owned(), architecture.target.to_owned()]);
        }
        let programs = match architectures {
            [one] => self.programs.join(one.target),
            _ => self.programs.clone(),
        };
        choices.extend(["--binaries".to_owned(), shown(&programs)]);
        if offline {
            for (archive, architecture) in self.archives.iter().zip(&ALL) {
                if architectures
                    .iter()
                    .any(|one| one.name == architecture.name)
                {
                    choices.extend(["--archive".to_owned(), shown(archive)]);
                }
            }
        }
        let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
        Ok(Buildpack::package(name, &choices, &self.platform.directories)?.directory)
    }

    /// That a buildpack has the programs of an architecture, and watchexec for it inside.
    fn expect_inside(&self, buildpack: &Path, architecture: &Architecture) -> Result<()> {
        let given = self.programs.join(architecture.target);
        for (packaged, program) in [
            ("bin/build", "watchexec-buildpack"),
            ("bin/detect", "watchexec-buildpack"),
            ("bin/live-reload", "live-reload"),
        ] {
            ensure!(
                fs::read(buildpack.join(packaged))? == fs::read(given.join(program))?,
                "{packaged} is not the given program"
            );
        }
        for (archive, of) in self.archives.iter().zip(&ALL) {
            let digest = hex::encode(Sha256::digest(fs::read(archive)?));
            let inside = buildpack.join("dependencies").join(digest);
            if of.name == architecture.name {
                let program = fs::read(inside.join("bin/watchexec"))?;
                ensure!(
                    architecture.has(&program),
                    "what is inside is no program for {}",
                    architecture.name
                );
            } else {
                ensure!(!inside.exists(), "the release for {} is inside", of.name);
            }
        }
        Ok(())
    }
}

/// That a buildpack.toml has targets and dependencies of these architectures.
fn expect_lists(buildpack: &Path, architectures: &[&str]) -> Result<()> {
    let descriptor: Table = fs::read_to_string(buildpack.join("buildpack.toml"))?.parse()?;
    let listed = |tables: &toml::Value| -> Option<Vec<String>> {
        let tables = tables.as_array()?.iter();
        tables
            .map(|table| Some(table.get("arch")?.as_str()?.to_owned()))
            .collect()
    };
    for (what, tables) in [
        ("targets", &descriptor["targets"]),
        ("dependencies", &descriptor["metadata"]["dependencies"]),
    ] {
        let listed = listed(tables).with_context(|| format!("{what} without `arch`"))?;
        ensure!(listed == architectures, "{what} for {listed:?}");
    }
    Ok(())
}

/// A folder in which a package is where `cargo xtask package` puts it.
fn checkout_with(package: &Path, name: &str) -> Result<TempDir> {
    let checkout = tempfile::tempdir()?;
    let packages = checkout.path().join("target/package");
    directories::copy(package, &packages.join(name))?;
    Ok(checkout)
}

/// Makes a file of a package: of one for several architectures a file for each, with the platform
/// in its name.
fn in_file(platform: &Platform, package: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let package = package.display();
    let command = format!("pack buildpack package {name} --format file --path {package}");
    output(&mut shell(&platform.directories, folder, &command)?)?;
    Ok(folder.join(name))
}

/// The buildpack's version.
fn version(platform: &Platform) -> Result<String> {
    let file = platform.directories.workspace().join("buildpack.toml");
    let descriptor: Table = fs::read_to_string(file)?.parse()?;
    let version = descriptor["buildpack"]["version"].as_str();
    Ok(version.context("buildpack.toml has no version")?.to_owned())
}

/// The address of an archive.
fn serve(platform: &Platform, archive: &Archive) -> String {
    let path = format!("packages/{}", archive.file_name);
    platform
        .server
        .serve(&path, Served::whole(archive.contents.clone()))
}

fn build<'a>(platform: &'a Platform, name: &str, package: &Path) -> Build<'a> {
    Build::new(platform, name, &platform.directories.source("apps/python"))
        .buildpacks(&[&package.to_string_lossy(), START])
        .live_reload("true")
}

fn offline(build: Build<'_>) -> Build<'_> {
    build.arguments(&["--network", "none"])
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
