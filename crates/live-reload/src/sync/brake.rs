//! The brake on restart loops: an app that writes a watched file at each start restarts itself
//! without end.

use super::summary;
use crate::backoff::Backoff;
use crate::watch::files::Changes;
use printable::printable;
use std::path::Path;
use std::time::Duration;

/// A change later than this after the start resets the count.
const SOON: Duration = Duration::from_secs(2);

/// This many restarts in a row are not delayed: a person can save a file twice within two seconds.
const FREE: u32 = 3;

/// At most this many files are named.
const NAMED: usize = 3;

/// The restarts in a row that the app may have caused itself.
#[derive(Debug, Default)]
pub(crate) struct Brake {
    restarts: u32,
    backoff: Backoff,
}

impl Brake {
    /// Counts a restart for `changes`, which happened `after` the last start. `before` are the
    /// changes that led to that start. Returns its delay, if the app seems to have caused it
    /// itself.
    pub(crate) fn delay(
        &mut self,
        changes: &Changes,
        before: &Changes,
        after: Duration,
    ) -> Option<Duration> {
        let is_same = |(path, _): &(_, u64)| before.files.iter().any(|(other, _)| other == path);
        if after >= SOON || changes.files.is_empty() || !changes.files.iter().all(is_same) {
            *self = Self::default();
            return None;
        }
        self.restarts = self.restarts.saturating_add(1);
        (self.restarts >= FREE).then(|| self.backoff.next())
    }
}

/// What the log says about such changes, of a process of this type.
pub(crate) fn remedy(changes: &Changes, app: &Path, r#type: &str, delay: Duration) -> String {
    let what = summary(changes, app);
    let paths = changes.files.iter().map(|(path, _)| path);
    let names = paths.map(|path| printable(path.strip_prefix(app).unwrap_or(path)).to_string());
    let names: Vec<String> = names.take(NAMED).collect();
    format!(
        "live-reload: {what} changed again right after the start of {type}. If each start writes it, \
         ignore it: BP_LIVE_RELOAD_IGNORE={} at build, or --ignore {}. The next restart is delayed by {} s",
        names.join(":"),
        names.join(" --ignore "),
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
    fn names_each_file_in_a_form_that_can_be_pasted() {
        let files = ["/app/state/a.json", "/app/b.json"].map(|path| (path.into(), 1));
        let changes = Changes {
            files: files.to_vec(),
            ..Changes::default()
        };
        let remedy = remedy(&changes, Path::new("/app"), "web", SOON);
        assert!(remedy.starts_with("live-reload: state/a.json and 1 other file changed again"));
        assert!(remedy.contains("BP_LIVE_RELOAD_IGNORE=state/a.json:b.json at build"));
        assert!(remedy.contains("--ignore state/a.json --ignore b.json. "));
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
