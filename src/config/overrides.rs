//! Mappings and mirrors (Paketo RFC 0060), from bindings and from the environment.

use super::bindings::{Bindings, Entry, name, unusable};
use super::environment::{ConfigError, Environment, Errors};
use printable::printable;
use std::collections::BTreeMap;
use watchexec_release::mirror::DEFAULT;
use watchexec_release::origin::{Override, Overrides};

/// The types of the bindings.
pub(super) const MAPPING: &str = "dependency-mapping";
pub(super) const MIRROR: &str = "dependency-mirror";
/// The mirror for all hosts, and with `_<HOST>` after it the one for that host.
pub(super) const DEPENDENCY_MIRROR: &str = "BP_DEPENDENCY_MIRROR";
/// Not a mirror, in any case of letters: the entry names no host, and libpak ignores it with a
/// warning.
pub(super) const MISNAMED_DEFAULT: &str = "BP_DEPENDENCY_MIRROR_DEFAULT";

/// Collects the mappings and the mirrors. For one host the environment wins.
pub(super) fn overrides(
    environment: &Environment,
    bindings: &Bindings,
    errors: &mut Errors,
) -> Overrides {
    let mut mirrors = errors.one(of_bindings(bindings, MIRROR, "the mirror of"));
    mirrors.retain(|_, mirror| !mirror.text.is_empty());
    for name in environment.names_with_prefix(DEPENDENCY_MIRROR) {
        let suffix = name.strip_prefix(DEPENDENCY_MIRROR).unwrap_or_default();
        let host = match suffix.strip_prefix('_') {
            Some(_) if name.eq_ignore_ascii_case(MISNAMED_DEFAULT) => continue,
            // `EXAMP__LE_COM` is `examp-le.com`: variable names have neither dots nor dashes.
            Some(encoded) => encoded.replace("__", "-").replace('_', ".").to_lowercase(),
            None if suffix.is_empty() => DEFAULT.to_owned(),
            None => continue,
        };
        if let Some(text) = environment.non_empty(&name) {
            let setting = format!("the mirror of {}", printable(&name));
            mirrors.insert(host, Override { setting, text });
        }
    }
    Overrides {
        mappings: errors.one(of_bindings(bindings, MAPPING, "the dependency-mapping")),
        mirrors,
    }
}

/// The overrides in all bindings of a type, by the names of their entries.
fn of_bindings(
    bindings: &Bindings,
    kind: &str,
    what: &str,
) -> Result<BTreeMap<String, Override>, ConfigError> {
    let mut overrides = BTreeMap::new();
    for Entry {
        path,
        content: text,
    } in bindings.of_type(kind)?
    {
        let setting = format!("{what} {}", printable(&path));
        let earlier = overrides.insert(name(&path), Override { setting, text });
        if let Some(Override { setting, .. }) = earlier {
            let why = format!("{kind} already has this entry: {setting}");
            return Err(unusable(&path, why));
        }
    }
    Ok(overrides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use watchexec_release::checksum::Checksum;

    /// What these variables, and bindings with these files, give, or their only error.
    fn collected(
        variables: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Result<Overrides, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let root = [("SERVICE_BINDING_ROOT", folder.path().to_str().unwrap())];
        let bindings = Bindings::locate(&Environment::of(&root));
        let mut errors = Errors::default();
        let overrides = overrides(&Environment::of(variables), &bindings, &mut errors);
        errors.0.pop().map_or(Ok(overrides), Err)
    }

    #[test]
    fn prefers_hosts_to_the_default_and_variables_to_bindings() {
        let overrides = collected(
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
                ("mirrors/type", "dependency-mirror"),
                ("mirrors/default", "https://binding-default"),
                ("mirrors/github.com", "https://binding-github"),
                ("mirrors/nodejs.org", "https://binding-node\n"),
                ("mirrors/empty.org", "\n"),
            ],
        );
        let mirrors = overrides.unwrap().mirrors;
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
        assert!(setting.ends_with("/mirrors/nodejs.org"), "{setting}");
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
            let files = [
                ("map/type", "dependency-mapping"),
                (&format!("map/{name}"), "http://mapped/w\n"),
                ("map/0123", "http://other/w"),
            ];
            let overrides = collected(&[], &files).unwrap();
            let mapping = overrides.mapping(checksum).unwrap();
            assert_eq!(mapping.text, "http://mapped/w");
            assert!(overrides.mapping(Checksum::of(b"another")).is_none());
        }
    }

    #[test]
    fn rejects_two_entries_of_one_name() {
        for kind in [MAPPING, MIRROR] {
            let files = [
                ("one/type", kind),
                ("one/key", "1"),
                ("two/type", kind),
                ("two/KEY", "2"),
            ];
            let error = collected(&[], &files).err().unwrap();
            assert!(error.setting.ends_with("two/KEY"), "{error}");
            assert!(error.why.ends_with("one/key"), "{error}");
        }
    }
}
