//! Output for people.

use reload_options::Settings;
use reload_options::ignore::{IgnorePattern, default_patterns};
use std::fmt::Display;
use std::io::{self, Write};

/// The options.
const USAGE: &str = "\
Restarts a process of this image when files change.

Usage: live-reload [OPTION]... [TYPE] [-- ARGUMENT...]

  TYPE                 process type to restart [default: the only one that runs watchexec
                       itself, else `web`, else the only one]
  ARGUMENT             replaces the arguments of the process
  --watch PATH         watch this path instead of the app directory; repeatable
  --ignore PATTERN     ignore files that match, as in a .gitignore file; repeatable
  --debounce TIME      restart when a changed file has been quiet for this long [default: 20ms]
  --before RULE        run a command before a start: `COMMAND`, or `PATTERN: COMMAND` if files that
                       match have changed; repeatable
  --on-change ACTION   `restart` the process, or send it a signal, such as SIGHUP [default: restart]
  --on-exit ACTION     if the process ends by itself, `wait` for a change, `restart` it, or `exit`
                       [default: wait]
  --signal NAME        stop the process with this signal [default: SIGTERM]
  --stop-timeout TIME  kill the process if it takes longer to stop [default: 10s]
  --poll TIME          look for changes this often, on file systems that do not report them;
                       `off` relies on reports [default: off]

Options override the settings of the build. --watch, --ignore and --before replace the whole list.

Usage: live-reload tar ARGUMENT...
       live-reload rm ARGUMENT...

Extracts and deletes files in the container, for sync tools that run `tar` and `rm` in it.

To ignore more files, and to watch files that are ignored by default:
  docker run --entrypoint reload IMAGE --ignore '*.csv' --ignore uploads/ --ignore '!*.log'";

/// The answer to `--help`, with what these settings ignore.
pub(crate) fn help(settings: &Settings) -> String {
    let defaults: Vec<&str> = default_patterns().collect();
    let own: Vec<&str> = settings.ignore.iter().map(IgnorePattern::as_str).collect();
    format!(
        "{USAGE}\n\nIgnored: {} patterns. From the build or --ignore: {}\n\nBy default:\n{}",
        defaults.len() + own.len(),
        if own.is_empty() {
            "none".to_owned()
        } else {
            own.join(" ")
        },
        defaults.join(" ")
    )
}

/// How to poll for changes.
pub(crate) const POLL: &str =
    "`docker run --entrypoint reload IMAGE --poll 1s`, or BP_LIVE_RELOAD_POLL=1s at build";

/// Writes a line to standard error. The process writes there too, so the line is written in one
/// piece. A closed output does not end the program.
pub(crate) fn log(text: impl Display) {
    let text = format!("{text}\n");
    io::stderr().write_all(text.as_bytes()).ok();
}

/// Writes a line to standard output, in one piece.
pub(crate) fn print(text: impl Display) {
    let text = format!("{text}\n");
    io::stdout().write_all(text.as_bytes()).ok();
}

/// Writes a warning to standard error.
pub(crate) fn warn(text: impl Display) {
    log(format_args!("live-reload: warning: {text}"));
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
