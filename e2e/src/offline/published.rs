//! The published images and buildpacks on the pages, which cannot be pulled here, and what replaces them: the
//! suite's images, and stand-ins with the data of `e2e/orders`.

use crate::buildpacks::buildpack_of;
use crate::platform::Platform;

/// Replaces the names of published images and buildpacks in a text.
pub(crate) fn replaced(platform: &Platform, text: &str) -> String {
    let base = || platform.images.base.clone();
    let builder = |publisher: &str| platform.publishers[publisher].builder.clone();
    let buildpack = |id: &str| format!("file://{}", buildpack_of(id).display());
    let tiny = &platform.images.tiny;
    let tiny = format!("{} --run-image {tiny}", builder("paketo"));
    let replacements = [
        (
            "docker://docker.io/heroku/buildpack-python",
            buildpack("heroku/python"),
        ),
        (
            "docker://docker.io/heroku/buildpack-procfile",
            buildpack("heroku/procfile"),
        ),
        ("heroku/builder:24", builder("heroku")),
        ("paketobuildpacks/builder-jammy-base", builder("paketo")),
        ("paketobuildpacks/builder-jammy-tiny", tiny),
        // Of two that begin alike, the longer comes first.
        ("heroku/heroku:24-build", base()),
        ("heroku/heroku:24", base()),
        // In builder.toml files.
        (
            "[lifecycle]\nversion = \"0.21.14\"",
            platform.lifecycle.entry(),
        ),
    ];
    let replace = |text: String, (name, by): (&str, String)| text.replace(name, &by);
    replacements.into_iter().fold(text.to_owned(), replace)
}
