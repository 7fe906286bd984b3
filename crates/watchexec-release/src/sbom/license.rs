//! Licences as the formats want them: an identifier of the SPDX licence list, an expression of
//! such, or a name that SPDX does not know. buildpack.toml has them all under one key, `type`.

use crate::safe_url::public;

/// The SPDX licence list 3.29.0, exceptions included: one identifier a line, in the order of the
/// `CycloneDX` schema. It is a file of its own because the crates that have the list take ten
/// times its size in the program.
const SPDX_LIST: &str = include_str!("spdx-licenses.txt");

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License<'a> {
    pub(super) name: Name<'a>,
    /// URL of its text.
    pub(super) uri: Option<String>,
}

/// The form of a licence's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// An identifier of the SPDX licence list.
    Identifier(&'a str),
    /// An expression of several.
    Expression(&'a str),
    /// Anything else.
    Unknown(&'a str),
}

impl<'a> License<'a> {
    /// A licence by its name, or by the URL of its text; `None` if both are missing or empty.
    #[must_use]
    pub fn new(name: Option<&'a str>, uri: Option<&'a str>) -> Option<Self> {
        let text = name.or(uri)?.trim();
        (!text.is_empty()).then(|| Self {
            name: Name::of(text),
            uri: uri.and_then(public),
        })
    }
}

impl<'a> Name<'a> {
    fn of(text: &'a str) -> Self {
        if is_listed(text) {
            Self::Identifier(text)
        } else if is_expression(text) {
            Self::Expression(text)
        } else {
            Self::Unknown(text)
        }
    }

    /// The name as it was written.
    pub(super) fn text(self) -> &'a str {
        let (Self::Identifier(text) | Self::Expression(text) | Self::Unknown(text)) = self;
        text
    }
}

fn is_listed(identifier: &str) -> bool {
    SPDX_LIST.lines().any(|listed| listed == identifier)
}

/// Whether a text is an expression of listed licences (SPDX 2.3, annex D): identifiers, each
/// perhaps with `+` for later versions or with `WITH` and an exception, joined by `AND` and `OR`,
/// grouped by parentheses. A `LicenseRef-` is rejected, since the documents cannot define it.
fn is_expression(text: &str) -> bool {
    let text = text.replace('(', " ( ").replace(')', " ) ");
    let mut tokens = text.split_whitespace().peekable();
    let mut depth = 0_usize;
    loop {
        while tokens.next_if_eq(&"(").is_some() {
            depth += 1;
        }
        let is_license = |token: &str| is_listed(token.strip_suffix('+').unwrap_or(token));
        if !tokens.next().is_some_and(is_license) {
            return false;
        }
        if tokens.next_if_eq(&"WITH").is_some() && !tokens.next().is_some_and(is_listed) {
            return false;
        }
        while tokens.next_if_eq(&")").is_some() {
            let Some(outer) = depth.checked_sub(1) else {
                return false;
            };
            depth = outer;
        }
        match tokens.next() {
            None => return depth == 0,
            Some("AND" | "OR") => {}
            Some(_) => return false,
        }
    }
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
        for text in ["Apache-2.0", "MIT", "GPL-2.0+"] {
            assert_eq!(Name::of(text), Name::Identifier(text));
        }
        for text in [
            "MIT OR Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "MPL-2.0+",
            "(MIT)",
            "(MIT OR (Apache-2.0 AND ISC)) AND GPL-2.0-only WITH Classpath-exception-2.0",
        ] {
            assert_eq!(Name::of(text), Name::Expression(text));
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
            "LicenseRef-Ours",
            "https://example.com/license",
        ] {
            assert_eq!(Name::of(text), Name::Unknown(text));
        }
    }

    #[test]
    fn ignores_an_empty_licence() {
        let uri = "https://example.com/license";
        let name = |name, uri| License::new(name, uri).map(|license| license.name.text());
        assert_eq!(name(None, None), None);
        assert_eq!(name(Some(" "), Some(uri)), None);
        assert_eq!(name(None, Some(uri)), Some(uri));
        assert_eq!(name(Some(" MIT "), None), Some("MIT"));
    }
}
