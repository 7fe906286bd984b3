//! The signal that stops the process.

use crate::setting::Rejected;
use nix::sys::signal::Signal;
use std::fmt;
use std::str::FromStr;

/// A signal that asks a process to stop.
///
/// Names are those of Linux, in either case, with or without `SIG`; numbers are accepted too, as
/// watchexec does. `SIGSTOP` is not: no process can handle it, so each restart would freeze the
/// process and wait for the stop timeout, and watchexec takes a bare `STOP` for `SIGKILL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopSignal(Signal);

impl StopSignal {
    /// The signal itself.
    #[must_use]
    pub const fn signal(self) -> Signal {
        self.0
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self(Signal::SIGTERM)
    }
}

impl FromStr for StopSignal {
    type Err = Rejected;

    fn from_str(text: &str) -> Result<Self, Rejected> {
        let signal = if let Ok(number) = text.parse::<i32>() {
            Signal::try_from(number).ok()
        } else {
            let name = text.to_ascii_uppercase();
            name.parse().or_else(|_| format!("SIG{name}").parse()).ok()
        };
        match signal {
            None => Err(Rejected::because("is not a signal")),
            Some(Signal::SIGSTOP) => Err(Rejected::because("no process can handle")),
            Some(signal) => Ok(Self(signal)),
        }
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_names_and_numbers() {
        for text in ["SIGINT", "INT", "sigint", "int", "2"] {
            let signal: StopSignal = text.parse().unwrap();
            assert_eq!(signal.signal(), Signal::SIGINT);
            assert_eq!(signal.to_string(), "SIGINT");
        }
    }

    #[test]
    fn rejects_what_stops_nothing() {
        for text in ["", "SIG", "SIGFOO", "0", "99", "STOP", "19", "CTRL+C"] {
            text.parse::<StopSignal>().unwrap_err();
        }
    }
}
