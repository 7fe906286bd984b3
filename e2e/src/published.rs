//! What the examples and texts take from registries, and what stands in for it here, where nothing
//! can be pulled: small buildpacks of the suite under the published ids, a builder of them without
//! live reload, and the suite's images.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use crate::builder::{self, EXECUTABLE_JAR, Maker, Member, PROCFILE, START};
use crate::directories::{self, Directories};

/// Published buildpacks, and which of the suite's does the same as far as a process goes.
const BUILDPACKS: [(&str, &str, &str); 5] = [
    // The version that examples/composite has in its place.
    ("heroku/python", "0.0.0", PROCFILE),
    ("heroku/procfile", "1.0.0", PROCFILE),
    ("paketo-buildpacks/procfile", "1.0.0", PROCFILE),
    ("paketo-buildpacks/executable-jar", "1.0.0", EXECUTABLE_JAR),
    ("paketo-buildpacks/python-start", "1.0.0", START),
];

/// The stand-ins.
#[derive(Debug)]
pub(crate) struct Published {
    /// What the texts say, and what to read in its place; the longer of two that begin alike first.
    names: Vec<(&'static str, String)>,
}

impl Published {
    /// Makes them.
    pub(crate) fn provide(maker: &Maker<'_>) -> Result<Self> {
        let buildpacks = BUILDPACKS
            .iter()
            .map(|(id, version, source)| stand_in(id, version, source, maker.directories))
            .collect::<Result<Vec<_>>>()?;
        let order = ["paketo-buildpacks/executable-jar", "heroku/procfile"]
            .map(|id| vec![Member::required(id)]);
        let builder = maker.make("published", &buildpacks, &order)?;

        let images = maker.images;
        let mut names = vec![
            ("heroku/builder:24", builder.clone()),
            ("paketobuildpacks/builder-jammy-base", builder.clone()),
            (
                "paketobuildpacks/builder-jammy-tiny",
                format!("{builder} --run-image {}", images.tiny),
            ),
            ("heroku/heroku:24-build", images.base.clone()),
            ("heroku/heroku:24", images.base.clone()),
            ("paketobuildpacks/build-jammy-base", images.base.clone()),
            ("paketobuildpacks/run-jammy-base", images.base.clone()),
            // Of builder.toml; the version is that of the suite's.
            (
                "[lifecycle]\nversion = \"0.21.14\"",
                format!("[lifecycle]\nuri = {:?}", maker.lifecycle.uri()),
            ),
        ];
        for (address, buildpack) in [
            ("docker://docker.io/heroku/buildpack-python", 0),
            ("docker://docker.io/heroku/buildpack-procfile", 1),
            ("docker://docker.io/paketobuildpacks/procfile", 2),
            ("docker://docker.io/paketobuildpacks/python-start", 4),
        ] {
            let directory: &Path = &buildpacks[buildpack];
            names.push((address, format!("file://{}", directory.display())));
        }
        Ok(Self { names })
    }

    /// A text with the stand-ins in place of what is published.
    pub(crate) fn replaced(&self, text: &str) -> String {
        let replace =
            |text: String, (name, stand_in): &(&str, String)| text.replace(name, stand_in);
        self.names.iter().fold(text.to_owned(), replace)
    }
}

/// A copy of one of the suite's buildpacks, under another id and version.
fn stand_in(id: &str, version: &str, of: &str, directories: &Directories) -> Result<PathBuf> {
    let copy = directories.target("buildpacks").join(id.replace('/', "-"));
    directories::copy(&builder::source(of, directories), &copy)?;
    let file = copy.join("buildpack.toml");
    let descriptor = fs::read_to_string(&file)?
        .replace(&format!("id = {of:?}"), &format!("id = {id:?}"))
        .replace("version = \"1.0.0\"", &format!("version = {version:?}"));
    fs::write(&file, descriptor)?;
    Ok(copy)
}
