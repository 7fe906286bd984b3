//! The build's log: what the user sees on standard output.

use crate::configuration::LogLevel;
use std::cell::RefCell;
use std::io::{self, Write};

/// Writes the log in three depths: a title, what is done under it, and its details.
///
/// The first line that cannot be written ends the log; [`finish`](Log::finish) returns the error.
pub struct Log {
    out: RefCell<Output>,
    level: LogLevel,
}

struct Output {
    writer: Box<dyn Write>,
    written: io::Result<()>,
}

impl Log {
    /// A log that goes to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write>, level: LogLevel) -> Self {
        Self {
            out: RefCell::new(Output {
                writer: out,
                written: Ok(()),
            }),
            level,
        }
    }

    /// Ends the log.
    ///
    /// # Errors
    /// A line could not be written.
    pub fn finish(self) -> io::Result<()> {
        self.out.into_inner().written
    }

    /// The first line: which buildpack this is.
    pub fn title(&self, text: &str) {
        self.lines("", text);
    }

    /// A step of the build, after an empty line.
    pub fn step(&self, text: &str) {
        self.lines("", "");
        self.lines("  ", text);
    }

    /// What a step did.
    pub fn detail(&self, text: &str) {
        self.lines("    ", text);
    }

    /// Several details.
    pub fn details(&self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.detail(&text);
        }
    }

    /// Something the user should know although the build goes on.
    pub fn warning(&self, text: &str) {
        self.lines("  ", &format!("Warning: {text}"));
    }

    /// A decision and what it was taken from; shown with `BP_LOG_LEVEL=DEBUG` only.
    pub fn debug(&self, text: &str) {
        if self.level == LogLevel::Debug {
            self.lines("    ", &format!("[debug] {text}"));
        }
    }

    fn lines(&self, indent: &str, text: &str) {
        let mut out = self.out.borrow_mut();
        if out.written.is_ok() {
            out.written = write(&mut out.writer, indent, text);
        }
    }
}

fn write(out: &mut dyn Write, indent: &str, text: &str) -> io::Result<()> {
    if text.is_empty() {
        writeln!(out)?;
    }
    for line in text.lines() {
        writeln!(out, "{indent}{line}")?;
    }
    out.flush()
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{Log, LogLevel};
    use std::cell::RefCell;
    use std::io::{self, Write};
    use std::rc::Rc;

    /// What was written to a log made by [`recording`].
    #[derive(Clone, Default)]
    pub(crate) struct Recording(Rc<RefCell<Vec<u8>>>);

    impl Recording {
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.borrow()).into_owned()
        }
    }

    impl Write for Recording {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A log that shows everything, and what it wrote.
    pub(crate) fn recording(level: LogLevel) -> (Log, Recording) {
        let recording = Recording::default();
        (Log::new(Box::new(recording.clone()), level), recording)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::recording;
    use super::*;

    fn sample(level: LogLevel) -> String {
        let (log, recording) = recording(level);
        log.title("Buildpack 1");
        log.step("step");
        log.detail("one\ntwo");
        log.debug("because");
        log.warning("mind");
        recording.text()
    }

    #[test]
    fn depth_shows_in_the_indent() {
        assert_eq!(
            sample(LogLevel::Info),
            "Buildpack 1\n\n  step\n    one\n    two\n  Warning: mind\n"
        );
    }

    #[test]
    fn decisions_show_at_debug_only() {
        assert!(sample(LogLevel::Debug).contains("    [debug] because\n"));
    }
}
