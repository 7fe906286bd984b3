//! The settings of the user, the operator and the platform: every variable and every binding that
//! the buildpack reads, checked once. No other module reads the environment.

mod bindings;
mod environment;
mod network;
mod overrides;

pub(crate) use environment::{ConfigError, Environment};

use bindings::Bindings;
use environment::{Errors, flag};
use network::CA_CERTIFICATES;
use overrides::{DEPENDENCY_MIRROR, MAPPING, MIRROR, MISNAMED_DEFAULT};
use reload_options::{Setting, Settings};
use watchexec_release::download::Network;
use watchexec_release::origin::Overrides;
use watchexec_release::requirement::Requirement;

/// Turns live reload on or off.
const LIVE_RELOAD_ENABLED: &str = "BP_LIVE_RELOAD_ENABLED";
/// The execution environment of Buildpack API 0.12 (CNB RFC "Execution Environments"). An unset one
/// means `production`.
const EXECUTION_ENVIRONMENT: &str = "CNB_EXEC_ENV";
/// The version of watchexec to install, a semver requirement.
pub(crate) const WATCHEXEC_VERSION: &str = "BP_WATCHEXEC_VERSION";
/// Process types `tar` and `rm`, for run images that lack these programs.
const SYNC_TOOLS: &str = "BP_LIVE_RELOAD_SYNC_TOOLS";
/// Bindings as Cloud Foundry gives them.
const VCAP_SERVICES: &str = "VCAP_SERVICES";
/// The types of bindings that this buildpack reads.
const BINDING_TYPES: [&str; 3] = [MAPPING, MIRROR, CA_CERTIFICATES];
/// The prefix of this buildpack's own variables.
const OWN_PREFIX: &str = "BP_LIVE_RELOAD_";
/// `DEBUG` shows every decision; shared by many buildpacks.
const LOG_LEVEL: &str = "BP_LOG_LEVEL";

/// Whether live reload is on, and why.
#[derive(Default)]
pub(crate) struct Activation {
    pub is_on: bool,
    /// The line of the log: the setting that decides, or how to turn live reload on.
    pub line: String,
}

impl Activation {
    /// Reads the flag, and where it is not set the execution environment.
    ///
    /// # Errors
    /// A flag that is neither true nor false.
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let set = |name| environment.get(name).unwrap_or_default();
        let flag = flag(environment, LIVE_RELOAD_ENABLED)?;
        let is_on = flag.unwrap_or_else(|| set(EXECUTION_ENVIRONMENT) == "development");
        let reason = match (flag, is_on) {
            (Some(_), _) => format!("{LIVE_RELOAD_ENABLED}={}", set(LIVE_RELOAD_ENABLED)),
            (None, true) => format!("{EXECUTION_ENVIRONMENT}=development"),
            (None, false) => format!(
                "set {LIVE_RELOAD_ENABLED}=true, or build for the execution environment development, \
                 to turn it on"
            ),
        };
        let state = if is_on { "on" } else { "off" };
        let line = format!("Live reload is {state}: {reason}");
        Ok(Self { is_on, line })
    }
}

/// Whether `BP_LOG_LEVEL` asks for every decision. The variable is shared with other buildpacks,
/// which know further levels: an unknown one is not an error.
fn shows_decisions(environment: &Environment) -> bool {
    environment
        .get(LOG_LEVEL)
        .is_some_and(|level| ["DEBUG", "TRACE"].contains(&level.to_uppercase().as_str()))
}

/// The warnings about variables that have no effect: names that this buildpack does not know, each
/// with the most similar one that it knows, and bindings in a form that it does not read.
fn warnings(environment: &Environment) -> Vec<String> {
    let mut known = vec![LIVE_RELOAD_ENABLED, SYNC_TOOLS];
    known.extend(Setting::ALL.map(|setting| setting.variable));
    let nearest = |name: &str| {
        // Similar by pairs of letters: a name that lacks a word, or has one more, counts as near.
        let likeness = |known: &str| strsim::sorensen_dice(name, known);
        let order = |a: &&str, b: &&str| likeness(a).total_cmp(&likeness(b));
        known.iter().copied().max_by(order).unwrap_or_default()
    };
    let unknown = |name: &str, nearest: &str| {
        format!("{name} is not a variable of this buildpack; did you mean {nearest}?")
    };
    let own = environment.names_with_prefix(OWN_PREFIX).into_iter();
    let own = own.filter(|name| !known.contains(&name.as_str()));
    let mut warnings: Vec<String> = own.map(|name| unknown(&name, nearest(&name))).collect();
    let mirrors = environment.names_with_prefix(DEPENDENCY_MIRROR).into_iter();
    let misnamed = mirrors.filter(|name| name.eq_ignore_ascii_case(MISNAMED_DEFAULT));
    warnings.extend(misnamed.map(|name| unknown(&name, DEPENDENCY_MIRROR)));
    let services = environment.get(VCAP_SERVICES).unwrap_or_default();
    if let Some(of_type) = BINDING_TYPES.iter().find(|name| services.contains(*name)) {
        warnings.push(format!(
            "{VCAP_SERVICES} contains a binding of type {of_type}, but this buildpack reads \
             bindings only from files: docs/networks.md#bindings"
        ));
    }
    warnings
}

/// All settings of a build.
pub(crate) struct Config {
    pub activation: Activation,
    /// How the `reload` process restarts another one; `None` if the image is to have no such
    /// process.
    pub reload: Option<Settings>,
    /// Whether `tar` and `rm` are process types.
    pub sync_tools: bool,
    /// Warnings about variables that have no effect, and what to use instead.
    pub warnings: Vec<String>,
    /// The user's own version requirement.
    pub watchexec_version: Option<Requirement>,
    /// Whether the log shows every decision.
    pub debug: bool,
    /// Overrides of the URLs in buildpack.toml.
    pub overrides: Overrides,
    /// How servers are reached.
    pub network: Network,
}

impl Config {
    /// Reads and checks every variable and every binding.
    ///
    /// # Errors
    /// Every setting that cannot be used, so that a user can fix them in one go.
    pub(crate) fn read(environment: &Environment) -> Result<Self, Vec<ConfigError>> {
        let bindings = Bindings::locate(environment);
        let variable = |name: &str| environment.get(name);
        let mut errors = Errors::default();
        let config = Self {
            activation: errors.one(Activation::read(environment)),
            reload: {
                let settings = Settings::from_variables(variable).unwrap_or_else(|invalid| {
                    let invalid = invalid.iter();
                    let invalid = invalid.map(|error| ConfigError::of(error.name, error));
                    errors.0.extend(invalid);
                    Settings::default()
                });
                let without = variable(Setting::PROCESS.variable).as_deref() == Some("");
                (!without).then_some(settings)
            },
            sync_tools: errors.one(flag(environment, SYNC_TOOLS)) == Some(true),
            warnings: warnings(environment),
            watchexec_version: errors.one(
                environment
                    .non_empty(WATCHEXEC_VERSION)
                    .map(|text| Requirement::parse(&text, WATCHEXEC_VERSION))
                    .transpose()
                    .map_err(|error| ConfigError::of(WATCHEXEC_VERSION, &error)),
            ),
            debug: shows_decisions(environment),
            overrides: overrides::overrides(environment, &bindings, &mut errors),
            network: network::network(environment, &bindings, &mut errors),
        };
        // A folder of bindings that cannot be read is an error for each type of binding.
        errors.0.dedup();
        if errors.0.is_empty() {
            Ok(config)
        } else {
            Err(errors.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::environment::{FALSE, TRUE};
    use super::*;

    #[test]
    fn takes_the_values_of_parse_bool_as_flag() {
        for value in TRUE {
            let environment = Environment::of(&[(LIVE_RELOAD_ENABLED, value)]);
            assert!(Activation::read(&environment).unwrap().is_on, "{value}");
        }
        for value in FALSE {
            let environment = Environment::of(&[
                (LIVE_RELOAD_ENABLED, value),
                (EXECUTION_ENVIRONMENT, "development"),
            ]);
            assert!(!Activation::read(&environment).unwrap().is_on, "{value}");
        }
        for value in ["yes", "on", "tRUE", "2", "true false"] {
            let environment = Environment::of(&[(LIVE_RELOAD_ENABLED, value)]);
            assert!(Activation::read(&environment).is_err(), "{value}");
        }
    }

    #[test]
    fn turns_on_in_the_development_environment_without_a_flag() {
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
                assert_eq!(activation.is_on, on, "{variables:?}");
            }
        }
    }

    #[test]
    fn suggests_the_nearest_known_variable() {
        let environment = Environment::of(&[
            ("BP_LIVE_RELOAD_WATCHES", "src"),
            ("BP_LIVE_RELOAD_DEBOUNCE", "1s"),
            ("BP_LIVE_RELOAD_TIMEOUT", "1s"),
            ("BP_LIVE_RELOADED", "1"),
        ]);
        assert_eq!(
            warnings(&environment),
            [
                "BP_LIVE_RELOAD_TIMEOUT is not a variable of this buildpack; did you mean \
                 BP_LIVE_RELOAD_STOP_TIMEOUT?",
                "BP_LIVE_RELOAD_WATCHES is not a variable of this buildpack; did you mean \
                 BP_LIVE_RELOAD_WATCH?"
            ]
        );
    }

    #[test]
    fn warns_of_its_bindings_in_vcap_services_only() {
        let warned = |services| warnings(&Environment::of(&[(VCAP_SERVICES, services)])).len();
        assert_eq!(
            warned(r#"{"user-provided": [{"label": "dependency-mirror"}]}"#),
            1
        );
        assert_eq!(warned(r#"{"mysql": [{"label": "mysql"}]}"#), 0);
        assert_eq!(warned(""), 0);
    }

    #[test]
    fn shows_decisions_at_debug_only() {
        for (value, shown) in [
            ("DEBUG", true),
            ("debug", true),
            ("TRACE", true),
            ("INFO", false),
            ("loud", false),
        ] {
            let environment = Environment::of(&[(LOG_LEVEL, value)]);
            assert_eq!(shows_decisions(&environment), shown, "{value}");
        }
    }
}
