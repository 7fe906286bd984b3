//! Commands that run before a start (`BP_LIVE_RELOAD_BEFORE`).
//!
//! They run one after the other, each for its files, in the environment of the process, which goes
//! on answering until all of them have succeeded. One that fails is due again with the next change,
//! whatever that changes.

use super::process::{CANNOT_RUN, Process};
use crate::children::{describe, exit_status};
use crate::launch::Launch;
use crate::output::log;
use crate::watch::files::{self, Changes};
use nix::unistd::Pid;
use printable::printable;
use reload_options::Settings;
use reload_options::patterns::Patterns;
use rustix::process::WaitStatus;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// All commands, and the one that runs.
#[derive(Debug)]
pub(crate) struct Before {
    rules: Vec<Rule>,
    pub(crate) running: Option<Process>,
    /// The paths that led to this run. If one changes again, a person may have done it, not a
    /// command.
    causes: Vec<PathBuf>,
    /// When the first command of this start began, by the clock of file systems.
    pub(crate) began: Option<Duration>,
    /// When the last command ended, by the same clock.
    ended: Option<Duration>,
    /// Which command has failed and how, and its exit status.
    pub(crate) failure: Option<(String, u8)>,
}

#[derive(Debug)]
struct Rule {
    /// The command as it was given, for the log.
    text: String,
    launch: Launch,
    /// The files that it is for; all, if none is given.
    patterns: Option<Patterns>,
    is_due: bool,
}

impl Before {
    /// No command has run, and none is due before [`Before::plan`].
    pub(crate) fn new(settings: &Settings, launch: &Launch, app: &Path) -> Self {
        let rules = settings.before.iter().map(|rule| Rule {
            text: printable(rule.command_line()).to_string(),
            launch: launch.with_command(&rule.command, app),
            patterns: (!rule.patterns.is_empty()).then(|| Patterns::given(&rule.patterns, app)),
            is_due: false,
        });
        Self {
            rules: rules.collect(),
            running: None,
            causes: Vec::new(),
            began: None,
            ended: None,
            failure: None,
        }
    }

    /// Notes which commands are due before a start with these changes.
    pub(crate) fn plan(&mut self, changes: &Changes) {
        if self.rules.is_empty() {
            return;
        }
        self.causes = changes.paths().cloned().collect();
        for rule in &mut self.rules {
            let patterns = rule.patterns.as_ref();
            rule.is_due |= patterns.is_none_or(|all| changes.paths().any(|path| all.include(path)));
        }
    }

    /// Whether a command is due.
    pub(crate) fn is_due(&self) -> bool {
        self.rules.iter().any(|rule| rule.is_due)
    }

    /// Runs the next command that is due. Returns whether all have succeeded, once that is known.
    pub(crate) fn run(&mut self) -> Option<bool> {
        let Some(rule) = self.rules.iter().find(|rule| rule.is_due) else {
            return Some(true);
        };
        let (text, launch) = (&rule.text, &rule.launch);
        log(format_args!("live-reload: running {text}"));
        self.began = self.began.or_else(files::now);
        match Process::start(launch, Stdio::null()) {
            Ok(process) => {
                self.running = Some(process);
                None
            }
            Err(reason) => {
                log(format_args!(
                    "live-reload: error: The command runs {reason}"
                ));
                self.failure = Some((format!("{text} did not start"), CANNOT_RUN));
                Some(false)
            }
        }
    }

    /// Notes that a child has ended. If it was the command, the next one runs. Returns what
    /// [`Before::run`] does.
    pub(crate) fn note(&mut self, child: Pid, status: WaitStatus) -> Option<bool> {
        let end = self.running.as_mut()?.note(child, status)?;
        self.running = None;
        self.ended = files::boundary();
        let rule = self.rules.iter_mut().find(|rule| rule.is_due)?;
        match exit_status(end) {
            Some(0) => {
                rule.is_due = false;
                self.run()
            }
            status => {
                let how = format!("{} {}", rule.text, describe(end));
                self.failure = Some((how, status.unwrap_or_default()));
                Some(false)
            }
        }
    }

    /// Whether a command wrote this path, and no command is for it: the process starts afterwards,
    /// and reads it.
    pub(crate) fn wrote(&self, path: &Path) -> bool {
        let mut patterns = self.rules.iter().filter_map(|rule| rule.patterns.as_ref());
        let is_for_a_command = patterns.any(|patterns| patterns.include(path));
        let is_ours = |ended| files::was_changed_by(path, ended);
        !is_for_a_command
            && !self.causes.iter().any(|cause| cause == path)
            && (self.running.is_some() || self.ended.is_some_and(is_ours))
    }
}
