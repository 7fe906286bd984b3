//! What the loop knows, and how it carries out what [`super::state`] decides.

use super::before::Before;
use super::process::{CANNOT_RUN, Process};
use super::processes::Survivors;
use super::state::{Action, Input, Machine, State};
use crate::backoff::Backoff;
use crate::children::describe;
use crate::image::Image;
use crate::launch::Launch;
use crate::output::log;
use crate::problem::Problem;
use crate::signals::is_stop;
use crate::sync::brake;
use crate::sync::syncs::Syncs;
use crate::sync::{ENDLESS, HEAD_START, summary};
use crate::watch::files::{Changes, Files, Seen};
use crate::watch::{FIRST_SCAN, Watching};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use reload_options::{OnExit, Settings};
use rustix::process::WaitStatus;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A process that has run for this long started well, so that the pause after its end is the
/// shortest one again.
const STABLE: Duration = Duration::from_mins(1);

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
pub(crate) struct Supervisor<'a> {
    reloaded: &'a Reloaded,
    settings: &'a Settings,
    machine: Machine,
    /// The last process that was started, until nothing of it is left.
    process: Option<Process>,
    /// The exit status of the last process.
    pub(crate) status: Option<u8>,
    pub(crate) syncs: Syncs,
    before: Before,
    /// When the process starts again after an end, and the pauses before that.
    restart_at: Option<Instant>,
    backoff: Backoff,
    survivors: Survivors,
    /// Whether this program has to end.
    pub(crate) is_over: bool,
}

impl<'a> Supervisor<'a> {
    /// Nothing has been started.
    pub(crate) fn new(reloaded: &'a Reloaded, settings: &'a Settings, files: Files) -> Self {
        let mut before = Before::new(settings, &reloaded.launch, &reloaded.image.app);
        before.plan(&Changes::default());
        Self {
            reloaded,
            settings,
            machine: Machine::new(settings.on_change.is_some()),
            process: None,
            status: None,
            syncs: Syncs::new(files),
            before,
            restart_at: None,
            backoff: Backoff::default(),
            survivors: Survivors::default(),
            is_over: false,
        }
    }

    /// When something is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        // What syncs change while commands run is dealt with when they have ended.
        let sync = self.syncs.due(self.shortest());
        let sync = sync.filter(|_| !self.machine.is_preparing);
        let sync = sync.and_then(|end| end.checked_sub(self.head_start()));
        let stops = self.before.running.iter().chain(&self.process);
        // Of a stop that is over, nothing is due.
        let stops = stops
            .filter(|process| !process.is_gone())
            .filter_map(Process::due);
        stops.chain(sync).chain(self.pause_end()).min()
    }

    /// How long before the end of a sync the process begins to stop. Commands before a start see
    /// the whole sync.
    fn head_start(&self) -> Duration {
        let settings = self.settings;
        let stops = settings.on_change.is_none() && settings.before.is_empty();
        if stops && self.machine.state == State::Running {
            HEAD_START
        } else {
            Duration::ZERO
        }
    }

    /// When the process starts again after an end.
    fn pause_end(&self) -> Option<Instant> {
        let waits = self.machine.state == State::Ended && !self.machine.is_preparing;
        self.restart_at.filter(|_| waits)
    }

    /// Starts the process again if the pause after its end is over.
    pub(crate) fn check_pause(&mut self) {
        if self.pause_end().is_some_and(|end| end <= Instant::now()) {
            self.before.plan(&Changes::default());
            self.take(Input::Time);
        }
    }

    /// The shortest quiet time. While polling, a sync is over only when one more scan has found
    /// nothing.
    fn shortest(&self) -> Duration {
        let poll = self.settings.poll.as_ref();
        let further = poll.map_or(Duration::ZERO, |_| 2 * FIRST_SCAN);
        self.settings.debounce.saturating_add(further)
    }

    /// Gives the machine an input, and does what it says.
    pub(crate) fn take(&mut self, input: impl Into<Option<Input>>) {
        let mut next = input.into();
        while let Some(input) = next {
            next = match self.machine.take(input) {
                Some(Action::Prepare) => {
                    (self.before.run()).map(|succeeded| Input::Prepared { succeeded })
                }
                Some(Action::Start) => self.start(),
                Some(Action::Reload) => self.reload(),
                Some(Action::Stop) => self.stop(),
                Some(Action::Kill) => {
                    self.left().for_each(Process::kill);
                    None
                }
                Some(Action::Report) => self.report(),
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
        self.syncs.start(self.before.began.take());
        self.restart_at = None;
        match Process::start(&self.reloaded.launch, Stdio::inherit()) {
            Ok(process) => {
                self.process = Some(process);
                None
            }
            Err(reason) => {
                let problem = Problem::Program(self.reloaded.r#type.clone(), reason);
                log(format_args!("live-reload: error: {problem}"));
                (self.process, self.status) = (None, Some(CANNOT_RUN));
                Some(Input::Ended)
            }
        }
    }

    /// Makes the process reload by itself.
    fn reload(&mut self) -> Option<Input> {
        self.syncs.start(self.before.began.take());
        if let (Some(process), Some(signal)) = (&self.process, self.settings.on_change) {
            process.pass_on(signal);
        }
        None
    }

    /// Begins to stop the process and what runs before its start, if anything of them is left.
    fn stop(&mut self) -> Option<Input> {
        let settings = self.settings;
        let left = self.left().map(|process| process.stop(settings)).count();
        (left == 0).then_some(Input::Ended)
    }

    /// The process and the command before its start, unless nothing of them is left.
    fn left(&mut self) -> impl Iterator<Item = &mut Process> {
        let running = self.before.running.iter_mut().chain(&mut self.process);
        running.filter(|process| !process.is_gone())
    }

    /// Logs how the process, or a command before its start, has ended, and plans what follows.
    fn report(&mut self) -> Option<Input> {
        let r#type = &self.reloaded.r#type;
        let (what, again, starting) = if let Some((how, status)) = self.before.failure.take() {
            if self.machine.state != State::Running {
                self.status = Some(status);
            }
            (how, "tries again", "trying again")
        } else {
            let end = self.process.as_ref().and_then(Process::end);
            let how = end.map_or_else(|| "did not start".to_owned(), describe);
            let what = format!("{type} {how}");
            (what, "starts it again", "starting it again")
        };
        let (follows, input) = match (self.machine.state, self.settings.on_exit) {
            (State::Running, _) => (
                format!("{type} keeps running, and the next change {again}"),
                None,
            ),
            (_, OnExit::Wait) => (format!("the next change {again}"), None),
            (_, OnExit::Restart) => {
                if self.syncs.since_start() >= STABLE {
                    self.backoff.reset();
                }
                let pause = self.backoff.next();
                self.restart_at = Instant::now().checked_add(pause);
                (format!("{starting} in {} s", pause.as_secs()), None)
            }
            (_, OnExit::Exit) => ("exiting with its status".to_owned(), Some(Input::Signal)),
        };
        log(format_args!("live-reload: {what}; {follows}"));
        input
    }

    /// Logs the processes that have left the group of the last process, and so have outlived it.
    pub(crate) fn log_survivors(&mut self, watching: &Watching<'_>) {
        let own = self.process.iter().chain(&self.before.running);
        let groups: Vec<Pid> = own.map(Process::group).collect();
        let new = self
            .survivors
            .find(|process| !groups.contains(&process.group) && !watching.is_watchexec(process.id));
        if let Some(new) = new {
            log(format_args!(
                "live-reload: processes outside the process group of {} are still running: {new}",
                self.reloaded.r#type
            ));
        }
    }

    /// Adds a changed path to the current sync, or begins a sync with it.
    pub(crate) fn collect(&mut self, path: PathBuf, seen: Seen) {
        if self.before.wrote(&path) {
            self.syncs.files.learn(&path);
        } else if self.syncs.collect(path, seen) {
            self.take(Input::Change);
        }
    }

    /// Acts on a signal.
    pub(crate) fn receive(&mut self, signal: Signal) {
        if is_stop(signal) {
            self.take(Input::Signal);
        } else if let Some(process) = self.process.as_ref().filter(|_| signal != Signal::SIGCHLD) {
            process.pass_on(signal);
        }
    }

    /// Notes that a child has ended or halted.
    pub(crate) fn note(&mut self, child: Pid, status: WaitStatus) {
        // While everything is being stopped, the rest of the command's group is waited for.
        if matches!(self.machine.state, State::Stopping(_)) {
            self.before.running.iter_mut().for_each(|command| {
                command.note(child, status);
            });
        } else if let Some(succeeded) = self.before.note(child, status) {
            if succeeded {
                log(format_args!("live-reload: {}", self.restarting()));
            }
            self.take(Input::Prepared { succeeded });
        }
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

    /// What follows a change, for the log.
    fn restarting(&self) -> String {
        let r#type = &self.reloaded.r#type;
        match (self.machine.state, self.settings.on_change) {
            (State::Running, Some(signal)) => format!("sending {signal} to {type}"),
            (State::Waiting, _) => format!("starting {type}"),
            _ => format!("restarting {type}"),
        }
    }

    /// Acts on a sync that is over.
    pub(crate) fn check_sync(&mut self) {
        if self.machine.is_preparing {
            return;
        }
        let (state, shortest) = (self.machine.state, self.shortest());
        let goes_on = matches!(state, State::Stopping(_) | State::Waiting);
        let has_ended = state == State::Ended;
        let at = Instant::now() + self.head_start();
        let Some(over) = self.syncs.end(at, shortest, has_ended, !goes_on) else {
            return;
        };
        let (app, r#type) = (&self.reloaded.image.app, &self.reloaded.r#type);
        if let Some(delay) = over.delay {
            log(brake::remedy(&over.changes, app, r#type, delay));
            // The process can be started again meanwhile, if it ends.
            self.take(Input::Quiet { matters: false });
            return;
        }
        let matters = !over.changes.is_empty();
        if matters {
            let what = summary(&over.changes, app);
            let how = if over.is_endless { ENDLESS } else { "" };
            self.before.plan(&over.changes);
            self.backoff.reset();
            let follows = match (goes_on, self.before.is_due()) {
                (true, _) => " too".to_owned(),
                (false, true) => String::new(),
                (false, false) => format!(", {}", self.restarting()),
            };
            log(format_args!("live-reload: {what} changed{how}{follows}"));
        }
        self.syncs.keep(over.changes);
        let is_nearly = self.syncs.due(shortest).is_some();
        self.take(if is_nearly {
            Input::NearlyQuiet
        } else {
            Input::Quiet { matters }
        });
    }

    /// Goes on with a stop. Returns whether it is over, and nothing of the process is left.
    pub(crate) fn is_stopped(&mut self) -> bool {
        if !matches!(self.machine.state, State::Stopping(_)) {
            return false;
        }
        let settings = self.settings;
        let (mut is_stopped, mut is_overdue) = (true, false);
        for process in self.left() {
            process.log_awaited(settings);
            (is_stopped, is_overdue) = (false, is_overdue | process.is_overdue());
        }
        if is_overdue {
            self.take(Input::Time);
        }
        is_stopped
    }
}
