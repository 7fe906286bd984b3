//! The images that apps are built and run in.

use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;

use super::debian;
use super::{Engine, Lifecycle};
use crate::command::{as_root, logged, output};
use crate::directories::log;
use harness::cached;

const SUITE: &str = "bookworm";
/// The packages that the sample apps need.
const PACKAGES: &str =
    "ca-certificates,gunicorn,nodejs,openjdk-17-jre-headless,php-cli,puma,python3,ruby";
/// The user of both phases in the base image; the lifecycle asks for the home directory.
const USER: &str = "useradd --uid 1000 --user-group --create-home cnb";
/// The files of the base image.
const BASE: &str = "--exclude=./var/cache/apt/* --exclude=./usr/share/doc/* .";
/// The files of the tiny image, for a program without any other dependency.
const TINY: &str = "--no-recursion ./etc ./etc/group ./etc/passwd ./etc/ssl ./etc/ssl/certs \
    ./etc/ssl/certs/ca-certificates.crt ./home ./home/cnb ./root ./tmp";

/// The settings of a base image that the platform reads (platform specification, "Build Image" and
/// "Run Image"): its user, and its distribution for buildpacks. Without PATH the launcher finds no
/// program.
const CONFIGURATION: [&str; 6] = [
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV CNB_USER_ID=1000",
    "ENV CNB_GROUP_ID=1000",
    "USER 1000:1000",
    "LABEL io.buildpacks.base.distro.name=debian",
    "LABEL io.buildpacks.base.distro.version=12",
];

/// The images by their use.
#[derive(Clone, Debug)]
pub(crate) struct Images {
    /// The build image, and an ordinary run image with a shell, Python, Node.js, PHP, Ruby and
    /// Java.
    pub(crate) base: String,
    /// A run image with no shell, no libc, no program at all.
    pub(crate) tiny: String,
    /// A run image whose user differs from that of the build image, but has the same group.
    pub(crate) other_user: String,
    /// The base image with the lifecycle. pack runs phases from it when a build adds buildpacks to
    /// a builder.
    pub(crate) lifecycle: String,
    /// The base image with a process that only waits: the first container of each pod.
    pub(crate) pause: String,
}

impl Images {
    /// Makes the images from tarballs that are kept for the next run.
    pub(crate) fn provide(lifecycle: &Lifecycle, engine: &Engine) -> Result<Self> {
        let tarballs = cached("images", &[SUITE, PACKAGES, USER, BASE, TINY], bootstrap)?;
        let id = tarballs.file_name().context("a cached file has a name")?;
        let id = id.to_string_lossy();
        let configure = || CONFIGURATION.iter().flat_map(|line| ["--change", line]);
        let import = |name: &str| {
            engine.base_image(&format!("{id}-{name}"), |image| {
                let mut import = engine.docker();
                import.arg("import").args(configure());
                output(import.arg(tarballs.join(format!("{name}.tar"))).arg(image))?;
                Ok(())
            })
        };
        let base = import("base")?;

        let change = |name: &str, files: Option<(&Path, &str)>, change: &str| {
            engine.base_image(&format!("{id}-{name}"), |image| {
                engine.derive(image, &base, files, &[change])
            })
        };
        let lifecycle_name = format!("lifecycle-{}", lifecycle.version);
        Ok(Self {
            tiny: import("tiny")?,
            other_user: change("other-user", None, "USER 1002:1000")?,
            lifecycle: change(
                &lifecycle_name,
                Some((&lifecycle.directory, "/cnb")),
                "USER 0:0",
            )?,
            pause: change("pause", None, "CMD [\"sleep\", \"infinity\"]")?,
            base,
        })
    }
}

/// Makes a directory with the tarballs of the base image and the tiny image.
fn bootstrap(directory: &Path) -> Result<()> {
    debian::provide("debootstrap", &["debootstrap", "debian-archive-keyring"])?;
    let root = directory.join("root");
    fs::create_dir(directory)?;
    let include = format!("--include={PACKAGES}");
    let mut debootstrap = as_root("debootstrap");
    debootstrap.args(["--variant=minbase", &include, SUITE]);
    logged(debootstrap.arg(&root), &log("debootstrap"))?;
    output(as_root("chroot").arg(&root).args(USER.split(' ')))?;
    for (name, files) in [("base.tar", BASE), ("tiny.tar", TINY)] {
        let mut tar = as_root("tar");
        tar.args(["-c", "--numeric-owner", "-f"])
            .arg(directory.join(name));
        output(tar.arg("-C").arg(&root).args(files.split_whitespace()))?;
    }
    // The files belong to root.
    output(as_root("rm").arg("-rf").arg(&root))?;
    Ok(())
}
