//! Stand-ins for the published images and buildpacks on the pages, which cannot be pulled here: the
//! suite's images, its small buildpacks under the published ids, and a builder of them without live
//! reload.

use std::path::PathBuf;

use anyhow::Result;
use fs_err as fs;

use super::{Images, Lifecycle};
use crate::buildpacks::{PROCFILE, buildpack_of};
use crate::directories::{copy, target};

/// Published buildpacks with their versions, the suite's buildpack in place of each, and the URL on the
/// pages.
const BUILDPACKS: [(&str, &str, &str, &str); 3] = [
    // The versions in examples/composite.
    (
        "heroku/python",
        "0.0.0",
        PROCFILE,
        "docker://docker.io/heroku/buildpack-python",
    ),
    (
        "heroku/procfile",
        "0.0.0",
        PROCFILE,
        "docker://docker.io/heroku/buildpack-procfile",
    ),
    (
        "paketo-buildpacks/procfile",
        "1.0.0",
        PROCFILE,
        "docker://docker.io/paketobuildpacks/procfile",
    ),
];

/// Names on the pages with their replacements. Of two that begin alike, the longer comes first.
#[derive(Debug, Default)]
pub(crate) struct Published(Vec<(&'static str, String)>);

impl Published {
    /// Makes the stand-ins, and with `make_builder` a builder of these buildpacks in this order. Paketo's
    /// builder exists already.
    pub(crate) fn provide(
        images: &Images,
        lifecycle: &Lifecycle,
        paketo: &str,
        make_builder: impl FnOnce(&[PathBuf], &[Vec<(&str, bool)>]) -> Result<String>,
    ) -> Result<Self> {
        let mut names = Vec::new();
        let mut buildpacks = Vec::new();
        for (id, version, of, url) in BUILDPACKS {
            let copy = stand_in(id, version, of)?;
            names.push((url, format!("file://{}", copy.display())));
            buildpacks.push(copy);
        }
        let order = vec![("heroku/procfile", false)];
        let builder = make_builder(&buildpacks, &[order])?;
        let paketo = paketo.to_owned();

        let base = &images.base;
        let tiny = format!("{builder} --run-image {}", images.tiny);
        for (name, stand_in) in [
            ("heroku/builder:26", &builder),
            ("paketobuildpacks/builder-jammy-base", &paketo),
            ("paketobuildpacks/builder-jammy-tiny", &tiny),
            ("heroku/heroku:26-build", base),
            ("heroku/heroku:26", base),
            ("paketobuildpacks/build-jammy-base", base),
            ("paketobuildpacks/run-jammy-base", base),
        ] {
            names.push((name, stand_in.clone()));
        }
        // In builder.toml files.
        let entry = "[lifecycle]\nversion = \"0.21.17\"";
        names.push((entry, lifecycle.entry()));
        Ok(Self(names))
    }

    /// Replaces the names of published images in a text.
    pub(crate) fn replaced(&self, text: &str) -> String {
        let replace =
            |text: String, (name, stand_in): &(&str, String)| text.replace(name, stand_in);
        self.0.iter().fold(text.to_owned(), replace)
    }
}

/// Copies one of the suite's buildpacks under another id and version.
fn stand_in(id: &str, version: &str, of: &str) -> Result<PathBuf> {
    let to = target("buildpacks").join(id.replace('/', "-"));
    copy(&buildpack_of(of), &to)?;
    let file = to.join("buildpack.toml");
    let descriptor = fs::read_to_string(&file)?
        .replace(&format!("id = {of:?}"), &format!("id = {id:?}"))
        .replace("version = \"1.0.0\"", &format!("version = {version:?}"));
    fs::write(&file, descriptor)?;
    Ok(to)
}
