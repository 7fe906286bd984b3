//! What the user, the operator and the platform asked for: every variable that the buildpack
//! heeds, read once and checked here. No other module looks at the environment.

use crate::bindings::{BindingError, Bindings};
use crate::environment::Environment;
use crate::locate::Substitutes;
use crate::mirror::Mirrors;
use crate::network::{Network, NetworkError};
use crate::requirement::{InvalidRequirement, Origin, Requirement};
use std::path::Path;

/// Turns live reload on or off.
pub const LIVE_RELOAD_ENABLED: &str = "BP_LIVE_RELOAD_ENABLED";
/// The execution environment of Buildpack API 0.12 (CNB RFC "Execution Environments").
pub const EXECUTION_ENVIRONMENT: &str = "CNB_EXEC_ENV";
/// Which watchexec to install, a semver requirement.
pub const WATCHEXEC_VERSION: &str = "BP_WATCHEXEC_VERSION";
/// `DEBUG` shows every decision; shared by many buildpacks.
pub const LOG_LEVEL: &str = "BP_LOG_LEVEL";

/// A variable of ours whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value:?}; accepted: {accepted}")]
pub struct InvalidValue {
    /// Name of the variable.
    pub variable: String,
    /// Its value, trimmed.
    pub value: String,
    /// The accepted form, for people.
    pub accepted: String,
}

/// Whether live reload was asked for, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activation {
    /// `BP_LIVE_RELOAD_ENABLED` is true; carries its value.
    OnByFlag(String),
    /// The flag is not set and the image is one for development.
    OnByExecutionEnvironment,
    /// `BP_LIVE_RELOAD_ENABLED` is false; carries its value.
    OffByFlag(String),
    /// Nobody asked.
    Off,
}

impl Activation {
    /// The values that Go's `strconv.ParseBool` takes, as all Paketo buildpacks read flags.
    const TRUE: [&'static str; 6] = ["1", "t", "T", "TRUE", "true", "True"];
    const FALSE: [&'static str; 6] = ["0", "f", "F", "FALSE", "false", "False"];

    /// Reads the flag, and where it is not set the execution environment.
    ///
    /// # Errors
    /// A flag that is neither true nor false.
    pub fn read(environment: &Environment) -> Result<Self, InvalidValue> {
        match environment.non_empty(LIVE_RELOAD_ENABLED) {
            Some(value) if Self::TRUE.contains(&value.as_str()) => Ok(Self::OnByFlag(value)),
            Some(value) if Self::FALSE.contains(&value.as_str()) => Ok(Self::OffByFlag(value)),
            Some(value) => Err(InvalidValue {
                variable: LIVE_RELOAD_ENABLED.to_owned(),
                value,
                accepted: format!(
                    "{} to turn it on, {} to turn it off",
                    Self::TRUE.join(" "),
                    Self::FALSE.join(" ")
                ),
            }),
            None if ExecutionEnvironment::read(environment).is_development() => {
                Ok(Self::OnByExecutionEnvironment)
            }
            None => Ok(Self::Off),
        }
    }

    /// Whether live reload is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        matches!(self, Self::OnByFlag(_) | Self::OnByExecutionEnvironment)
    }
}

/// What the image is for. `None` at Buildpack APIs before 0.12, which do not pass it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionEnvironment(Option<String>);

impl ExecutionEnvironment {
    fn read(environment: &Environment) -> Self {
        Self(environment.non_empty(EXECUTION_ENVIRONMENT))
    }

    fn is_development(&self) -> bool {
        self.0.as_deref() == Some("development")
    }
}

/// How much the log shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
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

/// All settings of a build.
pub struct Configuration {
    /// Why live reload is on.
    pub activation: Activation,
    /// The user's own version requirement.
    pub watchexec_version: Option<Requirement>,
    /// How much the log shows.
    pub log_level: LogLevel,
    /// Where dependencies are taken from instead of their own addresses.
    pub substitutes: Substitutes,
    /// How servers are reached.
    pub network: Network,
}

/// A setting that stops the build.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// A value that cannot be used.
    #[error(transparent)]
    InvalidValue(#[from] InvalidValue),
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

impl Configuration {
    /// Reads and checks every variable and every binding.
    ///
    /// # Errors
    /// The first one that cannot be used.
    pub fn read(
        environment: &Environment,
        platform_dir: &Path,
    ) -> Result<Self, ConfigurationError> {
        let bindings = Bindings::locate(environment, platform_dir);
        Ok(Self {
            activation: Activation::read(environment)?,
            watchexec_version: environment
                .non_empty(WATCHEXEC_VERSION)
                .map(|text| Requirement::parse(&text, Origin::Variable))
                .transpose()?,
            log_level: LogLevel::read(environment),
            substitutes: Substitutes {
                mappings: bindings.of_type("dependency-mapping")?,
                mirrors: Mirrors::collect(environment, &bindings.of_type("dependency-mirror")?),
            },
            network: Network::read(environment, &bindings.of_type("ca-certificates")?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_takes_the_values_of_parse_bool_only() {
        for value in Activation::TRUE {
            let environment = Environment::of(&[(LIVE_RELOAD_ENABLED, value)]);
            assert!(Activation::read(&environment).unwrap().is_on(), "{value}");
        }
        for value in Activation::FALSE {
            let environment = Environment::of(&[
                (LIVE_RELOAD_ENABLED, value),
                (EXECUTION_ENVIRONMENT, "development"),
            ]);
            assert!(!Activation::read(&environment).unwrap().is_on(), "{value}");
        }
        for value in ["yes", "on", "tRUE", "2", "true false"] {
            let environment = Environment::of(&[(LIVE_RELOAD_ENABLED, value)]);
            assert!(Activation::read(&environment).is_err(), "{value}");
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
                let activation = Activation::read(&Environment::of(&variables)).unwrap();
                assert_eq!(activation.is_on(), on, "{variables:?}");
            }
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
