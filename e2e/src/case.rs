//! A case: a function with a name, and the platform.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::Result;
use tempfile::TempDir;

use crate::directories::source;
use crate::platform::Platform;

/// A registered case: the path of its function, and the function.
pub(crate) type Listed = (&'static str, fn(&Case<'_>) -> Result<()>);

/// Registers functions of a module as cases. A case is named after its theme, a module of `cases`,
/// and its function.
macro_rules! cases {
    ($($function:ident),+ $(,)?) => {
        $crate::case::cases![CASES: $($function),+];
    };
    ($list:ident: $($function:ident),+) => {
        pub(crate) const $list: &[$crate::case::Listed] =
            &[$((concat!(module_path!(), "::", stringify!($function)), $function)),+];
    };
}
pub(crate) use cases;

/// A running case: its name, and the platform.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    pub(crate) platform: &'a Platform,
}

impl<'a> Case<'a> {
    /// The case of a function's path.
    pub(crate) fn new(path: &str, platform: &'a Platform) -> Self {
        Self {
            name: name(path),
            platform,
        }
    }

    /// A name for an image, a volume or a container, unique to this case.
    pub(crate) fn named(&self, what: &str) -> String {
        self.platform.engine.named(&format!("{}-{what}", self.name))
    }
}

/// The Python app, for buildpacks with and without support for live reload.
pub(crate) fn python_app() -> PathBuf {
    source("apps/python")
}

/// A copy of the Python app that answers this version. Only buildpacks without support for live
/// reload detect it.
pub(crate) fn unaware_app(version: &str) -> Result<TempDir> {
    // The modes are those of a developer's folder.
    let open = fs::Permissions::from_mode(0o755);
    let app = tempfile::Builder::new().permissions(open).tempdir()?;
    for file in ["Procfile", "app.py", "slow.py"] {
        let text = fs::read_to_string(python_app().join(file))?;
        let text = text.replace("\"v1\"", &format!("{version:?}"));
        fs::write(app.path().join(file), text)?;
    }
    Ok(app)
}

/// Theme and function of a path such as `e2e::cases::THEME::…::FUNCTION`.
pub(crate) fn name(path: &str) -> String {
    let mut parts = path.split("::").skip(2);
    let theme = parts.next().unwrap_or_default();
    format!("{theme}::{}", parts.last().unwrap_or_default())
}
