//! Texts for settings that cannot be used.

use super::{ErrorText, list};
use crate::config::{
    BindingError, ConfigError, InvalidValue, NETRC, NetworkError, WATCHEXEC_VERSION,
};
use reload_options::InvalidSetting;
use watchexec_release::requirement::{InvalidRequirement, RequiredBy};

/// All settings that cannot be used, in one text.
pub(super) fn configuration(errors: &[ConfigError]) -> ErrorText {
    let mut settings: Vec<(Option<&str>, ErrorText)> = errors
        .iter()
        .map(|error| (variable(error), setting(error)))
        .collect();
    // A folder of bindings that cannot be read is an error for each type of binding.
    settings.dedup();
    if let [(_, text)] = settings.as_slice() {
        return text.clone();
    }

    let mut variables = Vec::new();
    let (mut reasons, mut remedies) = (Vec::new(), Vec::new());
    for (variable, text) in settings {
        reasons.push(text.why);
        match variable {
            Some(variable) => variables.push(variable),
            None => remedies.extend(text.remedies),
        }
    }
    variables.dedup();
    remedies.dedup();
    if !variables.is_empty() {
        let variables = list(&variables);
        remedies.insert(
            0,
            format!("Change {variables}, or leave out what is not needed."),
        );
    }
    ErrorText::new(
        "Some build settings cannot be used.",
        reasons.join("\n"),
        remedies,
    )
}

fn setting(error: &ConfigError) -> ErrorText {
    match error {
        ConfigError::InvalidValue(error) => invalid_value(error),
        ConfigError::InvalidSetting(error) => invalid_setting(error),
        ConfigError::InvalidRequirement(error) => invalid_requirement(error),
        ConfigError::Binding(error) => binding(error),
        ConfigError::Network(error) => network(error),
    }
}

/// The variable whose value is the error, if it is one's.
fn variable(error: &ConfigError) -> Option<&str> {
    match error {
        ConfigError::InvalidValue(error)
        | ConfigError::Network(NetworkError::InvalidValue(error)) => Some(&error.variable),
        ConfigError::InvalidSetting(error) => Some(error.name),
        ConfigError::InvalidRequirement(error) if error.by == RequiredBy::Variable => {
            Some(WATCHEXEC_VERSION)
        }
        ConfigError::Network(NetworkError::Proxy(variable)) => Some(variable),
        _ => None,
    }
}

fn invalid_value(error: &InvalidValue) -> ErrorText {
    let InvalidValue {
        variable,
        value,
        accepted,
    } = error;
    ErrorText::new(
        format!("{variable} has a value that cannot be used."),
        format!("{variable} is {value:?}. Accepted: {accepted}."),
        [format!("Change {variable}, or leave it out.")],
    )
}

fn invalid_setting(error: &InvalidSetting) -> ErrorText {
    let name = error.name;
    ErrorText::new(
        format!("{name} has a value that cannot be used."),
        format!(
            "{name} is {:?}, which {}. Accepted: {}.",
            error.value, error.why, error.accepted
        ),
        [format!("Change {name}, or leave it out.")],
    )
}

fn invalid_requirement(error: &InvalidRequirement) -> ErrorText {
    let (what, subject, remedy) = match error.by {
        RequiredBy::Variable => (
            format!("{WATCHEXEC_VERSION} is not a version requirement."),
            WATCHEXEC_VERSION,
            format!("Change {WATCHEXEC_VERSION}, or leave it out for the newest version."),
        ),
        RequiredBy::BuildPlan => (
            "A buildpack asks for a version of watchexec in a form that is not known.".to_owned(),
            "It",
            format!(
                "Set {WATCHEXEC_VERSION}, which overrules it, and tell the authors of the \
                 buildpack that requires watchexec."
            ),
        ),
    };
    ErrorText::new(
        what,
        format!(
            "{subject} is {:?}: {}. Accepted: versions such as 2.8.0, 2.8 or 2.*, and comparisons such \
             as ~2.7, ^2, or >=2.5, <2.8.",
            error.text, error.reason
        ),
        [remedy],
    )
}

fn binding(error: &BindingError) -> ErrorText {
    let (why, remedy) = match error {
        BindingError::Unreadable { path, error } => (
            format!("{}: {error}.", path.display()),
            "Let the build's user read the binding; its entries must be text.",
        ),
        BindingError::Duplicate {
            kind,
            first,
            second,
        } => (
            format!(
                "Two bindings of type {kind} have the same entry: {} and {}.",
                first.display(),
                second.display()
            ),
            "Remove one of the two.",
        ),
    };
    ErrorText::new(
        "The service bindings of the build cannot be used.",
        why,
        [remedy],
    )
}

fn network(error: &NetworkError) -> ErrorText {
    match error {
        NetworkError::InvalidValue(error) => invalid_value(error),
        NetworkError::Proxy(variable) => ErrorText::new(
            format!("{variable} is not the URL of a proxy."),
            format!(
                "The value of {variable} is not shown, since it may hold a password. Accepted: \
                 http://[user:password@]host[:port], or https:// before it."
            ),
            [format!("Change {variable}, or leave it out.")],
        ),
        NetworkError::Certificate(path) => ErrorText::new(
            "A certificate of a ca-certificates binding cannot be used.",
            format!("{} has no certificate in PEM form.", path.display()),
            [
                "Give the certificate as text that starts with -----BEGIN CERTIFICATE-----; \
                 `openssl x509 -inform der -in FILE` writes it so.",
            ],
        ),
        NetworkError::Netrc(error) => ErrorText::new(
            "The netrc file cannot be used.",
            format!("{NETRC} names {error}."),
            [
                "Fix the file: `machine HOST login USER password PASSWORD` for each host. Or set \
                 NETRC to another one.",
            ],
        ),
    }
}
