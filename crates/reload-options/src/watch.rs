//! The paths that are watched.

use crate::setting::Rejected;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A file or a directory to watch, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchPath(String);

impl WatchPath {
    /// The path as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path itself: a relative one is the app directory's.
    #[must_use]
    pub fn below(&self, app_directory: &Path) -> PathBuf {
        app_directory.join(&self.0)
    }
}

impl FromStr for WatchPath {
    type Err = Rejected;

    fn from_str(text: &str) -> Result<Self, Rejected> {
        if text.is_empty() {
            return Err(Rejected::because("is empty"));
        }
        if text.contains('\0') {
            return Err(Rejected::because("has a zero byte, which no path can have"));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_the_app_directorys() {
        let below = |path: &str| path.parse::<WatchPath>().unwrap().below(Path::new("/app"));
        assert_eq!(below("src/main"), Path::new("/app/src/main"));
        assert_eq!(below("/config"), Path::new("/config"));
    }

    #[test]
    fn nothing_cannot_be_watched() {
        "".parse::<WatchPath>().unwrap_err();
        "a\0b".parse::<WatchPath>().unwrap_err();
    }
}
