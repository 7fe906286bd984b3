//! The location of an archive, and what sets it.

use crate::safe_url::SafeUrl;
use std::fmt;

/// The location of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its URL.
    pub url: SafeUrl,
    /// The mapping or mirror that sets the URL in place of buildpack.toml.
    pub set_by: Option<String>,
}

impl Archive {
    /// Parses the URL of a mapping. `setting` names the binding's file for people.
    ///
    /// # Errors
    /// The URL is not https, http or file.
    pub fn mapped(setting: String, text: &str) -> Result<Self, InvalidOverride> {
        match SafeUrl::parse(text) {
            Ok(url) => Ok(Self {
                url,
                set_by: Some(setting),
            }),
            Err(fault) => Err(InvalidOverride { setting, fault }),
        }
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set_by {
            Some(setting) => write!(formatter, "{} ({setting})", self.url),
            None => self.url.fmt(formatter),
        }
    }
}

/// A mirror or a mapping that cannot be used. An operator who sets one means it, so the next
/// location is not tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {fault}")]
pub struct InvalidOverride {
    /// The variable or the binding's file. The value may hold credentials and is not here.
    pub setting: String,
    /// The fault.
    pub fault: String,
}
