//! The published images and buildpacks on the pages, which cannot be pulled here, and what replaces
//! them: the suite's images, and stand-ins with the data of `e2e/orders`.

use anyhow::Result;

use crate::buildpacks::buildpack_of;
use crate::platform::Platform;

/// Images and buildpacks by their names on the pages. Of two that begin alike, the longer comes
/// first.
const NAMES: [&str; 7] = [
    "docker://docker.io/heroku/buildpack-python",
    "docker://docker.io/heroku/buildpack-procfile",
    "heroku/builder:NN",
    "paketobuildpacks/builder-jammy-base",
    "paketobuildpacks/builder-jammy-tiny",
    "heroku/heroku:NN-build",
    "heroku/heroku:NN",
];
/// The releases of Heroku's images.
const RELEASES: [&str; 2] = ["24", "26"];
/// The lifecycle in a builder.toml.
const LIFECYCLE: &str = "[lifecycle]\nversion = \"";

/// Replaces the names of published images and buildpacks in a text.
pub(crate) fn replaced(platform: &Platform, text: &str) -> Result<String> {
    let mut text = text.to_owned();
    for (name, release) in NAMES
        .iter()
        .flat_map(|name| RELEASES.map(|release| (*name, release)))
    {
        let published = name.replace("NN", release);
        // Only what is there is provided.
        if text.contains(&published) {
            text = text.replace(&published, &stand_in(platform, name)?);
        }
    }
    if let Some((before, after)) = text.split_once(LIFECYCLE) {
        let (_, after) = after.split_once('\n').unwrap_or_default();
        text = format!("{before}{}\n{after}", platform.lifecycle.entry());
    }
    Ok(text)
}

fn stand_in(platform: &Platform, name: &str) -> Result<String> {
    let buildpack = |id| format!("file://{}", buildpack_of(id).display());
    Ok(match name {
        "docker://docker.io/heroku/buildpack-python" => buildpack("heroku/python"),
        "docker://docker.io/heroku/buildpack-procfile" => buildpack("heroku/procfile"),
        "heroku/builder:NN" => platform.publisher("heroku")?.1.to_owned(),
        "paketobuildpacks/builder-jammy-base" => platform.publisher("paketo")?.1.to_owned(),
        "paketobuildpacks/builder-jammy-tiny" => {
            let (_, builder) = platform.publisher("paketo")?;
            format!("{builder} --run-image {}", platform.images.tiny)
        }
        _ => platform.images.base.clone(),
    })
}
