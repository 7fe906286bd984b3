//! Live reload for applications whose buildpacks have never heard of it.

use anyhow::Result;

use super::Case;
use crate::builder::{PROCFILE, WATCHEXEC};
use crate::pack::Build;
use crate::platform::Platform;

pub(super) const CASES: &[Case] = &[(
    "unaware::watchexec_is_in_the_image",
    watchexec_is_in_the_image,
)];

/// The flag alone puts watchexec into the image and on PATH.
fn watchexec_is_in_the_image(platform: &Platform) -> Result<()> {
    let app = platform.directories.source("apps/python");
    Build::new(platform, "unaware::watchexec_is_in_the_image", &app)
        .buildpacks(&[WATCHEXEC, PROCFILE])
        .live_reload("true")
        .image()?
        .expect_watchexec(&platform.archive.version)
}
