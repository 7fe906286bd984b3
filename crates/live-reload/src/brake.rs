//! The brake on restart loops: an app that writes a watched file at each start restarts itself without end.

use crate::backoff::Backoff;
use crate::files::Changes;
use std::time::Duration;

/// An app writes such a file sooner after its start.
const SOON: Duration = Duration::from_secs(2);

/// So many restarts in a row come without a delay: a person can save a file twice within two seconds.
const FREE: u32 = 3;

/// The restarts in a row that the app may have caused itself.
#[derive(Debug, Default)]
pub(crate) struct Brake {
    restarts: u32,
    backoff: Backoff,
}

impl Brake {
    /// Counts a restart for these changes, which came so long after a start that followed `before`.
    /// Returns its delay, if the app seems to have caused it itself.
    pub(crate) fn delay(
        &mut self,
        changes: &Changes,
        before: &Changes,
        after: Duration,
    ) -> Option<Duration> {
        let is_same = |(path, _): &(_, u64)| before.files.iter().any(|(other, _)| other == path);
        let is_own = after < SOON && !changes.files.is_empty() && changes.files.iter().all(is_same);
        if !is_own {
            *self = Self::default();
            return None;
        }
        self.restarts = self.restarts.saturating_add(1);
        (self.restarts >= FREE).then(|| self.backoff.next())
    }
}

/// What the log says about such a change, of a process of this type.
pub(crate) fn remedy(what: &str, r#type: &str, delay: Duration) -> String {
    format!(
        "live-reload: {what} changed again right after the start of {type}. If each start writes it, ignore it: \
         BP_LIVE_RELOAD_IGNORE={what} at build, or --ignore {what}. The next restart is delayed by {} s",
        delay.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(file: &str) -> Changes {
        Changes {
            files: vec![(file.into(), 1)],
            ..Changes::default()
        }
    }

    #[test]
    fn delays_restarts_by_the_same_file_right_after_the_start() {
        let mut brake = Brake::default();
        let [log, other] = ["app/log", "app/main.py"].map(changes);
        let soon = Duration::from_millis(100);
        let mut delays = |changes: &Changes, before: &Changes, after, times| -> Vec<Option<u64>> {
            let delay = |_| {
                brake
                    .delay(changes, before, after)
                    .map(|delay| delay.as_secs())
            };
            (0..times).map(delay).collect()
        };
        // The restart before was by another file.
        assert_eq!(delays(&log, &other, soon, 1), [None]);
        let expected = [
            None,
            None,
            Some(1),
            Some(2),
            Some(4),
            Some(8),
            Some(16),
            Some(30),
            Some(30),
        ];
        assert_eq!(delays(&log, &log, soon, 9), expected);
        // A save of something else, and one of the same file when the app is at rest.
        assert_eq!(delays(&other, &log, soon, 1), [None]);
        assert_eq!(delays(&log, &log, soon, 3), [None, None, Some(1)]);
        assert_eq!(delays(&log, &log, SOON, 1), [None]);
    }
}
