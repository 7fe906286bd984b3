//! Running programs, and waiting for what they do.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

pub(crate) use harness::command::{last_lines, logged, output, record, recorded};

/// Checks that a text contains all of these words.
pub(crate) fn expect_words(text: &str, words: &[&str]) -> Result<()> {
    for word in words {
        let end = last_lines(text);
        ensure!(text.contains(word), "{word:?} is not in:\n{end}");
    }
    Ok(())
}

/// Polls for at most this long until there is an answer.
pub(crate) fn wait_for<T>(
    patience: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        let asked = Instant::now();
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        ensure!(started.elapsed() < patience, "timed out after {patience:?}");
        // As long as the question took: it may start a program, and one to an app is answered at
        // once.
        sleep(
            asked
                .elapsed()
                .clamp(Duration::from_millis(2), Duration::from_secs(1)),
        );
    }
}

/// Repeats for at most this long until it succeeds. An error contains the last one.
pub(crate) fn retry<T>(patience: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut last = None;
    let done = wait_for(patience, || match attempt() {
        Ok(done) => Ok(Some(done)),
        Err(error) => {
            last = Some(error);
            Ok(None)
        }
    });
    done.map_err(|late| match last {
        Some(error) => error.context(late),
        None => late,
    })
}

/// Whether the PATH of the suite has a program.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// A command as root, with sudo if necessary, which may ask for a password at the terminal.
pub(crate) fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

/// A port that no other case is given, below those of outgoing connections.
pub(crate) fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        ensure!(port < 32_768, "no port is free");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn keeps_the_last_error_of_what_never_succeeds() {
        let mut attempts = 0;
        let error = retry(Duration::from_millis(20), || {
            attempts += 1;
            Err::<(), _>(anyhow!("attempt {attempts}"))
        });
        let error = format!("{:#}", error.unwrap_err());
        assert!(
            attempts > 1 && error.ends_with(&format!("attempt {attempts}")),
            "{error}"
        );
    }

    #[test]
    fn gives_every_caller_a_port_below_those_of_clients() {
        let [one, other] = [free_port().unwrap(), free_port().unwrap()];
        assert!(one < other && other < 32_768, "{one} {other}");
    }
}
