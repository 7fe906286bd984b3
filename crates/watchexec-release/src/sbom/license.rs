//! Licences, by the rules of each format: an identifier of the SPDX licence list, an expression of
//! identifiers, or a name. buildpack.toml has all of them under one key, `type`.

use crate::safe_url::public;

/// The SPDX licence list 3.29.0, exceptions included: an identifier a line, in the order of the
/// `CycloneDX` schema. The crates with the list take ten times its size in the program.
const SPDX_LIST: &str = include_str!("spdx-licenses.txt");

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    pub(super) kind: Kind,
    /// Its name as it was written.
    pub(super) name: String,
    /// The URL of its text.
    pub(super) url: Option<String>,
}

/// The form of a licence's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier of the SPDX licence list.
    Identifier,
    /// An expression of several identifiers.
    Expression,
    /// Anything else.
    Other,
}

impl License {
    /// A licence by its name, or by the URL of its text; `None` if both are missing or empty.
    pub fn new(name: Option<&str>, uri: Option<&str>) -> Option<Self> {
        let url = uri.and_then(public);
        let name = match name {
            Some(name) => name.trim().to_owned(),
            None => url.clone()?,
        };
        let kind = if is_listed(&name) {
            Kind::Identifier
        } else if is_expression(&name) {
            Kind::Expression
        } else {
            Kind::Other
        };
        (!name.is_empty()).then_some(Self { kind, name, url })
    }
}

fn is_listed(identifier: &str) -> bool {
    SPDX_LIST.lines().any(|listed| listed == identifier)
}

/// Whether a text is an expression of listed licences (SPDX 2.3, annex D): identifiers, joined by
/// `AND` and `OR` and grouped by parentheses. `+` after an identifier stands for later versions,
/// `WITH` adds an exception. A `LicenseRef-` is rejected, since the documents cannot define it.
fn is_expression(text: &str) -> bool {
    let text = text.replace('(', " ( ").replace(')', " ) ");
    let mut depth: usize = 0;
    // Whether an identifier has to follow, and whether `WITH` cannot.
    let (mut is_open, mut is_qualified) = (true, false);
    for token in text.split_whitespace() {
        match token {
            "(" if is_open && !is_qualified => depth += 1,
            ")" if !is_open && depth > 0 => (depth, is_qualified) = (depth - 1, true),
            "AND" | "OR" if !is_open => (is_open, is_qualified) = (true, false),
            "WITH" if !is_open && !is_qualified => (is_open, is_qualified) = (true, true),
            _ if is_open && is_listed(token.strip_suffix('+').unwrap_or(token)) => is_open = false,
            _ => return false,
        }
    }
    depth == 0 && !is_open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_the_identifiers_of_the_schema() {
        let schema = include_str!("../../../../tests/schemas/spdx.SNAPSHOT.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let listed: Vec<&str> = SPDX_LIST.lines().collect();
        assert_eq!(schema["enum"], serde_json::json!(listed));
        assert_eq!(schema["$comment"], "v1.1-3.29.0");
    }

    #[test]
    fn tells_identifiers_expressions_and_names_apart() {
        let kind = |text: &str| License::new(Some(text), None).unwrap().kind;
        for text in ["Apache-2.0", "MIT", "GPL-2.0+"] {
            assert_eq!(kind(text), Kind::Identifier, "{text}");
        }
        for text in [
            "MIT OR Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "MPL-2.0+",
            "(MIT)",
            "(MIT OR (Apache-2.0 AND ISC)) AND GPL-2.0-only WITH Classpath-exception-2.0",
        ] {
            assert_eq!(kind(text), Kind::Expression, "{text}");
        }
        for text in [
            "Proprietary",
            "apache-2.0",
            "MIT OR Proprietary",
            "MIT or ISC",
            "MIT ISC",
            "MIT OR",
            "OR MIT",
            "(MIT",
            "MIT)",
            ")MIT(",
            "()",
            "MIT WITH",
            "MIT WITH mercy",
            "MIT WITH (LLVM-exception)",
            "(MIT) WITH LLVM-exception",
            "MIT WITH LLVM-exception WITH LLVM-exception",
            "LicenseRef-Ours",
            "https://example.com/license",
        ] {
            assert_eq!(kind(text), Kind::Other, "{text}");
        }
    }

    #[test]
    fn ignores_an_empty_licence() {
        let uri = "https://example.com/license";
        let name = |name, uri| License::new(name, uri).map(|license| license.name);
        assert_eq!(name(None, None), None);
        assert_eq!(name(Some(" "), Some(uri)), None);
        assert_eq!(name(None, Some(uri)).as_deref(), Some(uri));
        assert_eq!(name(Some(" MIT "), None).as_deref(), Some("MIT"));
    }

    #[test]
    fn shows_no_credential_and_no_path_of_the_packager() {
        let login = License::new(None, Some("https://user:secret@example.com/license"));
        assert!(!format!("{login:?}").contains("secret"), "{login:?}");
        let file = "file:///home/packager/LICENSE";
        assert_eq!(License::new(None, Some(file)), None);
        assert_eq!(License::new(Some("MIT"), Some(file)).unwrap().url, None);
    }
}
