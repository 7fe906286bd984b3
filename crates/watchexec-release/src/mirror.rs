//! Mirrors: servers that have the dependencies of other servers (Paketo RFC 0060).
//!
//! A mirror is written as `<URL>[,skip-path=<path>]`, in which `mirror=` may stand before the URL.
//! A part may be percent-encoded, which is how a URL with a comma is written, and is decoded as
//! libpak does it. A bare URL is decoded only if it is encoded as a whole: a password may have an
//! encoded `/`.

use crate::safe_url::SafeUrl;
use percent_encoding::percent_decode_str;

/// The name of the mirror for all hosts.
pub const DEFAULT: &str = "default";
/// In a mirror's path, the host of the original URL. A parsed path has its braces encoded.
const ORIGINAL_HOST: [&str; 2] = ["{originalHost}", "%7BoriginalHost%7D"];

/// The URL at a mirror for `original`.
///
/// Scheme, credentials, host and port are the mirror's; the path is the mirror's, in which
/// `{originalHost}` is replaced, followed by the original one, from which `skip-path` is
/// taken out once; the query is the original's.
///
/// # Errors
/// The mirror has a different form, or its URL is not https, http or file.
pub(crate) fn rewrite(mirror: &str, original: &SafeUrl) -> Result<SafeUrl, String> {
    let (mirror, skip_path) = parts(mirror)?;
    let mut prefix = mirror.exposed().path().trim_end_matches('/').to_owned();
    for placeholder in ORIGINAL_HOST {
        prefix = prefix.replace(placeholder, original.host());
    }
    let path = original.exposed().path();
    let path = match skip_path {
        Some(skipped) => path.replacen(&skipped, "", 1),
        None => path.to_owned(),
    };
    let path = format!("{prefix}/{}", path.trim_start_matches('/'));
    Ok(mirror.with_path(&path, original.exposed().query()))
}

/// The URL of a mirror, and the part of a path to skip. A fault quotes no part, which may be a
/// secret.
fn parts(text: &str) -> Result<(SafeUrl, Option<String>), String> {
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut url = None;
    let mut skip_path = None;
    for (number, part) in (1..).zip(text.split(',').map(str::trim)) {
        match part.split_once('=') {
            Some(("mirror", value)) => url = Some(decoded(value)),
            Some(("skip-path", value)) => skip_path = Some(decoded(value)),
            _ if part.contains("://") => url = Some(part.to_owned()),
            None if decoded(part).contains("://") => url = Some(decoded(part)),
            _ if part.is_empty() => {}
            None if number == 1 => break,
            _ => {
                return Err(format!(
                    "part {number} of it is neither a URL nor skip-path=PATH; write a comma in a URL as %2C"
                ));
            }
        }
    }
    let url = SafeUrl::parse(&url.ok_or("it has no URL")?)?;
    Ok((url, skip_path.filter(|path| !path.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WATCHEXEC: &str = "https://github.com/watchexec/watchexec/releases/download/v1.25.1/watchexec-1.25.1-x86_64-unknown-linux-musl.tar.xz";

    fn rewrite(mirror: &str, original: &str) -> Result<String, String> {
        let original = SafeUrl::parse(original).unwrap();
        super::rewrite(mirror, &original).map(|url| url.exposed().to_string())
    }

    #[test]
    fn follows_the_examples_of_rfc_0060() {
        let with_host =
            "https://user:pass@local-mirror.example.com/buildpacks-dependencies/{originalHost}";
        let path = "watchexec/watchexec/releases/download/v1.25.1/watchexec-1.25.1-x86_64-unknown-linux-musl.tar.xz";
        for (mirror, original, expected) in [
            (
                with_host,
                "https://download.bell-sw.com/vm/22.3.5/bellsoft-liberica-vm-core-openjdk11.0.22+12-22.3.5+1-linux-amd64.tar.gz",
                "https://user:pass@local-mirror.example.com/buildpacks-dependencies/download.bell-sw.com/vm/22.3.5/bellsoft-liberica-vm-core-openjdk11.0.22+12-22.3.5+1-linux-amd64.tar.gz",
            ),
            (
                with_host,
                WATCHEXEC,
                &format!(
                    "https://user:pass@local-mirror.example.com/buildpacks-dependencies/github.com/{path}"
                ),
            ),
            (
                "https://mirror.example.org/public-github",
                WATCHEXEC,
                &format!("https://mirror.example.org/public-github/{path}"),
            ),
            (
                "https://mirror.example.org/{originalHost}",
                "https://nodejs.org/dist/node.tar.xz",
                "https://mirror.example.org/nodejs.org/dist/node.tar.xz",
            ),
        ] {
            assert_eq!(rewrite(mirror, original).unwrap(), expected);
        }
    }

    #[test]
    fn applies_every_part() {
        for (mirror, original, expected) in [
            // Scheme and port are the mirror's; http and file are mirrors too.
            ("http://m:8080", "https://h/a", "http://m:8080/a"),
            (
                "file:///srv/mirror",
                "https://h:1/a",
                "file:///srv/mirror/a",
            ),
            (
                "file:///srv/{originalHost}",
                "https://h/a",
                "file:///srv/h/a",
            ),
            // Credentials of the original do not go to the mirror.
            ("https://m", "https://user:pass@h/a", "https://m/a"),
            // The query is kept.
            ("https://m/x", "https://h/a?b=c&d", "https://m/x/a?b=c&d"),
            // Both spellings, with the parts in both orders.
            ("https://m,skip-path=/a", "https://h/a/b", "https://m/b"),
            (
                "mirror=https://m,skip-path=/a",
                "https://h/a/b",
                "https://m/b",
            ),
            (
                "skip-path=/a,mirror=https://m/",
                "https://h/a/b",
                "https://m/b",
            ),
            (" https://m , skip-path=/a ", "https://h/a/b", "https://m/b"),
            // Removed once, at any position.
            ("https://m,skip-path=/a", "https://h/a/a/b", "https://m/a/b"),
            ("https://m,skip-path=/b", "https://h/a/b/c", "https://m/a/c"),
            ("https://m,skip-path=/x", "https://h/a/b", "https://m/a/b"),
            ("https://m,skip-path=%2Fa", "https://h/a/b", "https://m/b"),
            ("https://m,skip-path=", "https://h/a", "https://m/a"),
            // Each part may be percent-encoded, which is how it holds a comma.
            ("mirror=https%3A%2F%2Fm%2Cx", "https://h/a", "https://m,x/a"),
            ("https%3A%2F%2Fm%2Fx", "https://h/a", "https://m/x/a"),
            (
                "mirror=http%3A%2F%2Fm%2F%7BoriginalHost%7D,skip-path=%2Fa",
                "https://h/a/b",
                "http://m/h/b",
            ),
            // A URL that parses without decoding keeps the encoding of its password.
            ("https://u:p%2Fw@m", "https://h/a", "https://u:p%2Fw@m/a"),
            // One slash where the two paths meet.
            ("https://m/x/", "https://h/a", "https://m/x/a"),
            (
                "https://m/x,skip-path=/a/",
                "https://h/a/b",
                "https://m/x/b",
            ),
        ] {
            assert_eq!(
                rewrite(mirror, original),
                Ok(expected.to_owned()),
                "{mirror}"
            );
        }
    }

    #[test]
    fn rejects_unusable_mirrors() {
        for (mirror, expected) in [
            ("ftp://m", "its scheme is \"ftp\""),
            ("https://", "it is not a URL"),
            ("mirror.example.com", "it has no URL"),
            ("skip-path=/a", "it has no URL"),
            ("https://m,token=secret", "part 2 of it is neither"),
            ("https://u:12,secret@m", "part 2 of it is neither"),
            ("user:secret=@m", "part 1 of it is neither"),
            ("secret:x@m", "it has no URL"),
            ("mirror=secret:x@m", "it is not a URL"),
            ("http://team/bot:secret@m", "it has an `@` after the host"),
        ] {
            let fault = rewrite(mirror, WATCHEXEC).unwrap_err();
            assert!(fault.starts_with(expected), "{fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    proptest! {
        /// For any mirror and any URL, the result goes to the mirror's host by
        /// the mirror's scheme, and keeps the file name and the query.
        #[test]
        fn rewrites_to_the_mirror(
            host in "[a-z]{1,8}(\\.[a-z]{2,5})?",
            prefix in "(/[a-zA-Z0-9._~%{}-]{0,8}){0,3}",
            skipped in "(/[a-z]{1,2})?",
            folders in "(/[a-z]{1,3}){0,4}",
            name in "[0-9][a-z0-9._-]{3,11}",
            query in proptest::option::of("[a-z=&]{0,8}"),
        ) {
            let mirror = format!("http://{host}{prefix},skip-path={skipped}");
            let mut original = url::Url::parse("https://user:pass@original.example/").unwrap();
            original.set_path(&format!("{folders}/{name}"));
            original.set_query(query.as_deref());
            let rewritten = url::Url::parse(&rewrite(&mirror, original.as_str()).unwrap()).unwrap();
            prop_assert_eq!(rewritten.scheme(), "http");
            prop_assert_eq!(rewritten.host_str(), Some(host.as_str()));
            prop_assert_eq!(rewritten.username(), "");
            prop_assert_eq!(rewritten.query(), original.query());
            prop_assert!(rewritten.path().ends_with(&name), "{}", rewritten);
        }
    }
}
