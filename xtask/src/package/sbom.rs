//! The SBOMs in a package: its programs, the crates that they are built from, and the releases
//! inside, in the same formats as the SBOMs of an image.

use super::{BUILDPACK, LIVE_RELOAD};
use crate::command::{cargo, output};
use crate::toolchain::Toolchain;
use crate::triple::Triple;
use anyhow::{Context, Result, bail};
use fs_err as fs;
use libcnb::data::buildpack::Buildpack;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use watchexec_release::checksum::Checksum;
use watchexec_release::sbom::crates::{self, Crate, TOOLCHAIN};
use watchexec_release::sbom::subject::Subject;
use watchexec_release::sbom::{documents, names};

/// Writes the SBOMs of the package in `root`, once its programs are there, and the list of the
/// crates of `live-reload` for the SBOMs of images.
pub(super) fn write(
    buildpack: &Buildpack,
    target: &Triple,
    libraries: &[Crate],
    root: &Path,
) -> Result<()> {
    let list = crates::list_beside(&root.join("bin").join(LIVE_RELOAD));
    let crates = linked_into(&[LIVE_RELOAD], target, libraries)?;
    fs::write(list, serde_json::to_string(&crates)?)?;

    let crates = linked_into(&[BUILDPACK, LIVE_RELOAD], target, libraries)?;
    // Sorted by path, which puts the program of the buildpack first.
    let mut files = BTreeMap::new();
    for folder in ["bin", "dependencies"] {
        add_files(root, Path::new(folder), &mut files)?;
    }
    let files = files
        .iter()
        .map(|(path, checksum)| (path.as_str(), *checksum))
        .collect();
    let subject = Subject {
        crates: Some(&crates),
        ..Subject::part(buildpack, buildpack.id.as_str(), files)
    };
    for (format, document) in documents(&subject) {
        fs::write(root.join(names(&format).1), document)?;
    }
    Ok(())
}

/// What a toolchain links into each program besides crates: the standard library, and musl.
pub(super) fn libraries(toolchain: &Toolchain) -> Vec<Crate> {
    let library = |name: &str, product: &str, version: &str, license: &str| Crate {
        name: name.to_owned(),
        version: version.to_owned(),
        source: TOOLCHAIN.to_owned(),
        license: Some(license.to_owned()),
        cpe: Some(format!("cpe:2.3:a:{product}:{version}:*:*:*:*:*:*:*")),
        root: false,
        dependencies: Vec::new(),
    };
    let version = &toolchain.std_version;
    let std = library("rust-std", "rust-lang:rust", version, "MIT OR Apache-2.0");
    let musl = toolchain.musl_version.as_ref();
    let musl = musl.map(|version| library("musl", "musl-libc:musl", version, "MIT"));
    std::iter::once(std).chain(musl).collect()
}

/// The crates linked into programs, without those that build or test them, and the libraries of the
/// toolchain.
fn linked_into(packages: &[&str], target: &Triple, libraries: &[Crate]) -> Result<Vec<Crate>> {
    let tree = output(
        cargo("tree")
            .arg("--locked")
            .args(packages.iter().flat_map(|package| ["--package", package]))
            .args(["--edges", "normal,no-proc-macro"])
            .args(["--target", target.as_str()])
            .args(["--prefix", "depth", "--no-dedupe", "--format", "|{p}|{l}"]),
    )?;
    Ok(with(libraries, crates_of(&tree)?))
}

/// Adds libraries that every program is linked to.
fn with(libraries: &[Crate], mut crates: Vec<Crate>) -> Vec<Crate> {
    let places = crates.len()..crates.len() + libraries.len();
    for program in crates.iter_mut().filter(|of| of.root) {
        program.dependencies.extend(places.clone());
    }
    crates.extend_from_slice(libraries);
    crates
}

/// Adds the regular files below a directory of the package, if it exists.
fn add_files(root: &Path, path: &Path, files: &mut BTreeMap<String, Checksum>) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(root.join(path)) else {
        return Ok(());
    };
    if metadata.is_dir() {
        for entry in fs::read_dir(root.join(path))? {
            add_files(root, &path.join(entry?.file_name()), files)?;
        }
    } else if metadata.is_file() {
        let name = path.to_str().context("a path of a package is not UTF-8")?;
        files.insert(name.to_owned(), Checksum::of(&fs::read(root.join(path))?));
    }
    Ok(())
}

/// Reads the trees of `cargo tree`, separated by empty lines: a line for each crate,
/// `<depth>|<crate>|<licence>`.
fn crates_of(tree: &str) -> Result<Vec<Crate>> {
    // Sorted by cargo's unique names.
    let mut known: BTreeMap<&str, (&str, BTreeSet<&str>)> = BTreeMap::new();
    let mut above: Vec<&str> = Vec::new();
    let mut roots = BTreeSet::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut parts = line.splitn(3, '|');
        let (Some(depth), Some(name), Some(license)) = (parts.next(), parts.next(), parts.next())
        else {
            bail!("cargo tree printed {line:?}")
        };
        let depth = depth
            .parse()
            .with_context(|| format!("cargo tree printed {line:?}"))?;
        known.entry(name).or_insert((license, BTreeSet::new()));
        if depth == 0 {
            roots.insert(name);
        }
        above.truncate(depth);
        if let Some((_, used)) = above.last().and_then(|user| known.get_mut(user)) {
            used.insert(name);
        }
        above.push(name);
    }

    let order: Vec<&str> = known.keys().copied().collect();
    known
        .iter()
        .map(|(&name, (license, used))| {
            let mut words = name.split(' ');
            let (Some(crate_name), Some(version)) = (words.next(), words.next()) else {
                bail!("cargo tree printed {name:?}")
            };
            Ok(Crate {
                name: crate_name.to_owned(),
                version: version.trim_start_matches('v').to_owned(),
                // Cargo adds the directory of the workspace's own crates in parentheses.
                source: match words.next() {
                    None => "crates.io",
                    Some(_) => "local",
                }
                .to_owned(),
                // Some crates still write the slash that predates SPDX expressions.
                license: Some(license.replace(" / ", "/").replace('/', " OR ")),
                cpe: None,
                root: roots.contains(name),
                dependencies: used
                    .iter()
                    .filter_map(|used| order.binary_search(used).ok())
                    .collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{crates_of, libraries, with};
    use crate::toolchain::Toolchain;

    #[test]
    fn lists_crates_and_their_dependencies() {
        let crates = crates_of(
            "0|watchexec-buildpack v0.1.0 (/somewhere)|Apache-2.0\n\
             1|hex v0.4.3|MIT OR Apache-2.0\n\
             1|libcnb v0.30.4|BSD-3-Clause\n\
             2|libcnb-data v0.30.4|BSD-3-Clause\n\
             3|fancy-regex v0.17.0|MIT / Apache-2.0\n\
             2|hex v0.4.3|MIT OR Apache-2.0\n\
             1|fancy-regex v0.17.0|MIT/Apache-2.0\n\
             \n\
             0|live-reload v0.1.0 (/somewhere)|Apache-2.0\n\
             1|hex v0.4.3|MIT OR Apache-2.0\n",
        )
        .unwrap();
        let listed: Vec<(&str, &str, &[usize])> = crates
            .iter()
            .map(|of| {
                let dependencies = of.dependencies.as_slice();
                (of.name.as_str(), of.source.as_str(), dependencies)
            })
            .collect();
        let none: &[usize] = &[];
        assert_eq!(
            listed,
            [
                ("fancy-regex", "crates.io", none),
                ("hex", "crates.io", none),
                ("libcnb", "crates.io", &[1, 3]),
                ("libcnb-data", "crates.io", &[0]),
                ("live-reload", "local", &[1]),
                ("watchexec-buildpack", "local", &[0, 1, 2]),
            ]
        );
        assert_eq!(crates[0].version, "0.17.0");
        assert_eq!(crates[0].license.as_deref(), Some("MIT OR Apache-2.0"));
        let roots: Vec<&str> = (crates.iter().filter(|of| of.root))
            .map(|of| of.name.as_str())
            .collect();
        assert_eq!(roots, ["live-reload", "watchexec-buildpack"]);
    }

    #[test]
    fn lists_the_libraries_of_the_toolchain() {
        let toolchain = Toolchain {
            std_version: "1.95.0".to_owned(),
            musl_version: Some("1.2.5".to_owned()),
            ..Toolchain::default()
        };
        let crates = crates_of("0|live-reload v0.1.0 (/here)|Apache-2.0\n1|hex v0.4.3|MIT\n");
        let crates = with(&libraries(&toolchain), crates.unwrap());
        let listed: Vec<_> = (crates.iter())
            .map(|of| (of.name.as_str(), of.version.as_str(), of.cpe.as_deref()))
            .collect();
        let [std, musl] = [
            "cpe:2.3:a:rust-lang:rust:1.95.0:*:*:*:*:*:*:*",
            "cpe:2.3:a:musl-libc:musl:1.2.5:*:*:*:*:*:*:*",
        ];
        assert_eq!(
            listed,
            [
                ("hex", "0.4.3", None),
                ("live-reload", "0.1.0", None),
                ("rust-std", "1.95.0", Some(std)),
                ("musl", "1.2.5", Some(musl)),
            ]
        );
        assert_eq!(crates[1].dependencies, [0, 2, 3]);
    }

    #[test]
    fn rejects_other_output() {
        for tree in ["hex v0.4.3", "x|hex v0.4.3|MIT", "0|hex|MIT"] {
            assert!(crates_of(tree).is_err(), "{tree}");
        }
    }
}
