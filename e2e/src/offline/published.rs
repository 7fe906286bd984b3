//! The published images and buildpacks on the pages, which cannot be pulled here, and what replaces them: the
//! suite's images, and stand-ins with the data of `e2e/orders`.

use anyhow::Result;

use crate::buildpacks::buildpack_of;
use crate::platform::Platform;

/// Images and buildpacks by their names on the pages. Of two that begin alike, the longer comes first.
const NAMES: [&str; 8] = [
    "docker://docker.io/heroku/buildpack-python",
    "docker://docker.io/heroku/buildpack-procfile",
    "heroku/builder:24",
    "paketobuildpacks/builder-jammy-base",
    "paketobuildpacks/builder-jammy-tiny",
    "heroku/heroku:24-build",
    "heroku/heroku:24",
    // In builder.toml files.
    "[lifecycle]\nversion = \"0.21.14\"",
];

/// Replaces the names of published images and buildpacks in a text.
pub(crate) fn replaced(platform: &Platform, text: &str) -> Result<String> {
    let builder = |publisher| Ok::<_, anyhow::Error>(platform.publisher(publisher)?.1.to_owned());
    let buildpack = |id| format!("file://{}", buildpack_of(id).display());
    let mut text = text.to_owned();
    for name in NAMES {
        // Only what is there is provided.
        if text.contains(name) {
            let stand_in = match name {
                "docker://docker.io/heroku/buildpack-python" => buildpack("heroku/python"),
                "docker://docker.io/heroku/buildpack-procfile" => buildpack("heroku/procfile"),
                "heroku/builder:24" => builder("heroku")?,
                "paketobuildpacks/builder-jammy-base" => builder("paketo")?,
                "paketobuildpacks/builder-jammy-tiny" => {
                    format!(
                        "{} --run-image {}",
                        builder("paketo")?,
                        platform.images.tiny
                    )
                }
                "heroku/heroku:24-build" | "heroku/heroku:24" => platform.images.base.clone(),
                _ => platform.lifecycle.entry(),
            };
            text = text.replace(name, &stand_in);
        }
    }
    Ok(text)
}
