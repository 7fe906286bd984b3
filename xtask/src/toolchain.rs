//! Compilers and linkers for a target.
//!
//! Programs for musl are compiled on any machine for both architectures. zig, from `PyPI`, is their
//! C compiler and linker, and brings musl. Their standard library is the one that rustup has
//! installed; without it, Debian's compiler makes one from the sources that Debian packages with
//! it.

use crate::command::{cargo, output, run};
use crate::triple::Triple;
use crate::workspace;
use anyhow::{Context, Result};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The settings of cargo for a target. The toolchain's own target needs no settings.
#[derive(Default)]
pub(crate) struct Toolchain {
    /// Variables for cargo.
    pub(crate) environment: Vec<(String, OsString)>,
    /// Flags for rustc.
    pub(crate) flags: Vec<String>,
    /// The directory of the sources of the standard library, if it is compiled.
    pub(crate) std_sources: Option<PathBuf>,
    /// The version of the standard library, which is the compiler's.
    pub(crate) std_version: String,
    /// The version of musl, for targets of musl.
    pub(crate) musl_version: Option<String>,
}

impl Toolchain {
    /// Provides the toolchain for a target, and prints which one it is.
    pub(crate) fn provide(triple: &Triple) -> Result<Self> {
        let mut toolchain = Self::default();
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut means = "the installed standard library".to_owned();
        let mut compiler = Command::new(&rustc);
        if triple.is_musl() {
            let zig = toolchain.link_with_zig(triple)?;
            if !has_std(&rustc, triple)? {
                let debian = debian_rustc(triple)?;
                compiler = Command::new(debian.join("usr/bin/rustc"));
                toolchain.compile_std(&debian);
                "a standard library from Debian's sources".clone_into(&mut means);
            }
            means = format!("{means}, zig {zig}");
        }
        let version = output(compiler.arg("--version").envs(toolchain.variables()))?;
        eprintln!("Compiling for {triple} with {version}, {means}");
        let number = version.split(' ').nth(1).context("rustc has no version")?;
        number.clone_into(&mut toolchain.std_version);
        Ok(toolchain)
    }

    /// Cargo, building static programs for `triple` without any path of this machine in them.
    ///
    /// Naming the target keeps the flags away from build scripts and procedural macros, which
    /// cannot be linked statically.
    pub(crate) fn static_build(
        &self,
        subcommand: &str,
        triple: &Triple,
        link_args: &[String],
    ) -> Command {
        let root = Some(workspace::root().to_owned());
        // Messages of panics contain the paths of sources. The last one that fits is taken.
        let remapped = [
            (root, "/buildpack"),
            (cargo_home(), "/cargo"),
            (self.std_sources.clone(), "/rust"),
        ];
        let mut flags: Vec<String> = remapped
            .into_iter()
            .filter_map(|(from, to)| Some(format!("--remap-path-prefix={}={to}", from?.display())))
            .collect();
        flags.extend(link_args.iter().map(|arg| format!("-Clink-arg={arg}")));
        flags.push("-Ctarget-feature=+crt-static".to_owned());
        // At a fixed address, as Go programs are: relocating took a tenth of detect's time, and a
        // list of relocations 4 % of the file (2026-11).
        flags.push("-Crelocation-model=static".to_owned());
        flags.extend(self.flags.clone());
        let mut command = cargo(subcommand);
        command
            .envs(self.variables())
            // Takes precedence over every other setting of flags, and a flag can contain a space.
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .args(["--target", triple.as_str()]);
        command
    }

    /// The variables, as a command takes them.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &OsString)> {
        (self.environment.iter()).map(|(name, value)| (name.as_str(), value))
    }

    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Makes zig the C compiler and the linker. Returns its version.
    fn link_with_zig(&mut self, triple: &Triple) -> Result<String> {
        let folder = zig()?;
        let zig = folder.join("ziglang/zig");
        fs::create_dir_all(directory())?;
        let name = triple.as_str().replace("-unknown", "");
        let variable = triple.as_str().replace('-', "_");
        for (tool, variables) in [
            (
                "cc",
                [
                    format!("CC_{variable}"),
                    format!("CARGO_TARGET_{}_LINKER", variable.to_uppercase()),
                ]
                .as_slice(),
            ),
            ("ar", &[format!("AR_{variable}")]),
        ] {
            // The script reads the target from the name by which it is called.
            let link = directory().join(format!("{name}-{tool}"));
            if !link.is_symlink() {
                symlink("../../xtask/zig.sh", &link)?;
            }
            for variable in variables {
                self.set(variable, &link);
            }
        }
        let version = output(Command::new(&zig).arg("version"))?;
        let musl = fs::read_to_string(folder.join("ziglang/lib/libc/musl/src/internal/version.h"))?;
        let musl = musl
            .split('"')
            .nth(1)
            .context("zig's musl has no version")?;
        self.musl_version = Some(musl.to_owned());
        self.set("ZIG", zig);
        for cache in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
            self.set(cache, directory().join("zig-cache"));
        }
        // zig links its own start files of musl.
        self.flags.push("-Clink-self-contained=no".to_owned());
        Ok(version)
    }

    /// Makes Debian's rustc the compiler, which compiles the standard library too.
    fn compile_std(&mut self, debian: &Path) {
        self.std_sources = Some(debian.join("usr/lib/rustlib/src/rust"));
        self.set("RUSTC", debian.join("usr/bin/rustc"));
        let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        self.set("LD_LIBRARY_PATH", debian.join(libraries));
        // A stable compiler builds the standard library only with this variable.
        self.set("RUSTC_BOOTSTRAP", "1");
        self.set("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
        // Without `backtrace`, which is a fifth of a small program: the programs are stripped, so
        // that a backtrace would name no function.
        self.set("CARGO_UNSTABLE_BUILD_STD_FEATURES", "panic-unwind");
    }
}

/// The directory of links to our script for zig, and of what zig keeps.
fn directory() -> PathBuf {
    workspace::target().join("toolchain")
}

/// Whether a compiler has the standard library for a target.
fn has_std(rustc: &OsString, triple: &Triple) -> Result<bool> {
    let print = ["--print", "target-libdir", "--target", triple.as_str()];
    let folder = output(Command::new(rustc).args(print))?;
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(false);
    };
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.any(|name| name.starts_with("libstd-")))
}

/// The directory of the pinned zig.
fn zig() -> Result<PathBuf> {
    let pinned = fs::read_to_string(workspace::root().join("xtask/zig.txt"))?;
    let pip = "-m pip install --quiet --no-deps --require-hashes --only-binary :all:";
    harness::cached("zig", &[&pinned], |folder| {
        run(Command::new("python3")
            .args(pip.split(' '))
            .args(["--requirement", "xtask/zig.txt", "--target"])
            .arg(folder)
            .current_dir(workspace::root()))
        .context("zig is not available: pip installs it from PyPI")
    })
}

/// The directory of Debian's rustc with the sources of its standard library.
fn debian_rustc(triple: &Triple) -> Result<PathBuf> {
    let script = workspace::root().join("xtask/debian-rustc.sh");
    harness::cached("debian-rustc", &[&fs::read_to_string(&script)?], |root| {
        eprintln!("Unpacking Debian's rustc, once");
        fs::create_dir(root)?;
        run(Command::new(&script).arg(root)).with_context(|| {
            format!(
                "no standard library for {triple}: install it by `rustup target add {triple}`, or \
                 work on Debian 12, which has a package of its sources"
            )
        })
    })
}

/// Cargo's directory for downloads.
fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}
