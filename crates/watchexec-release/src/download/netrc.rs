//! Logins from a netrc file, as curl reads it (`lib/netrc.c`), but without the entry `default`: it would
//! send a password to any host that a URL names.

use super::failure::Failure;
use super::login::{Login, LoginSource};
use crate::files::FileError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A netrc file. It has no `Debug`: it contains passwords.
#[derive(Default)]
pub struct Netrc {
    file: PathBuf,
    /// Passwords are bytes, and need not be UTF-8.
    text: Vec<u8>,
    ignored: Option<FileError>,
}

/// A quoted word without its second quotation mark.
struct Unclosed;

/// Where the reader is.
enum State {
    /// In no entry, or in that of a different host.
    Elsewhere,
    /// In a macro, which ends with an empty line.
    Macro,
    /// After the word `machine`.
    Machine,
    /// In the entry of the host.
    Entry,
    /// After the word `login` or `password` of that entry.
    User,
    Password,
}

impl Netrc {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(file: &Path) -> Result<Self, FileError> {
        Ok(Self {
            text: fs::read(file).map_err(FileError::at(file))?,
            file: file.to_owned(),
            ignored: None,
        })
    }

    /// Reads a file, and ignores it if it cannot be read.
    #[must_use]
    pub fn optional(file: &Path) -> Self {
        Self::read(file).unwrap_or_else(|error| Self {
            ignored: (error.error.kind() != io::ErrorKind::NotFound).then_some(error),
            ..Self::default()
        })
    }

    /// Why the file is ignored, if it is.
    #[must_use]
    pub fn ignored(&self) -> Option<&FileError> {
        self.ignored.as_ref()
    }

    /// The login for a host.
    ///
    /// # Errors
    /// A quoted word before or in its entry has no second quotation mark; curl gives up as well.
    pub(super) fn login(&self, host: &str) -> Result<Option<Login>, Failure> {
        let mut state = State::Elsewhere;
        let (mut user, mut password) = (None, None);
        'file: for line in self.text.split(|byte| *byte == b'\n') {
            if matches!(state, State::Macro) {
                if line.trim_ascii().is_empty() {
                    state = State::Elsewhere;
                }
                continue;
            }
            for word in words(line) {
                let word = word.map_err(|Unclosed| {
                    let file = self.file.display();
                    Failure::Other(format!(
                        "{file}: a quotation mark has no second one on its line"
                    ))
                })?;
                let is = |keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
                state = match state {
                    _ if user.is_some() && password.is_some() => break 'file,
                    State::Machine if is(host) => State::Entry,
                    State::Machine => State::Elsewhere,
                    State::User => {
                        user = Some(word);
                        State::Entry
                    }
                    State::Password => {
                        password = Some(word);
                        State::Entry
                    }
                    State::Entry if is("login") => State::User,
                    State::Entry if is("password") => State::Password,
                    State::Entry if is("default") => State::Elsewhere,
                    State::Entry | State::Elsewhere if is("machine") => State::Machine,
                    State::Elsewhere if is("macdef") => State::Macro,
                    other => other,
                };
            }
        }
        let is_listed = user.is_some() || password.is_some();
        Ok(is_listed.then(|| Login {
            user: user.unwrap_or_default(),
            password: password.unwrap_or_default(),
            source: LoginSource::Netrc(self.file.clone()),
        }))
    }
}

/// The words of a line, up to a comment. In one that starts with a quotation mark, `\` escapes.
fn words(line: &[u8]) -> impl Iterator<Item = Result<Vec<u8>, Unclosed>> {
    let mut rest = line.iter().copied().peekable();
    std::iter::from_fn(move || {
        while rest.next_if(u8::is_ascii_whitespace).is_some() {}
        let mut word = Vec::new();
        if *rest.peek()? == b'#' {
            return None;
        }
        if rest.next_if_eq(&b'"').is_none() {
            while let Some(byte) = rest.next_if(|byte| !byte.is_ascii_whitespace()) {
                word.push(byte);
            }
            return Some(Ok(word));
        }
        loop {
            word.push(match rest.next() {
                Some(b'"') => return Some(Ok(word)),
                Some(b'\\') => match rest.next() {
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(byte) => byte,
                    None => return Some(Err(Unclosed)),
                },
                Some(byte) => byte,
                None => return Some(Err(Unclosed)),
            });
        }
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
        let Ok(login) = netrc.login("a.example") else {
            return Some(b"unclosed".to_vec());
        };
        let Login { user, password, .. } = login?;
        Some([user, password].join(&b':'))
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
            (b"machine a.example login u password \"p", Some(b"unclosed")),
            (b"machine a.example login u password \"\"", Some(b"u:")),
            (b"machine a.example login u password p\xe9", Some(b"u:p\xe9")),
            (b"machine a.example login login password password", Some(b"login:password")),
            (b"machine a.example login machine password p", Some(b"machine:p")),
            // The first of two entries, completed by the second.
            (b"machine a.example login u password p\nmachine a.example login v password q", Some(b"u:p")),
            (b"machine a.example login u\nmachine a.example login v password q", Some(b"v:q")),
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
