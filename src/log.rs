//! The log of a build, on standard output.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, Write};

/// Writes the log with three levels: a title, steps, and details.
///
/// The first line that cannot be written ends the log; [`finish`](Log::finish) returns the error.
pub(crate) struct Log {
    out: RefCell<Output>,
    debug: bool,
}

struct Output {
    writer: Box<dyn Write>,
    written: io::Result<()>,
}

impl Log {
    /// A log that goes to standard output.
    pub(crate) fn to_stdout(debug: bool) -> Self {
        Self::new(Box::new(io::stdout()), debug)
    }

    /// A log that goes to `out`; with `debug` it shows every decision.
    pub(crate) fn new(out: Box<dyn Write>, debug: bool) -> Self {
        Self {
            out: RefCell::new(Output {
                writer: out,
                written: Ok(()),
            }),
            debug,
        }
    }

    /// Ends the log.
    ///
    /// # Errors
    /// A line could not be written.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.out.into_inner().written
    }

    /// The first line: which buildpack this is.
    pub(crate) fn title(&self, text: impl Display) {
        self.lines("", &text.to_string());
    }

    /// A line directly below the title.
    pub(crate) fn subtitle(&self, text: impl Display) {
        self.lines("  ", &text.to_string());
    }

    /// A step of the build, after an empty line.
    pub(crate) fn step(&self, text: impl Display) {
        self.lines("", "");
        self.lines("  ", &text.to_string());
    }

    /// A detail of the current step.
    pub(crate) fn detail(&self, text: impl Display) {
        self.lines("    ", &text.to_string());
    }

    /// Several details.
    pub(crate) fn details(&self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.detail(text);
        }
    }

    /// A warning: the build goes on, and someone should act.
    pub(crate) fn warning(&self, text: impl Display) {
        self.lines("  ", &format!("Warning: {text}"));
    }

    /// A decision and its inputs; shown with `BP_LOG_LEVEL=DEBUG` only.
    pub(crate) fn debug(&self, text: impl Display) {
        if self.debug {
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
    use super::Log;
    use std::cell::RefCell;
    use std::io::{self, Write};
    use std::rc::Rc;

    /// The text of a log made by [`recording`].
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

    /// A log with all lines, and its text.
    pub(crate) fn recording(debug: bool) -> (Log, Recording) {
        let recording = Recording::default();
        (Log::new(Box::new(recording.clone()), debug), recording)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::recording;

    fn sample(debug: bool) -> String {
        let (log, recording) = recording(debug);
        log.title("Buildpack 1");
        log.step("step");
        log.detail("one\ntwo");
        log.debug("because");
        log.warning("mind");
        recording.text()
    }

    #[test]
    fn indents_by_depth() {
        assert_eq!(
            sample(false),
            "Buildpack 1\n\n  step\n    one\n    two\n  Warning: mind\n"
        );
    }

    #[test]
    fn shows_decisions_at_debug_only() {
        assert!(sample(true).contains("    [debug] because\n"));
    }
}
