//! Output for people.

use std::fmt::Display;
use std::io::{self, Write};

/// The answer to `--help`.
pub(crate) const USAGE: &str = "\
Restarts a process of this image whenever files change.

Usage: live-reload [OPTION]... [TYPE]

  TYPE                 process type to restart [default: the only one that runs watchexec
                       itself, or `web`, or the only one]
  --watch PATH         watch this, instead of the app directory; may be repeated
  --ignore PATTERN     changes of these files restart nothing; may be repeated
  --debounce TIME      collect changes for this long before a restart [default: 50ms]
  --signal NAME        signal that stops the process [default: SIGTERM]
  --stop-timeout TIME  kill the process when it takes longer to stop [default: 10s]
  --poll TIME          look for changes this often, where the file system does not report them;
                       `off` relies on the file system [default: off]

What is given later wins, and the image has given the settings of its build. A --watch or an
--ignore after the TYPE replaces all those before it.

Usage: live-reload tar ARGUMENT...
       live-reload rm ARGUMENT...

Copies files into the container and deletes them, for tools that need `tar` and `rm` there.";

/// The remedy where changes go unseen.
pub(crate) const POLL_INSTEAD: &str = "`docker run --entrypoint reload IMAGE --poll 1s`, or \
    BP_LIVE_RELOAD_POLL=1s at build, looks for changes itself.";

/// Writes a line to standard error. The process writes there too, so the line is written in one piece.
/// An output that nobody reads does not end the program.
pub(crate) fn tell(text: impl Display) {
    let text = format!("{text}\n");
    io::stderr().write_all(text.as_bytes()).ok();
}

/// Writes a line to standard output, in the same way.
pub(crate) fn answer(text: impl Display) {
    let text = format!("{text}\n");
    io::stdout().write_all(text.as_bytes()).ok();
}

/// Writes a warning to standard error.
pub(crate) fn warn(text: impl Display) {
    tell(format_args!("live-reload: warning: {text}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use reload_options::Setting;

    #[test]
    fn the_usage_names_every_argument() {
        for setting in Setting::ALL {
            assert!(USAGE.contains(setting.argument), "{}", setting.argument);
        }
    }
}
