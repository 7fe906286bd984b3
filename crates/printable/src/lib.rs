//! Text from outside, such as a file's name, as part of one line of a log.

use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter, Write};
use std::os::unix::ffi::OsStrExt;

/// Escapes what a terminal or a reader of a log would take for more than a name: control characters
/// (a newline forges a line, an escape sequence sets the clipboard), characters that reverse the
/// direction of a line, and bytes that are not UTF-8.
#[must_use]
pub fn printable(text: &(impl AsRef<OsStr> + ?Sized)) -> impl Display + '_ {
    Printable(text.as_ref().as_bytes())
}

struct Printable<'a>(&'a [u8]);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_plain(character) {
                    f.write_char(character)?;
                } else {
                    write!(f, "{}", character.escape_default())?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

fn is_plain(character: char) -> bool {
    // The others are Unicode's line separators and its controls of direction (UAX #9).
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_only_what_is_not_a_name() {
        for (name, shown) in [
            (&b"src/app.py"[..], "src/app.py"),
            ("größe 名前 👍🏽.txt".as_bytes(), "größe 名前 👍🏽.txt"),
            (b"C:\\back\\slash", "C:\\back\\slash"),
            (b"a\nrm: /etc/shadow changed", "a\\nrm: /etc/shadow changed"),
            (b"\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}"),
            ("\u{9b}31m\u{7f}".as_bytes(), "\\u{9b}31m\\u{7f}"),
            ("\u{202e}yp.exe".as_bytes(), "\\u{202e}yp.exe"),
            (b"caf\xe9.txt", "caf\\xe9.txt"),
        ] {
            assert_eq!(printable(OsStr::from_bytes(name)).to_string(), shown);
        }
    }
}
