//! The loop: watchexec watches, this program supervises.
//!
//! One deadline, one `poll`, no threads. [`state`] decides what follows, and [`supervisor`] carries
//! it out: it runs the commands [`before`] a start, and starts and stops the [`process`], whose
//! picture shows who is whose parent. [`wrapped`] is for a process that runs watchexec itself.

pub(crate) mod before;
pub(crate) mod process;
pub(crate) mod processes;
pub(crate) mod state;
pub(crate) mod supervisor;
pub(crate) mod terminal;
pub(crate) mod wrapped;

use crate::children::{reap, status_of_signal};
use crate::problem::Problem;
use crate::signals::Signals;
use crate::watch::Watching;
use crate::watch::files::Files;
use crate::watch::root::Root;
use nix::sys::prctl::set_child_subreaper;
use reload_options::Settings;
use reload_options::patterns::Patterns;
use state::Input;
use std::time::Instant;
use supervisor::{Reloaded, Supervisor};

/// Runs the process until this program is told to stop. Returns the exit status.
///
/// # Errors
/// watchexec cannot be run, or signals cannot be received.
pub(crate) fn run(
    reloaded: &Reloaded,
    roots: Vec<Root>,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<u8, Problem> {
    // PID 1 gets orphans anyhow; elsewhere an old kernel may refuse, and leaves them to the init.
    set_child_subreaper(true).ok();
    let image = &reloaded.image;
    let watching = Watching::start(&reloaded.watchexec, roots, settings, image);
    let mut watching =
        watching.map_err(|error| Problem::Watchexec(reloaded.watchexec.clone(), error))?;
    let patterns = Patterns::ignored(&settings.ignore, &image.app);
    let files = match settings.poll {
        None => Files::new(patterns),
        Some(_) => Files::known(patterns, watching.roots()),
    };
    let mut supervisor = Supervisor::new(reloaded, settings, files);
    // At once: no app waits until all of its directories are watched.
    supervisor.take(Input::Quiet { matters: true });
    while !supervisor.is_over {
        // 1. Wait until a signal arrives, watchexec has written something, or something is due.
        let due = [supervisor.due(), watching.due()]
            .into_iter()
            .flatten()
            .min();
        let timeout = due.map(|at| at.saturating_duration_since(Instant::now()));
        let (arrived, is_readable) = signals
            .wait_with(&watching.files(), timeout)
            .map_err(Problem::Signals)?;
        // 2. Collect changes, so that nothing is decided without them.
        for (path, seen) in watching.changes(&is_readable, &mut supervisor.syncs.files) {
            supervisor.collect(path, seen);
        }
        // 3. Pass signals on to the process; those that end a container stop it.
        for signal in arrived {
            supervisor.receive(signal);
        }
        // 4. Reap what has ended: the process, watchexec, orphans.
        for (child, status) in reap() {
            watching.note(child, status);
            supervisor.note(child, status);
        }
        // 5. Do what is due: a restart when a sync is over, a start when a stop or a pause is.
        supervisor.check_sync();
        if supervisor.is_stopped() {
            supervisor.take(Input::Ended);
            supervisor.log_survivors(&watching);
        }
        supervisor.check_pause();
    }
    watching.stop();
    let signal = signals.stop().map(|signal| status_of_signal(signal as i32));
    // If the process was never started, the status can only tell of the signal.
    Ok(supervisor.status.or(signal).unwrap_or_default())
}
