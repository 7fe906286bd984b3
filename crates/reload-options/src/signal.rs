//! The signal that stops the process.

use nix::sys::signal::Signal;

/// Parses the signal that asks a process to stop.
///
/// Names are those of Linux, in either case, with or without `SIG`; numbers are accepted too, as
/// by watchexec. `SIGSTOP` is not: no process can handle it, so each restart would freeze the
/// process and wait for the stop timeout, and watchexec takes a bare `STOP` for `SIGKILL`.
///
/// # Errors
/// Why the text cannot be used, as the rest of a sentence.
pub(crate) fn stop_signal(text: &str) -> Result<Signal, String> {
    let signal = if let Ok(number) = text.parse::<i32>() {
        Signal::try_from(number).ok()
    } else {
        let name = text.to_ascii_uppercase();
        name.parse().or_else(|_| format!("SIG{name}").parse()).ok()
    };
    match signal {
        None => Err("is not a signal".to_owned()),
        Some(Signal::SIGSTOP) => Err("no process can handle".to_owned()),
        Some(signal) => Ok(signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_names_and_numbers() {
        for text in ["SIGINT", "INT", "sigint", "int", "2"] {
            assert_eq!(stop_signal(text), Ok(Signal::SIGINT), "{text}");
        }
    }

    #[test]
    fn rejects_unknown_signals_and_sigstop() {
        for text in ["", "SIG", "SIGFOO", "0", "99", "STOP", "19", "CTRL+C"] {
            stop_signal(text).unwrap_err();
        }
    }
}
