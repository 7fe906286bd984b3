//! Mirrors, from the environment and from bindings (Paketo RFC 0060).

use super::bindings::Entries;
use super::environment::Environment;
use printable::printable;
use watchexec_release::mirror::{DEFAULT, Mirror, Mirrors};

/// The mirror for all hosts, and with `_<HOST>` after it the one for that host.
pub(super) const DEPENDENCY_MIRROR: &str = "BP_DEPENDENCY_MIRROR";
/// Not a mirror, in any case of letters: the entry names no host, and libpak ignores it with a warning.
pub(super) const MISNAMED_DEFAULT: &str = "BP_DEPENDENCY_MIRROR_DEFAULT";

/// Collects the mirrors of the environment and of the bindings of type `dependency-mirror`; for one
/// host the environment wins.
pub(super) fn mirrors(environment: &Environment, bindings: &Entries) -> Mirrors {
    let mut mirrors = Mirrors::default();
    let mut set = |host: String, setting: &str, text: &str| {
        let setting = format!("the mirror of {setting}");
        mirrors.0.insert(host, Mirror::parse(setting, text));
    };
    for (host, entry) in bindings {
        if !entry.content.is_empty() {
            let setting = printable(&entry.path).to_string();
            set(host.clone(), &setting, &entry.content);
        }
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
            set(host, &printable(&name).to_string(), &text);
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
    use watchexec_release::safe_url::SafeUrl;

    /// The URL of the file `a` in the mirror of a host.
    fn at(mirrors: &Mirrors, host: &str) -> Option<String> {
        let mirror = mirrors.for_host(host)?.as_ref().unwrap();
        let original = SafeUrl::parse(&format!("https://{host}/a")).unwrap();
        Some(mirror.rewrite(&original).url.to_string())
    }

    fn collected(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Mirrors {
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
        for (host, expected) in [
            ("github.com", "https://environment-github/a"),
            ("examp-le.com", "https://dashed/a"),
            ("nodejs.org", "https://binding-node/a"),
            ("empty.com", "https://environment-default/a"),
            ("other.com", "https://environment-default/a"),
        ] {
            assert_eq!(at(&mirrors, host).as_deref(), Some(expected), "{host}");
        }
    }

    #[test]
    fn gives_other_hosts_no_mirror_without_a_default() {
        let mirrors = collected(&[("BP_DEPENDENCY_MIRROR_GITHUB_COM", "https://m")], &[]);
        assert!(at(&mirrors, "github.com").is_some());
        assert!(at(&mirrors, "nodejs.org").is_none());
    }
}
