//! What the process does, and what follows from it: the rules of the loop, without a process and without a clock.
//!
//! ```text
//!               matters                    ended
//!    Running ────────────▶ Stopping ─────────────────▶ Running
//!       │                  ▲      │                       ▲
//!       │ ended      quiet │      │ ended, but the sync   │ quiet
//!       ▼                  │      ▼ goes on               │
//!     Ended ───────────────┘   Waiting ───────────────────┘
//! ```
//!
//! Told to stop for good, each state leads to the exit: at once, or when the process has ended.

/// What the process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs. Changes are collected meanwhile, and it answers until their sync is over.
    Running,
    /// It has been told to stop. What follows is clear only when it has ended.
    Stopping(Next),
    /// It has been stopped for a restart, and the sync goes on.
    Waiting,
    /// It ended without being asked to.
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

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// A path has been reported: a sync has begun, or goes on.
    Change,
    /// The sync is over. Whether it matters to the process: one that runs has read its files, so that only a difference
    /// does; one that has ended starts at any change that left something.
    Quiet { matters: bool },
    /// The process has ended; after a stop, its whole group has.
    Ended,
    /// This program has been told to stop.
    Signal,
    /// The stop timeout is over.
    Time,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start the process.
    Start,
    /// Send the process its stop signal. If nothing of it is left, [`Input::Ended`] follows at once.
    Stop,
    /// Kill the process and its group.
    Kill,
    /// Log an end that nobody asked for.
    Report,
    /// End this program.
    Exit,
}

/// The state, and whether a sync is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    pub(crate) state: State,
    pub(crate) is_syncing: bool,
}

impl Machine {
    /// Nothing has been started.
    pub(crate) const NEW: Self = Self {
        state: State::Waiting,
        is_syncing: false,
    };

    /// Takes an input. Returns what is to be done.
    pub(crate) const fn take(&mut self, input: Input) -> Option<Action> {
        match input {
            Input::Change => self.is_syncing = true,
            Input::Quiet { .. } => self.is_syncing = false,
            _ => {}
        }
        let (state, action) = match (self.state, input) {
            // A stop for good is final.
            (State::Stopping(Next::Exit), Input::Ended) | (State::Waiting, Input::Signal) => {
                (self.state, Some(Action::Exit))
            }
            // The stop timeout counts from the first signal, whoever asked for it.
            (State::Stopping(_), Input::Signal) => (State::Stopping(Next::Exit), None),
            (_, Input::Signal) => (State::Stopping(Next::Exit), Some(Action::Stop)),
            // Of one that has ended, its group may be left.
            (State::Running | State::Ended, Input::Quiet { matters: true }) => {
                (State::Stopping(Next::Start), Some(Action::Stop))
            }
            (State::Running, Input::Ended) => (State::Ended, Some(Action::Report)),
            (State::Stopping(Next::Start), Input::Ended) if self.is_syncing => {
                (State::Waiting, None)
            }
            (State::Stopping(Next::Start), Input::Ended)
            | (State::Waiting, Input::Quiet { .. }) => (State::Running, Some(Action::Start)),
            (State::Stopping(_), Input::Time) => (self.state, Some(Action::Kill)),
            _ => (self.state, None),
        };
        self.state = state;
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Input = Input::Quiet { matters: true };

    /// What is done for these inputs, one after the other, from the first start on.
    fn actions(inputs: &[Input]) -> Vec<Action> {
        let mut machine = Machine::NEW;
        let first = [QUIET];
        let actions = first.iter().chain(inputs);
        actions.filter_map(|input| machine.take(*input)).collect()
    }

    #[test]
    fn restarts_the_process_when_the_sync_is_over() {
        let done = actions(&[Input::Change, Input::Change, QUIET, Input::Ended]);
        assert_eq!(done, [Action::Start, Action::Stop, Action::Start]);
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
    fn starts_a_process_that_has_ended_at_the_next_change() {
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
        let mut waiting = Machine {
            state: State::Waiting,
            is_syncing: true,
        };
        assert_eq!(waiting.take(Input::Signal), Some(Action::Exit));
    }
}
