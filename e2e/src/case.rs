//! Cases, and the runner: it lists and filters them as `cargo test` does, on a platform they share.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use anyhow::Result;
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::build::Build;
use crate::cases::{ALONE, TOGETHER};
use crate::directories::source;
use crate::package::{Archive, offering};
use crate::platform::{Platform, START};
use crate::terminal::Terminal;

/// A registered case: the path of its function, and the function.
pub(crate) type Listed = (&'static str, fn(&Case<'_>) -> Result<()>);

/// Registers functions of a module as cases. A case is named after its theme, a module of `cases`, and
/// its function.
macro_rules! cases {
    ($($function:ident),+ $(,)?) => {
        pub(crate) const CASES: &[$crate::case::Listed] =
            &[$((concat!(module_path!(), "::", stringify!($function)), $function)),+];
    };
}
pub(crate) use cases;

/// A running case: its name, the platform, and the notes that it leaves for the report.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) name: String,
    pub(crate) platform: &'a Platform,
    notes: RefCell<Vec<String>>,
}

impl<'a> Case<'a> {
    /// The case of a function's path.
    pub(crate) fn new(path: &str, platform: &'a Platform) -> Self {
        Self {
            name: name(path),
            platform,
            notes: RefCell::default(),
        }
    }

    /// Adds a note to the report at the end of the suite.
    pub(crate) fn show(&self, note: impl Into<String>) {
        self.notes.borrow_mut().push(note.into());
    }

    /// A name for an image, a volume or a container, unique to this case.
    pub(crate) fn named(&self, what: &str) -> String {
        self.platform.engine.named(&format!("{}-{what}", self.name))
    }

    /// A build of an app directory or a jar. All such builds of a case make the same image and share a
    /// cache.
    pub(crate) fn build(&self, app: impl AsRef<Path>) -> Build<'_> {
        self.build_as("image", app)
    }

    /// A build of one of several images of the case.
    pub(crate) fn build_as(&self, image: &str, app: impl AsRef<Path>) -> Build<'_> {
        Build::new(self, self.named(image), app.as_ref())
    }

    /// A build of the Python app with live reload, by a copy of the buildpack that offers only this
    /// archive, from a URL.
    pub(crate) fn build_offering(&self, archive: &Archive, url: &str) -> Result<Build<'_>> {
        let name = self.name.replace("::", "-");
        let watchexec = offering(&self.platform.buildpack, &name, archive, url)?;
        let build = self.build(python_app()).buildpacks(&[&watchexec, START]);
        Ok(build.live_reload("true"))
    }

    /// A terminal for the commands of pages.
    pub(crate) fn terminal(&self) -> Result<Terminal<'_>> {
        Terminal::open(self)
    }
}

/// The Python app, for buildpacks with and without support for live reload.
pub(crate) fn python_app() -> PathBuf {
    source("apps/python")
}

/// A copy of the Python app that answers this version. Only buildpacks without support for live reload
/// detect it.
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

/// All cases as trials. Listing them needs no platform.
pub(crate) fn trials(platform: &Arc<OnceLock<Platform>>) -> Vec<Trial> {
    let turn = Arc::new(RwLock::new(()));
    let trial = |(path, run): Listed, alone: bool| {
        let (platform, turn) = (Arc::clone(platform), Arc::clone(&turn));
        Trial::test(name(path), move || {
            let platform = platform.get().ok_or("the platform was not provided")?;
            let case = Case::new(path, platform);
            let result = if alone {
                let _turn = turn.write().unwrap_or_else(PoisonError::into_inner);
                run(&case)
            } else {
                let _turn = turn.read().unwrap_or_else(PoisonError::into_inner);
                run(&case)
            };
            platform.report(&case.name, &case.notes.take());
            result.map_err(|error| format!("{error:#}").into())
        })
    };
    let alone = ALONE.concat().into_iter();
    let together = TOGETHER.concat().into_iter();
    alone
        .map(|listed| trial(listed, true))
        .chain(together.map(|listed| trial(listed, false)))
        .collect()
}

/// Theme and function of a path such as `e2e::cases::THEME::…::FUNCTION`.
fn name(path: &str) -> String {
    let mut parts = path.split("::").skip(2);
    let theme = parts.next().unwrap_or_default();
    format!("{theme}::{}", parts.last().unwrap_or_default())
}
