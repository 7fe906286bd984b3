//! The images that applications are built and run in.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use fs_err::File;
use tar::{Builder, EntryType, Header};

use crate::command::{logged, output};
use crate::debian::{self, as_root};
use crate::directories::Directories;
use crate::engine::Engine;

const SUITE: &str = "bookworm";
/// What the sample applications need beside the base system.
const PACKAGES: &str = "ca-certificates,openjdk-17-jre-headless,python3";
/// The authorities whose certificates the tiny image trusts, as a distribution's tiny image does.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";
/// The user of both phases, whom the tiny image must know too.
const PASSWD: &str =
    "root:x:0:0:root:/root:/sbin/nologin\ncnb:x:1000:1000::/home/cnb:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ncnb:x:1000:\n";

/// The images by what they are for.
#[derive(Debug)]
pub(crate) struct Images {
    /// Where buildpacks run, and an ordinary image to run applications in: a shell, Python, Java.
    pub(crate) base: String,
    /// An image to run applications in with no shell, no libc, no program at all.
    pub(crate) tiny: String,
}

impl Images {
    /// Makes both, from tarballs that are kept for the next run.
    pub(crate) fn provide(engine: &Engine, directories: &Directories) -> Result<Self> {
        let base = directories.cached(
            "base",
            &[SUITE.as_bytes(), PACKAGES.as_bytes()],
            |tarball| bootstrap(tarball, directories),
        )?;
        let inputs = [
            base.as_os_str().as_encoded_bytes(),
            PASSWD.as_bytes(),
            GROUP.as_bytes(),
        ];
        let tiny = directories.cached("tiny", &inputs, |tarball| assemble_tiny(tarball, &base))?;
        Ok(Self {
            base: engine.import(&base, &configuration())?,
            tiny: engine.import(&tiny, &configuration())?,
        })
    }
}

/// What the platform reads of a base image (platform specification, "Build Image" and "Run Image"):
/// its user, and its distribution, without which the lifecycle tells buildpacks of none. Without
/// PATH the launcher finds no program.
fn configuration() -> Vec<String> {
    [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV CNB_USER_ID=1000",
        "ENV CNB_GROUP_ID=1000",
        "USER 1000:1000",
        "LABEL io.buildpacks.base.distro.name=debian",
        "LABEL io.buildpacks.base.distro.version=12",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn bootstrap(tarball: &Path, directories: &Directories) -> Result<()> {
    debian::provide(
        "debootstrap",
        &["debootstrap", "debian-archive-keyring"],
        directories,
    )?;
    let root = tempfile::tempdir_in(directories.target("cache"))?;
    let root = root.path().join("root");
    let built = logged(
        as_root("debootstrap")
            .args(["--variant=minbase", &format!("--include={PACKAGES}"), SUITE])
            .arg(&root),
        &directories.log("debootstrap"),
    )
    .and_then(|()| {
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

fn assemble_tiny(tarball: &Path, base: &Path) -> Result<()> {
    let certificates = output(
        Command::new("tar")
            .args(["--extract", "--to-stdout", "--file"])
            .arg(base)
            .arg(format!("./{CERTIFICATES}")),
    )?;
    let mut archive = Builder::new(File::create(tarball)?);
    for (path, mode, owner) in [
        ("etc/", 0o755, 0),
        ("etc/ssl/", 0o755, 0),
        ("etc/ssl/certs/", 0o755, 0),
        ("home/", 0o755, 0),
        ("home/cnb/", 0o755, 1000),
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
        archive.append_data(
            &mut header(EntryType::Regular, 0o644, 0, text),
            path,
            text.as_bytes(),
        )?;
    }
    archive.into_inner()?;
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
