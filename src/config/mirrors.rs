//! Mirrors, from the environment and from bindings (Paketo RFC 0060).

use super::bindings::Entries;
use super::environment::Environment;
use printable::printable;
use std::collections::BTreeMap;
use watchexec_release::mirror::DEFAULT;
use watchexec_release::origin::Override;

/// The mirror for all hosts, and with `_<HOST>` after it the one for that host.
pub(super) const DEPENDENCY_MIRROR: &str = "BP_DEPENDENCY_MIRROR";
/// Not a mirror, in any case of letters: the entry names no host, and libpak ignores it with a warning.
pub(super) const MISNAMED_DEFAULT: &str = "BP_DEPENDENCY_MIRROR_DEFAULT";

/// Collects the mirrors of the environment and of the bindings of type `dependency-mirror`; for one
/// host the environment wins.
pub(super) fn mirrors(environment: &Environment, bindings: &Entries) -> BTreeMap<String, Override> {
    let mut mirrors = BTreeMap::new();
    let mut set = |host: String, setting: &str, text: String| {
        let setting = format!("the mirror of {setting}");
        mirrors.insert(host, Override { setting, text });
    };
    for (host, entry) in bindings
        .iter()
        .filter(|(_, entry)| !entry.content.is_empty())
    {
        let setting = printable(&entry.path).to_string();
        set(host.clone(), &setting, entry.content.clone());
    }
    for name in environment.names_with_prefix(DEPENDENCY_MIRROR) {
        let suffix = name.strip_prefix(DEPENDENCY_MIRROR).unwrap_or_default();
        let host = match suffix.strip_prefix('_') {
            Some(_) if name.eq_ignore_ascii_case(MISNAMED_DEFAULT) => continue,
            Some(encoded) => decode_host(encoded),
            None if suffix.is_empty() => DEFAULT.to_owned(),
            None => continue,
        };
        if let Some(text) = environment.non_empty(&name) {
            set(host, &printable(&name).to_string(), text);
        }
    }
    mirrors
}

/// `EXAMP__LE_COM` is `examp-le.com`: variable names have neither dots nor dashes.
fn decode_host(encoded: &str) -> String {
    encoded.replace("__", "-").replace('_', ".").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::bindings::Bindings;
    use super::*;

    fn collected(variables: &[(&str, &str)], files: &[(&str, &str)]) -> BTreeMap<String, Override> {
        let folder = tempfile::tempdir().unwrap();
        let binding = folder.path().join("bindings/mirrors");
        std::fs::create_dir_all(&binding).unwrap();
        std::fs::write(binding.join("type"), "dependency-mirror").unwrap();
        for (name, content) in files {
            std::fs::write(binding.join(name), content).unwrap();
        }
        let root = folder.path().join("bindings");
        let root = [("SERVICE_BINDING_ROOT", root.to_str().unwrap())];
        let bindings = Bindings::locate(&Environment::of(&root));
        mirrors(
            &Environment::of(variables),
            &bindings.of_type("dependency-mirror").unwrap(),
        )
    }

    #[test]
    fn prefers_hosts_to_the_default_and_variables_to_bindings() {
        let mirrors = collected(
            &[
                ("BP_DEPENDENCY_MIRROR", "https://environment-default"),
                (
                    "BP_DEPENDENCY_MIRROR_GITHUB_COM",
                    "https://environment-github",
                ),
                ("BP_DEPENDENCY_MIRROR_EXAMP__LE_COM", "https://dashed"),
                ("BP_DEPENDENCY_MIRROR_EMPTY_COM", " "),
                ("BP_DEPENDENCY_MIRRORED", "https://not-a-mirror"),
                ("BP_DEPENDENCY_MIRROR_DEFAULT", "https://not-the-default"),
            ],
            &[
                ("default", "https://binding-default"),
                ("github.com", "https://binding-github"),
                ("nodejs.org", "https://binding-node\n"),
            ],
        );
        let found: Vec<_> = (mirrors.iter())
            .map(|(host, found)| (host.as_str(), found.text.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("default", "https://environment-default"),
                ("examp-le.com", "https://dashed"),
                ("github.com", "https://environment-github"),
                ("nodejs.org", "https://binding-node"),
            ]
        );
        assert_eq!(
            mirrors["github.com"].setting,
            "the mirror of BP_DEPENDENCY_MIRROR_GITHUB_COM"
        );
        let setting = &mirrors["nodejs.org"].setting;
        assert!(
            setting.ends_with("bindings/mirrors/nodejs.org"),
            "{setting}"
        );
    }
}
