//! What the process does, and what follows from it: the rules of the loop, without a process and
//! without a clock.
//!
//! ```text
//!               prepared                   ended
//!    Running ────────────▶ Stopping ─────────────────▶ Waiting
//!     │   ▲                ▲                            │
//!     │   │       prepared │                            │
//!     │   └────────────────┼──────────────── prepared ──┤
//!     │ ended              │                            │ not prepared
//!     └────────────────▶ Ended ◀────────────────────────┘
//! ```
//!
//! A start is prepared when a sync is over (or nearly, since most processes take time to stop), or
//! when an end is to be followed by another start: the user's commands run. Without commands that
//! is done at once. A running process keeps running meanwhile. If a command fails, everything stays
//! as it is. Told to stop for good, each state leads to the exit: at once, or when the process has
//! ended.

/// What the process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs. Changes are collected meanwhile, and it answers until their sync is over, or nearly
    /// so.
    Running,
    /// It has been told to stop. What follows is clear only when it has ended.
    Stopping(Next),
    /// It has not been started yet, or has been stopped for a restart.
    Waiting,
    /// It ended without being asked to, or could not be started.
    Ended,
}

/// What follows a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The process starts again.
    Start,
    /// This program ends.
    Exit,
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// A path has been reported: a sync has begun, or goes on.
    Change,
    /// The sync matters to the process, and will be over in a moment.
    NearlyQuiet,
    /// The sync is over. `matters` says whether the process reacts: a running one only if a file
    /// differs from what it read, an ended one to any change that left a file.
    Quiet { matters: bool },
    /// The commands before a start have ended, and whether all of them succeeded.
    Prepared { succeeded: bool },
    /// The process has ended; after a stop, its whole group has.
    Ended,
    /// This program has been told to stop.
    Signal,
    /// The stop timeout is over, or the pause after an end.
    Time,
}

/// What the loop does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Run the commands that are due before a start. If none is, [`Input::Prepared`] follows at
    /// once.
    Prepare,
    /// Start the process.
    Start,
    /// Make the process reload by itself.
    Reload,
    /// Send the process its stop signal. If nothing of it is left, [`Input::Ended`] follows at
    /// once.
    Stop,
    /// Kill the process and its group.
    Kill,
    /// Log an end that nobody asked for, and plan what follows.
    Report,
    /// End this program.
    Exit,
}

/// The state, and whether a sync or a command is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) state: State,
    /// Whether the process reloads by a signal.
    reloads: bool,
    is_syncing: bool,
    /// Whether commands before a start are running.
    pub(crate) is_preparing: bool,
}

impl Machine {
    /// Nothing has been started.
    pub(crate) const fn new(reloads: bool) -> Self {
        Self {
            state: State::Waiting,
            reloads,
            is_syncing: false,
            is_preparing: false,
        }
    }

    /// Takes an input. Returns what is to be done.
    pub(crate) const fn take(&mut self, input: Input) -> Option<Action> {
        match input {
            Input::Change => self.is_syncing = true,
            Input::Quiet { .. } => self.is_syncing = false,
            Input::Prepared { .. } => self.is_preparing = false,
            _ => {}
        }
        let (state, action) = match (self.state, input) {
            // A stop for good is final.
            (State::Stopping(Next::Exit), Input::Ended) => (self.state, Some(Action::Exit)),
            // The stop timeout counts from the first signal, whoever asked for it.
            (State::Stopping(_), Input::Signal) => (State::Stopping(Next::Exit), None),
            // Commands may be running, and a process that has ended may have left its group behind.
            (_, Input::Signal) => (State::Stopping(Next::Exit), Some(Action::Stop)),
            (State::Stopping(_), Input::Time) => (self.state, Some(Action::Kill)),
            (State::Stopping(Next::Start), Input::Ended) if self.is_syncing => {
                (State::Waiting, None)
            }
            // A command may be for files that changed during the stop.
            (State::Stopping(Next::Start), Input::Ended) => (State::Waiting, Some(Action::Prepare)),
            (State::Running, Input::NearlyQuiet)
            | (State::Running | State::Ended, Input::Quiet { matters: true })
            | (State::Waiting, Input::Quiet { .. })
            | (State::Ended, Input::Time) => (self.state, Some(Action::Prepare)),
            (State::Running, Input::Prepared { succeeded: true }) if self.reloads => {
                (self.state, Some(Action::Reload))
            }
            (State::Running | State::Ended, Input::Prepared { succeeded: true }) => {
                (State::Stopping(Next::Start), Some(Action::Stop))
            }
            (State::Waiting, Input::Prepared { succeeded: true }) => {
                (State::Running, Some(Action::Start))
            }
            (State::Running, Input::Prepared { succeeded: false }) => {
                (self.state, Some(Action::Report))
            }
            (State::Waiting | State::Ended, Input::Prepared { succeeded: false })
            | (State::Running, Input::Ended) => (State::Ended, Some(Action::Report)),
            _ => (self.state, None),
        };
        self.state = state;
        if matches!(action, Some(Action::Prepare)) {
            if self.is_preparing {
                return None;
            }
            self.is_preparing = true;
        }
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Input = Input::Quiet { matters: true };

    const PREPARED: Input = Input::Prepared { succeeded: true };
    const FAILED: Input = Input::Prepared { succeeded: false };

    /// What is done for these inputs, one after the other, from the first start on.
    fn all_actions(machine: &mut Machine, inputs: &[Input]) -> Vec<Action> {
        let inputs = [QUIET].iter().chain(inputs);
        inputs.filter_map(|input| machine.take(*input)).collect()
    }

    /// The same without commands before a start.
    fn actions(inputs: &[Input]) -> Vec<Action> {
        let mut machine = Machine::new(false);
        let mut done = Vec::new();
        for input in [QUIET].iter().chain(inputs) {
            let action = machine.take(*input);
            done.extend(if action == Some(Action::Prepare) {
                machine.take(PREPARED)
            } else {
                action
            });
        }
        done
    }

    #[test]
    fn stops_the_process_only_when_the_commands_have_succeeded() {
        let mut machine = Machine::new(false);
        let done = all_actions(&mut machine, &[PREPARED, Input::Change, QUIET, FAILED]);
        let mut expected = vec![
            Action::Prepare,
            Action::Start,
            Action::Prepare,
            Action::Report,
        ];
        assert_eq!(done, expected);
        assert_eq!(machine.state, State::Running);
        let mut machine = Machine::new(false);
        let inputs = [PREPARED, QUIET, PREPARED, Input::Ended, PREPARED];
        expected.truncate(3);
        // Those for files that have changed during the stop.
        expected.extend([Action::Stop, Action::Prepare, Action::Start]);
        assert_eq!(all_actions(&mut machine, &inputs), expected);
    }

    #[test]
    fn treats_a_failed_command_before_the_first_start_as_an_end() {
        let mut machine = Machine::new(false);
        let done = all_actions(&mut machine, &[FAILED, Input::Time, FAILED, QUIET]);
        let [prepare, report] = [Action::Prepare, Action::Report];
        assert_eq!(done, [prepare, report, prepare, report, prepare]);
        assert_eq!(machine.state, State::Ended);
    }

    #[test]
    fn stops_commands_for_good() {
        for before in [
            &[][..],
            &[PREPARED, QUIET],
            &[PREPARED, Input::Ended, QUIET],
        ] {
            let mut machine = Machine::new(false);
            let inputs = [before, &[Input::Signal, PREPARED, Input::Ended]].concat();
            let done = all_actions(&mut machine, &inputs);
            assert!(
                done.ends_with(&[Action::Prepare, Action::Stop, Action::Exit]),
                "{done:?}"
            );
        }
    }

    #[test]
    fn lets_the_process_reload_by_itself_while_it_runs() {
        let mut machine = Machine::new(true);
        let inputs = [
            PREPARED,
            QUIET,
            PREPARED,
            Input::Ended,
            QUIET,
            PREPARED,
            Input::Ended,
        ];
        let done = all_actions(&mut machine, &inputs);
        let [prepare, start] = [Action::Prepare, Action::Start];
        let expected = [
            prepare,
            start,
            prepare,
            Action::Reload,
            Action::Report,
            prepare,
            Action::Stop,
            prepare,
        ];
        assert_eq!(done, expected);
    }

    #[test]
    fn starts_the_process_again_when_the_pause_after_its_end_is_over() {
        let done = actions(&[Input::Ended, Input::Time, Input::Ended]);
        let expected = [Action::Start, Action::Report, Action::Stop, Action::Start];
        assert_eq!(done, expected);
    }

    #[test]
    fn restarts_the_process_when_the_sync_is_over() {
        let done = actions(&[Input::Change, Input::Change, QUIET, Input::Ended]);
        assert_eq!(done, [Action::Start, Action::Stop, Action::Start]);
    }

    #[test]
    fn stops_the_process_just_before_the_sync_is_over_and_starts_it_after() {
        let mut inputs = vec![Input::Change, Input::NearlyQuiet, Input::Ended];
        assert_eq!(actions(&inputs), [Action::Start, Action::Stop]);
        let restarted = [Action::Start, Action::Stop, Action::Start];
        let over = Input::Quiet { matters: false };
        inputs.push(over);
        assert_eq!(actions(&inputs), restarted);
        let slow = [Input::Change, Input::NearlyQuiet, over, Input::Ended];
        assert_eq!(actions(&slow), restarted);
    }

    #[test]
    fn leaves_the_process_alone_if_nothing_differs() {
        let done = actions(&[Input::Change, Input::Quiet { matters: false }]);
        assert_eq!(done, [Action::Start]);
    }

    #[test]
    fn starts_with_the_changes_of_a_sync_that_goes_on_during_the_stop() {
        let mut inputs = vec![Input::Change, QUIET, Input::Change, Input::Ended];
        assert_eq!(actions(&inputs), [Action::Start, Action::Stop]);
        // Even if the change was taken back.
        inputs.push(Input::Quiet { matters: false });
        assert_eq!(
            actions(&inputs),
            [Action::Start, Action::Stop, Action::Start]
        );
        // A sync that is over before the process has ended delays nothing.
        let done = actions(&[Input::Change, QUIET, Input::Change, QUIET, Input::Ended]);
        assert_eq!(done, [Action::Start, Action::Stop, Action::Start]);
    }

    #[test]
    fn restarts_an_ended_process_at_the_next_change() {
        let mut inputs = vec![Input::Ended, Input::Change, Input::Quiet { matters: false }];
        let mut expected = vec![Action::Start, Action::Report];
        assert_eq!(actions(&inputs), expected);
        // What the process has left in its group is stopped first.
        inputs.extend([Input::Change, QUIET]);
        expected.push(Action::Stop);
        assert_eq!(actions(&inputs), expected);
        inputs.push(Input::Ended);
        expected.push(Action::Start);
        assert_eq!(actions(&inputs), expected);
    }

    #[test]
    fn kills_a_process_that_outlasts_the_stop_timeout() {
        for first in [QUIET, Input::Signal] {
            let done = actions(&[Input::Change, first, Input::Time]);
            assert_eq!(done, [Action::Start, Action::Stop, Action::Kill]);
        }
    }

    #[test]
    fn stops_for_good_in_every_state() {
        let exit = |before: &[Input]| {
            let mut inputs = before.to_vec();
            inputs.extend([
                Input::Signal,
                Input::Change,
                QUIET,
                Input::Signal,
                Input::Ended,
            ]);
            actions(&inputs)
        };
        let stopped = [Action::Start, Action::Stop, Action::Exit];
        assert_eq!(exit(&[]), stopped);
        assert_eq!(exit(&[Input::Change, QUIET]), stopped);
        let ended = [Action::Start, Action::Report, Action::Stop, Action::Exit];
        assert_eq!(exit(&[Input::Ended]), ended);
        let waiting = [Action::Start, Action::Stop, Action::Stop, Action::Exit];
        let inputs = [
            Input::Change,
            QUIET,
            Input::Change,
            Input::Ended,
            Input::Signal,
            Input::Ended,
        ];
        assert_eq!(actions(&inputs), waiting);
    }
}
