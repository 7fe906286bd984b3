//! The loop: watchexec watches, this program supervises.
//!
//! One deadline, one `poll`, no threads. [`crate::state`] decides; this module carries out what it decides, and gives it
//! as inputs what happens. [`crate::process`] has the picture of who is whose parent.

use crate::brake::{self, Brake};
use crate::checks;
use crate::files::{Changes, Files, Root};
use crate::image::Image;
use crate::launch::Launch;
use crate::patterns::Patterns;
use crate::problem::Problem;
use crate::process::{Process, describe, reap, status_of_signal};
use crate::processes;
use crate::signals::{Signals, is_stop};
use crate::state::{Action, Input, Machine, State};
use crate::sync::{ENDLESS, RESTART, Seen, Sync, summary};
use crate::texts::tell;
use crate::watching::{FIRST_LOOK, Watching};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use printable::printable;
use reload_options::Settings;
use rustix::process::WaitStatus;
use std::mem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The exit status for a program that cannot be run, in the convention of shells.
const CANNOT_RUN: u8 = 127;

/// A process that is restarted when files change.
#[derive(Debug)]
pub(crate) struct Reloaded {
    pub(crate) r#type: String,
    pub(crate) launch: Launch,
    pub(crate) image: Image,
    /// The location of watchexec.
    pub(crate) watchexec: PathBuf,
}

/// Everything that the loop knows.
struct Supervisor<'a> {
    reloaded: &'a Reloaded,
    settings: &'a Settings,
    machine: Machine,
    /// The last process that was started, until nothing of it is left.
    process: Option<Process>,
    /// The exit status of the last process.
    status: Option<u8>,
    files: Files,
    sync: Option<Sync>,
    /// What differs from the last start, as far as syncs are over.
    changes: Changes,
    /// The last start, and what differed before it.
    started: (Instant, Changes),
    brake: Brake,
    /// Processes that have left a group, and have been named.
    named: Vec<Pid>,
    is_over: bool,
}

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
    let patterns = Patterns::new(settings, &image.app);
    let files = match settings.poll {
        None => Files::new(patterns),
        Some(_) => Files::known(patterns, watching.roots()),
    };
    let mut supervisor = Supervisor {
        reloaded,
        settings,
        machine: Machine::NEW,
        process: None,
        status: None,
        files,
        sync: None,
        changes: Changes::default(),
        started: (Instant::now(), Changes::default()),
        brake: Brake::default(),
        named: Vec::new(),
        is_over: false,
    };
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
        for (path, is_new) in watching.read(&is_readable) {
            let stamp = None;
            supervisor.collect(path, Seen { stamp, is_new });
        }
        for (path, seen) in watching.look(&mut supervisor.files) {
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
        // 5. Do what is due: a restart when a sync is over, a start when a stop is.
        supervisor.check_sync();
        if supervisor.is_stopped() {
            supervisor.take(Input::Ended);
            supervisor.name_survivors(&watching);
        }
    }
    watching.stop();
    let signal = signals.stop().map(|signal| status_of_signal(signal as i32));
    // If the process was never started, the status can only tell of the signal.
    Ok(supervisor.status.or(signal).unwrap_or_default())
}

impl Supervisor<'_> {
    /// When something is due.
    fn due(&self) -> Option<Instant> {
        let sync = self
            .sync
            .as_ref()
            .and_then(|sync| sync.end(self.shortest()));
        let stop = self.process.as_ref().and_then(Process::due);
        sync.into_iter().chain(stop).min()
    }

    /// The shortest quiet time. While polling, a sync is over only when one more look has found nothing.
    fn shortest(&self) -> Duration {
        let poll = self.settings.poll.as_ref();
        let further = poll.map_or(Duration::ZERO, |_| 2 * FIRST_LOOK);
        self.settings.debounce.duration().saturating_add(further)
    }

    /// Gives the machine an input, and does what it says.
    fn take(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next {
            next = match self.machine.take(input) {
                Some(Action::Start) => self.start(),
                Some(Action::Stop) => self.stop(),
                Some(Action::Kill) => {
                    self.process.iter_mut().for_each(Process::kill);
                    None
                }
                Some(Action::Report) => {
                    self.report();
                    None
                }
                Some(Action::Exit) => {
                    self.is_over = true;
                    None
                }
                None => None,
            };
        }
    }

    /// Starts the process.
    fn start(&mut self) -> Option<Input> {
        let mut command = self.reloaded.launch.command();
        self.files.start();
        let started = Process::start(&mut command);
        self.started = (Instant::now(), mem::take(&mut self.changes));
        let error = match started {
            Ok(process) => {
                self.process = Some(process);
                return None;
            }
            Err(error) => error,
        };
        (self.process, self.status) = (None, Some(CANNOT_RUN));
        match checks::program(&self.reloaded.launch) {
            // A sync can have removed it.
            Err(reason) => tell(format_args!(
                "live-reload: error: {}",
                Problem::Program(self.reloaded.r#type.clone(), reason)
            )),
            Ok(()) => tell(format_args!(
                "live-reload: error: {} cannot be run ({error})",
                printable(command.get_program())
            )),
        }
        Some(Input::Ended)
    }

    /// Begins to stop the process, if anything of it is left.
    fn stop(&mut self) -> Option<Input> {
        match self.process.as_mut().filter(|process| !process.is_gone()) {
            Some(process) => {
                process.stop(self.settings);
                None
            }
            None => Some(Input::Ended),
        }
    }

    /// Logs how the process has ended. A program that cannot be run has been logged.
    fn report(&self) {
        if let Some(end) = self.process.as_ref().and_then(Process::end) {
            tell(format_args!(
                "live-reload: {} {}; the next change starts it again",
                self.reloaded.r#type,
                describe(end)
            ));
        }
    }

    /// Logs the processes that have left the group of the last process, and so have outlived it.
    fn name_survivors(&mut self, watching: &Watching<'_>) {
        let group = self.process.as_ref().map(Process::group);
        let survivors = processes::running().filter(|process| {
            process.parent == Pid::this()
                && Some(process.group) != group
                && !watching.is_watchexec(process.id)
        });
        let (known, new): (Vec<_>, Vec<_>) =
            survivors.partition(|process| self.named.contains(&process.id));
        // The number of one that has ended can be used again.
        self.named = known.iter().chain(&new).map(|process| process.id).collect();
        if !new.is_empty() {
            tell(format_args!(
                "live-reload: still running, since they are not in the process group of {}: {}",
                self.reloaded.r#type,
                processes::list(&new)
            ));
        }
    }

    /// Adds a changed path to the sync that goes on, or begins with it.
    fn collect(&mut self, path: PathBuf, seen: Seen) {
        if self.sync.get_or_insert_with(Sync::new).add(path, seen) {
            self.take(Input::Change);
        }
    }

    /// Acts on a signal.
    fn receive(&mut self, signal: Signal) {
        if is_stop(signal) {
            self.take(Input::Signal);
        } else if let Some(process) = self.process.as_ref().filter(|_| signal != Signal::SIGCHLD) {
            process.pass_on(signal);
        }
    }

    /// Notes that a child has ended or halted.
    fn note(&mut self, child: Pid, status: WaitStatus) {
        let Some(process) = &mut self.process else {
            return;
        };
        if process.note(child, status).is_none() {
            return;
        }
        self.status = process.exit_status();
        // As without live reload, where Ctrl-C ends the container.
        let input = if process.was_interrupted() {
            Input::Signal
        } else {
            Input::Ended
        };
        process.take_terminal();
        if self.machine.state == State::Running {
            self.take(input);
        }
    }

    /// Ends a sync that is over.
    fn check_sync(&mut self) {
        let shortest = self.shortest();
        let is_due = |sync: &mut Sync| sync.end(shortest).is_some_and(|end| end <= Instant::now());
        let Some(mut sync) = self.sync.take_if(is_due) else {
            return;
        };
        let (start, before) = &self.started;
        let since = sync.since(*start);
        let mut changes = self.files.changes(sync.seen(), since < RESTART);
        if !sync.is_over(&changes, *start, before, shortest) {
            self.sync = Some(sync);
            return;
        }
        let state = self.machine.state;
        if changes.is_empty() && state == State::Ended {
            let left = sync.paths().filter(|path| path.symlink_metadata().is_ok());
            changes.files = left.map(|path| (path.clone(), 0)).collect();
        }
        let matters = !changes.is_empty();
        let what = summary(&changes, &self.reloaded.image.app);
        let goes_on = matches!(state, State::Stopping(_) | State::Waiting);
        if matters && goes_on {
            tell(format_args!("live-reload: {what} changed too"));
        } else if matters {
            if !sync.is_delayed()
                && let Some(delay) = self.brake.delay(&changes, before, since)
            {
                sync.delay(delay);
                self.sync = Some(sync);
                tell(brake::remedy(&what, &self.reloaded.r#type, delay));
                return;
            }
            let how = if sync.is_endless() && !sync.is_delayed() {
                ENDLESS
            } else {
                ""
            };
            tell(format_args!(
                "live-reload: {what} changed{how}, restarting {}",
                self.reloaded.r#type
            ));
        }
        if matters {
            // Whatever happens to them from here on is news to the next process.
            self.files.note(sync.paths());
        }
        self.changes.append(changes);
        self.take(Input::Quiet { matters });
    }

    /// Goes on with a stop. Returns whether it is over, and nothing of the process is left.
    fn is_stopped(&mut self) -> bool {
        let (State::Stopping(_), Some(process)) = (self.machine.state, &mut self.process) else {
            return false;
        };
        if process.is_gone() {
            return true;
        }
        process.log_awaited(self.settings);
        if process.is_overdue() {
            self.take(Input::Time);
        }
        false
    }
}
