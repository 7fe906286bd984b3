//! The settings of the user, the operator and the platform: every variable and every binding that
//! the buildpack reads, checked once. No other module reads the environment.

mod bindings;
mod environment;
mod mirrors;
mod network;

pub(crate) use bindings::BindingError;
pub(crate) use environment::{BuildPlatform, InvalidValue};
pub(crate) use network::{NETRC, NetworkError};

use bindings::{Bindings, Entries};
use environment::{Environment, flag};
use mirrors::{DEPENDENCY_MIRROR, MISNAMED_DEFAULT};
use reload_options::{InvalidSetting, ProcessChoice, Setting, Settings};
use std::collections::BTreeMap;
use watchexec_release::archive_url::ArchiveUrl;
use watchexec_release::checksum::Checksum;
use watchexec_release::download::Network;
use watchexec_release::origin::{Mapping, Overrides};
use watchexec_release::requirement::{InvalidRequirement, RequiredBy, Requirement};

/// Turns live reload on or off.
pub(crate) const LIVE_RELOAD_ENABLED: &str = "BP_LIVE_RELOAD_ENABLED";
/// The execution environment of Buildpack API 0.12 (CNB RFC "Execution Environments"). An unset one
/// means `production`.
pub(crate) const EXECUTION_ENVIRONMENT: &str = "CNB_EXEC_ENV";
/// Which watchexec to install, a semver requirement.
pub(crate) const WATCHEXEC_VERSION: &str = "BP_WATCHEXEC_VERSION";
/// Process types `tar` and `rm`, for run images that lack these programs.
pub(crate) const SYNC_TOOLS: &str = "BP_LIVE_RELOAD_SYNC_TOOLS";
/// What all variables of this buildpack's own start with.
const OWN_PREFIX: &str = "BP_LIVE_RELOAD_";
/// `DEBUG` shows every decision; shared by many buildpacks.
pub(crate) const LOG_LEVEL: &str = "BP_LOG_LEVEL";

/// Whether live reload was asked for, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Activation {
    /// `BP_LIVE_RELOAD_ENABLED` is true; carries its value.
    OnByFlag(String),
    /// The flag is not set and the image is one for development.
    OnByExecutionEnvironment,
    /// `BP_LIVE_RELOAD_ENABLED` is false; carries its value.
    OffByFlag(String),
    /// Nobody asked.
    #[default]
    Off,
}

impl Activation {
    /// Reads the flag, and where it is not set the execution environment.
    ///
    /// # Errors
    /// A flag that is neither true nor false.
    pub(crate) fn read(platform: &BuildPlatform) -> Result<Self, InvalidValue> {
        Self::of(&platform.environment())
    }

    fn of(environment: &Environment) -> Result<Self, InvalidValue> {
        match flag(environment, LIVE_RELOAD_ENABLED)? {
            Some((true, value)) => Ok(Self::OnByFlag(value)),
            Some((false, value)) => Ok(Self::OffByFlag(value)),
            None if environment.get(EXECUTION_ENVIRONMENT).as_deref() == Some("development") => {
                Ok(Self::OnByExecutionEnvironment)
            }
            None => Ok(Self::Off),
        }
    }

    /// Whether live reload is on.
    pub(crate) fn is_on(&self) -> bool {
        matches!(self, Self::OnByFlag(_) | Self::OnByExecutionEnvironment)
    }
}

/// How much the log shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogLevel {
    /// What was done.
    #[default]
    Info,
    /// Also every decision, and what it was taken from.
    Debug,
}

impl LogLevel {
    /// Reads `BP_LOG_LEVEL`. The variable is shared with other buildpacks, which know further
    /// levels: what is unknown here is no error.
    fn read(environment: &Environment) -> Self {
        match environment.get(LOG_LEVEL) {
            Some(level) if ["DEBUG", "TRACE"].contains(&level.to_uppercase().as_str()) => {
                Self::Debug
            }
            _ => Self::Info,
        }
    }
}

/// A variable with the prefix of this buildpack's that it does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: &'static str,
}

impl UnknownVariable {
    fn find(environment: &Environment) -> Vec<Self> {
        let known: Vec<&'static str> = [LIVE_RELOAD_ENABLED, SYNC_TOOLS]
            .into_iter()
            .chain(Setting::ALL.map(|setting| setting.variable))
            .collect();
        environment
            .names_with_prefix(OWN_PREFIX)
            .into_iter()
            .filter(|name| !known.contains(&name.as_str()))
            .filter_map(|name| {
                // Alike by pairs of letters: a name that lacks a word, or has one more, counts as near.
                let likeness = |known: &str| strsim::sorensen_dice(&name, known);
                let nearest = known
                    .iter()
                    .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
                Some(Self { name, nearest })
            })
            .chain(
                environment
                    .names_with_prefix(DEPENDENCY_MIRROR)
                    .into_iter()
                    .filter(|name| name.eq_ignore_ascii_case(MISNAMED_DEFAULT))
                    .map(|name| Self {
                        name,
                        nearest: DEPENDENCY_MIRROR,
                    }),
            )
            .collect()
    }
}

/// All settings of a build.
pub(crate) struct Config {
    /// Why live reload is on.
    pub activation: Activation,
    /// Which process the `reload` process restarts, if there is to be one.
    pub process: ProcessChoice,
    /// How it restarts it.
    pub reload: Settings,
    /// Whether `tar` and `rm` are to be process types.
    pub sync_tools: bool,
    /// Variables that look like ones of this buildpack and are not.
    pub unknown: Vec<UnknownVariable>,
    /// The user's own version requirement.
    pub watchexec_version: Option<Requirement>,
    /// How much the log shows.
    pub log_level: LogLevel,
    /// Where dependencies are taken from instead of their own addresses.
    pub overrides: Overrides,
    /// How servers are reached.
    pub network: Network,
}

/// A setting that stops the build.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A value that cannot be used.
    #[error(transparent)]
    InvalidValue(#[from] InvalidValue),
    /// A setting of the `reload` process that cannot be used.
    #[error(transparent)]
    InvalidSetting(#[from] InvalidSetting),
    /// A version requirement that is not one.
    #[error(transparent)]
    InvalidRequirement(#[from] InvalidRequirement),
    /// Bindings that cannot be used.
    #[error(transparent)]
    Binding(#[from] BindingError),
    /// Settings of the network that cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

impl Config {
    /// Reads and checks every variable and every binding.
    ///
    /// # Errors
    /// All that cannot be used, so that a user can fix them in one go.
    pub(crate) fn read(platform: &BuildPlatform) -> Result<Self, Vec<ConfigError>> {
        let environment = &platform.environment();
        let bindings = Bindings::locate(environment, platform.directory());
        let variable = |name: &str| environment.get(name);
        let mut errors = Errors::default();
        let config = Self {
            activation: errors.one(Activation::of(environment)),
            process: ProcessChoice::from_variables(variable),
            reload: errors.all(Settings::from_variables(variable)),
            sync_tools: errors
                .one(flag(environment, SYNC_TOOLS))
                .is_some_and(|(on, _)| on),
            unknown: UnknownVariable::find(environment),
            watchexec_version: errors.one(
                environment
                    .non_empty(WATCHEXEC_VERSION)
                    .map(|text| Requirement::parse(&text, RequiredBy::Variable))
                    .transpose(),
            ),
            log_level: LogLevel::read(environment),
            overrides: Overrides {
                mappings: mappings(&errors.one(bindings.of_type("dependency-mapping"))),
                mirrors: mirrors::mirrors(
                    environment,
                    &errors.one(bindings.of_type("dependency-mirror")),
                ),
            },
            network: {
                let ca_certificates = errors.one(bindings.all_of_type("ca-certificates"));
                errors.all(network::network(environment, &ca_certificates))
            },
        };
        if errors.0.is_empty() {
            Ok(config)
        } else {
            Err(errors.0)
        }
    }
}

/// The mappings by checksum. An entry's name may have the algorithm before the digest; `:` is not
/// allowed in the names of a Kubernetes secret, so `_` stands for it. Other names are for other
/// buildpacks.
fn mappings(entries: &Entries) -> BTreeMap<Checksum, Mapping> {
    let digest = |name: &str| {
        let digits = ["sha256:", "sha256_"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        Checksum::from_hex(digits.unwrap_or(name)).ok()
    };
    let mut mappings = BTreeMap::new();
    for (name, entry) in entries.iter() {
        if let Some(checksum) = digest(name) {
            mappings.entry(checksum).or_insert_with(|| Mapping {
                file: entry.path.clone(),
                url: ArchiveUrl::parse(&entry.content),
            });
        }
    }
    mappings
}

/// The errors so far. A setting that has one gets its default, so that the others are read too.
#[derive(Default)]
struct Errors(Vec<ConfigError>);

impl Errors {
    fn one<T: Default, E: Into<ConfigError>>(&mut self, result: Result<T, E>) -> T {
        self.all(result.map_err(|error| vec![error]))
    }

    fn all<T: Default, E: Into<ConfigError>>(&mut self, result: Result<T, Vec<E>>) -> T {
        result.unwrap_or_else(|errors| {
            self.0.extend(errors.into_iter().map(Into::into));
            T::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::environment::{FALSE, TRUE};
    use super::*;

    #[test]
    fn the_flag_takes_the_values_of_parse_bool_only() {
        for value in TRUE {
            let environment = Environment::of(&[(LIVE_RELOAD_ENABLED, value)]);
            assert!(Activation::of(&environment).unwrap().is_on(), "{value}");
        }
        for value in FALSE {
            let environment = Environment::of(&[
                (LIVE_RELOAD_ENABLED, value),
                (EXECUTION_ENVIRONMENT, "development"),
            ]);
            assert!(!Activation::of(&environment).unwrap().is_on(), "{value}");
        }
        for value in ["yes", "on", "tRUE", "2", "true false"] {
            let environment = Environment::of(&[(LIVE_RELOAD_ENABLED, value)]);
            assert!(Activation::of(&environment).is_err(), "{value}");
        }
    }

    #[test]
    fn without_the_flag_only_the_development_environment_turns_it_on() {
        for flag in [None, Some(""), Some("  ")] {
            for (execution_environment, on) in [
                (None, false),
                (Some("production"), false),
                (Some("test"), false),
                (Some("Development"), false),
                (Some(" development\n"), true),
            ] {
                let mut variables = Vec::new();
                variables.extend(flag.map(|value| (LIVE_RELOAD_ENABLED, value)));
                variables.extend(execution_environment.map(|value| (EXECUTION_ENVIRONMENT, value)));
                let activation = Activation::of(&Environment::of(&variables)).unwrap();
                assert_eq!(activation.is_on(), on, "{variables:?}");
            }
        }
    }

    #[test]
    fn an_unknown_variable_comes_with_the_nearest_known_one() {
        let environment = Environment::of(&[
            ("BP_LIVE_RELOAD_WATCHES", "src"),
            ("BP_LIVE_RELOAD_DEBOUNCE", "1s"),
            ("BP_LIVE_RELOAD_TIMEOUT", "1s"),
            ("BP_LIVE_RELOADED", "1"),
        ]);
        let unknown: Vec<(String, &str)> = UnknownVariable::find(&environment)
            .into_iter()
            .map(|variable| (variable.name, variable.nearest))
            .collect();
        assert_eq!(
            unknown,
            [
                (
                    "BP_LIVE_RELOAD_TIMEOUT".to_owned(),
                    "BP_LIVE_RELOAD_STOP_TIMEOUT"
                ),
                ("BP_LIVE_RELOAD_WATCHES".to_owned(), "BP_LIVE_RELOAD_WATCH"),
            ]
        );
    }

    #[test]
    fn reads_mappings_in_each_spelling_of_a_checksum() {
        let checksum = Checksum::of(b"archive");
        let hex = checksum.hex();
        for name in [
            hex.clone(),
            hex.to_uppercase(),
            format!("sha256:{hex}"),
            format!("sha256_{hex}"),
        ] {
            let platform = tempfile::tempdir().unwrap();
            let binding = platform.path().join("bindings/map");
            std::fs::create_dir_all(&binding).unwrap();
            for (name, content) in [
                ("type", "dependency-mapping"),
                (&name, "http://mapped/w\n"),
                ("0123", "http://other/w"),
            ] {
                std::fs::write(binding.join(name), content).unwrap();
            }
            let bindings = Bindings::locate(&Environment::of(&[]), platform.path());
            let mappings = mappings(&bindings.of_type("dependency-mapping").unwrap());
            assert_eq!(mappings.len(), 1, "{name}");
            let url = mappings[&checksum].url.as_ref().unwrap();
            assert_eq!(url.to_string(), "http://mapped/w");
        }
    }

    #[test]
    fn an_unknown_log_level_is_info() {
        for (value, level) in [
            ("DEBUG", LogLevel::Debug),
            ("debug", LogLevel::Debug),
            ("TRACE", LogLevel::Debug),
            ("INFO", LogLevel::Info),
            ("loud", LogLevel::Info),
        ] {
            let environment = Environment::of(&[(LOG_LEVEL, value)]);
            assert_eq!(LogLevel::read(&environment), level, "{value}");
        }
    }
}
