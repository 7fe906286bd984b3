//! The images that applications are built and run in.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use fs_err::File;
use tar::{EntryType, Header};

use crate::command::{logged, output};
use crate::debian::{self, as_root};
use crate::directories::Directories;
use crate::engine::Engine;
use crate::go::Lifecycle;

const SUITE: &str = "bookworm";
/// What the sample applications need beside the base system.
const PACKAGES: &str = "ca-certificates,nodejs,openjdk-17-jre-headless,python3";
/// The authorities whose certificates the tiny image trusts, as a distribution's tiny image does.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
/// The user of both phases in the base image; the lifecycle asks for the home directory.
const USER: &str = "useradd --uid 1000 --user-group --create-home cnb";
/// The same user in the tiny image.
const PASSWD: &str =
    "root:x:0:0:root:/root:/sbin/nologin\ncnb:x:1000:1000::/home/cnb:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ncnb:x:1000:\n";

/// What the platform reads of a base image (platform specification, "Build Image" and "Run Image"):
/// its user, and its distribution, without which the lifecycle tells buildpacks of none. Without
/// PATH the launcher finds no program.
const CONFIGURATION: [&str; 6] = [
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "ENV CNB_USER_ID=1000",
    "ENV CNB_GROUP_ID=1000",
    "USER 1000:1000",
    "LABEL io.buildpacks.base.distro.name=debian",
    "LABEL io.buildpacks.base.distro.version=12",
];

/// The user of an image whose applications run as another one than buildpacks.
const OTHER_USER: &str = "USER 1002:1000";

/// The images by what they are for.
#[derive(Debug)]
pub(crate) struct Images {
    /// Where buildpacks run, and an ordinary image to run applications in: a shell, Python, Node.js,
    /// Java.
    pub(crate) base: String,
    /// An image to run applications in with no shell, no libc, no program at all.
    pub(crate) tiny: String,
    /// The base image with another user for applications than for buildpacks, of the same group,
    /// as distributions have it.
    pub(crate) other_user: String,
    /// The lifecycle alone: pack runs its phases from this one when a build brings buildpacks that
    /// the builder does not have.
    pub(crate) lifecycle: String,
}

impl Images {
    /// Makes them, from tarballs that are kept for the next run.
    pub(crate) fn provide(
        lifecycle: &Lifecycle,
        engine: &Engine,
        directories: &Directories,
    ) -> Result<Self> {
        let recipe = [SUITE, PACKAGES, USER].map(str::as_bytes);
        let base =
            directories.cached("base", &recipe, |tarball| bootstrap(tarball, directories))?;
        let base_name = base.as_os_str().as_encoded_bytes();
        let recipe = [base_name, PASSWD.as_bytes(), GROUP.as_bytes()];
        let tiny = directories.cached("tiny", &recipe, |tarball| {
            let mut archive = tar::Builder::new(File::create(tarball)?);
            add_tiny(&mut archive, &base)?;
            archive.finish()?;
            Ok(())
        })?;
        let version = lifecycle.version.as_bytes();
        let phases = directories.cached("lifecycle", &[base_name, version], |tarball| {
            let mut archive = tar::Builder::new(File::create(tarball)?);
            add_tiny(&mut archive, &base)?;
            archive.follow_symlinks(false);
            archive.append_dir_all("cnb/lifecycle", &lifecycle.programs)?;
            archive.finish()?;
            Ok(())
        })?;
        let base = engine.import(&base, &CONFIGURATION)?;
        Ok(Self {
            other_user: engine.derive(&base, "user-1002-1000", &[OTHER_USER])?,
            base,
            tiny: engine.import(&tiny, &CONFIGURATION)?,
            lifecycle: engine.import(&phases, &[])?,
        })
    }
}

fn bootstrap(tarball: &Path, directories: &Directories) -> Result<()> {
    debian::provide(
        "debootstrap",
        &["debootstrap", "debian-archive-keyring"],
        directories,
    )?;
    let root = tempfile::tempdir_in(directories.unfinished())?;
    let root = root.path().join("root");
    let built = logged(
        as_root("debootstrap")
            .args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE])
            .arg(&root),
        &directories.log("debootstrap"),
    )
    .and_then(|()| output(as_root("chroot").arg(&root).args(USER.split(' '))))
    .and_then(|_| {
        output(
            as_root("tar")
                .args(["--create", "--numeric-owner"])
                .args([
                    "--exclude=./var/cache/apt/*",
                    "--exclude=./usr/share/doc/*",
                    "--file",
                ])
                .arg(tarball)
                .arg("--directory")
                .arg(&root)
                .arg("."),
        )
    });
    // The files are root's, whoever runs the suite.
    output(as_root("rm").args(["--recursive", "--force"]).arg(&root))?;
    built.map(drop)
}

/// What a program needs of an image when it brings everything else itself.
fn add_tiny(archive: &mut tar::Builder<File>, base: &Path) -> Result<()> {
    let certificates = output(
        Command::new("tar")
            .args(["--extract", "--to-stdout", "--file"])
            .arg(base)
            .arg(format!("./{CERTIFICATES}")),
    )?;
    for (path, mode, owner) in [
        ("etc/", 0o755, 0),
        ("etc/ssl/", 0o755, 0),
        ("etc/ssl/certs/", 0o755, 0),
        ("home/", 0o755, 0),
        ("home/cnb/", 0o755, 1000),
        ("root/", 0o700, 0),
        ("tmp/", 0o1777, 0),
    ] {
        archive.append_data(
            &mut header(EntryType::Directory, mode, owner, ""),
            path,
            &b""[..],
        )?;
    }
    for (path, text) in [
        ("etc/passwd", PASSWD),
        ("etc/group", GROUP),
        (CERTIFICATES, &certificates),
    ] {
        let mut header = header(EntryType::Regular, 0o644, 0, text);
        archive.append_data(&mut header, path, text.as_bytes())?;
    }
    Ok(())
}

fn header(kind: EntryType, mode: u32, owner: u64, text: &str) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_size(text.len() as u64);
    header
}
