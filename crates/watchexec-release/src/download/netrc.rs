//! Logins from a netrc file, as curl reads it (`lib/netrc.c`), but without the entry `default`: it
//! would send a password to any host that a URL names.

use crate::regular_file::read_bytes;
use std::io;
use std::path::{Path, PathBuf};

/// A netrc file. It has no `Debug`: it contains passwords.
#[derive(Default)]
pub struct Netrc {
    pub(super) file: PathBuf,
    /// Passwords are bytes, and need not be UTF-8.
    text: Vec<u8>,
    /// Why the file is ignored, if it is.
    pub ignored: Option<io::Error>,
}

impl Netrc {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(file: &Path) -> io::Result<Self> {
        let at =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
        Ok(Self {
            text: read_bytes(file).map_err(at)?,
            file: file.to_owned(),
            ignored: None,
        })
    }

    /// Reads a file, and ignores it if it cannot be read.
    pub fn optional(file: &Path) -> Self {
        Self::read(file).unwrap_or_else(|error| Self {
            ignored: (error.kind() != io::ErrorKind::NotFound).then_some(error),
            ..Self::default()
        })
    }

    /// The user name and the password for a host, from its first entry that has both, else from its
    /// last.
    pub(super) fn login(&self, host: &str) -> Option<[Vec<u8>; 2]> {
        let (mut user, mut password) = (None, None);
        // A keyword whose value comes next, whether the entry is the host's, and whether it is a
        // macro.
        let (mut keyword, mut is_ours, mut is_macro) = (Vec::new(), false, false);
        for line in self.text.split(|byte| *byte == b'\n') {
            if is_macro {
                is_macro = !line.trim_ascii().is_empty();
                continue;
            }
            for word in words(line) {
                let lower = word.to_ascii_lowercase();
                match std::mem::take(&mut keyword).as_slice() {
                    _ if user.is_some() && password.is_some() => break,
                    b"machine" => {
                        is_ours = lower == host.as_bytes();
                        if is_ours {
                            (user, password) = (None, None);
                        }
                    }
                    b"login" => user = Some(word),
                    b"password" => password = Some(word),
                    _ => match lower.as_slice() {
                        b"machine" => keyword = lower,
                        b"login" | b"password" if is_ours => keyword = lower,
                        b"default" => is_ours = false,
                        b"macdef" => is_macro = !is_ours,
                        _ => {}
                    },
                }
            }
        }
        let is_listed = user.is_some() || password.is_some();
        is_listed.then(|| [user, password].map(Option::unwrap_or_default))
    }
}

/// The words of a line, up to a comment. A word in quotation marks may have spaces and escapes.
fn words(line: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = line.iter().copied().peekable();
    std::iter::from_fn(move || {
        while rest.next_if(u8::is_ascii_whitespace).is_some() {}
        if *rest.peek()? == b'#' {
            return None;
        }
        let is_quoted = rest.next_if_eq(&b'"').is_some();
        let mut word = Vec::new();
        while let Some(byte) = rest.next_if(|byte| is_quoted || !byte.is_ascii_whitespace()) {
            word.push(match byte {
                b'"' if is_quoted => break,
                b'\\' if is_quoted => match rest.next()? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    escaped => escaped,
                },
                byte => byte,
            });
        }
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &[u8]) -> Option<Vec<u8>> {
        let netrc = Netrc {
            text: text.to_owned(),
            ..Netrc::default()
        };
        let login = netrc.login("a.example")?;
        Some(login.join(&b':'))
    }

    /// What curl 7.88 sends to `http://a.example` with `--netrc-file`.
    #[test]
    fn reads_what_curl_reads() {
        for (text, sent) in [
            // One line, several lines, each kind of white space, in either case.
            (&b"machine a.example login u password p"[..], Some(&b"u:p"[..])),
            (b"machine a.example\n\tlogin u\n\tpassword p\n", Some(b"u:p")),
            (b"machine a.example\r\nlogin u\r\npassword p\r\n", Some(b"u:p")),
            (b"machine a.example\n\n\nlogin u password p", Some(b"u:p")),
            (b"machine\ta.example\tlogin\tu\tpassword\tp", Some(b"u:p")),
            (b"machine A.Example login u password p", Some(b"u:p")),
            (b"MACHINE a.example LOGIN u PASSWORD p", Some(b"u:p")),
            // Comments.
            (b"\n# machine a.example login old password revoked\n", None),
            (b"# machine a.example login old password revoked\nmachine a.example login u password p", Some(b"u:p")),
            (b"machine b.example login x password y # machine a.example login old password revoked\n", None),
            (b"machine a.example login u password p#1", Some(b"u:p#1")),
            (b"machine a.example login u password #p", Some(b"u:")),
            // Passwords.
            (br"machine a.example login u password p\q", Some(br"u:p\q")),
            (b"machine a.example login u password p\"q", Some(b"u:p\"q")),
            (b"machine a.example login u password \"p q\"", Some(b"u:p q")),
            (br#"machine a.example login u password "p\"q\\r\ts""#, Some(b"u:p\"q\\r\ts")),
            (b"machine a.example login u password \"\"", Some(b"u:")),
            (b"machine a.example login u password p\xe9", Some(b"u:p\xe9")),
            (b"machine a.example login login password password", Some(b"login:password")),
            (b"machine a.example login machine password p", Some(b"machine:p")),
            // The first entry that is complete, else the last one.
            (b"machine a.example login u password p\nmachine a.example login v password q", Some(b"u:p")),
            (b"machine a.example login u\nmachine a.example login v password q", Some(b"v:q")),
            (
                b"machine a.example password p\nmachine a.example login v password q",
                Some(b"v:q"),
            ),
            (b"machine a.example login u password p\nlogin v password q", Some(b"u:p")),
            (b"machine a.example login u", Some(b"u:")),
            (b"machine a.example password p", Some(b":p")),
            (b"machine a.example", None),
            (b"machine a.example login", None),
            // Unknown words.
            (b"machine a.example protocol https login u password p", Some(b"u:p")),
            (b"machine a.example login u protocol https password p", Some(b"u:p")),
            (b"machine a.example account x login u password p", Some(b"u:p")),
            (b"machine a.example user u password p", Some(b":p")),
            (b"not a netrc file", None),
            // Macros.
            (b"macdef init\nmachine a.example login old password revoked\n", None),
            (b"macdef init\nmachine a.example login old password revoked\n\nmachine a.example login u password p", Some(b"u:p")),
            (b"machine b.example login x password y\nmacdef init\nmachine a.example login old password revoked\n\n", None),
            // Different hosts.
            (b"machine example login u password p", None),
            (b"machine a.example. login u password p", None),
            (b"machine a.example,login u password p", None),
            (b"machine a.example\nmachine b.example login u password p", None),
            (b"machine \"a.example\" login u password p", Some(b"u:p")),
        ] {
            assert_eq!(login(text).as_deref(), sent, "{}", text.escape_ascii());
        }
    }

    /// curl reports an error.
    #[test]
    fn ends_a_quoted_word_with_its_line() {
        let text = b"machine a.example login u password \"p q\nmachine b.example";
        assert_eq!(login(text).as_deref(), Some(&b"u:p q"[..]));
    }

    /// Unlike curl, which sends `d:e` in each of these cases.
    #[test]
    fn sends_no_login_of_the_entry_default() {
        for (text, sent) in [
            (&b"default login d password e"[..], None),
            (
                b"machine b.example login x password y default login d password e",
                None,
            ),
            (
                b"machine a.example login u default login d password e",
                Some(&b"u:"[..]),
            ),
            (
                b"default login d password e\nmachine a.example login u password p",
                Some(b"u:p"),
            ),
        ] {
            assert_eq!(login(text).as_deref(), sent, "{}", text.escape_ascii());
        }
    }
}
