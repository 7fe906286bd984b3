//! Requests to a running app.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::{last_lines, wait_for};

/// How long an app can take to answer: Java on two busy cores takes a good part of it.
const PATIENCE: Duration = Duration::from_mins(2);

/// An app, by its URL.
#[derive(Debug)]
pub(crate) struct App {
    url: String,
}

/// The answer of a sample app.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The version of the app.
    pub(crate) version: String,
    /// The id of its process, in the container.
    pub(crate) process: String,
}

impl App {
    /// The app at this host and port.
    pub(crate) fn at(address: &str) -> Self {
        let url = format!("http://{address}/");
        Self { url }
    }

    /// Waits for an answer that is as expected. An error shows the log.
    pub(crate) fn wait_until(
        &self,
        what: &str,
        log: impl Fn() -> Result<String>,
        expected: impl Fn(&Answer) -> bool,
    ) -> Result<Answer> {
        let mut last = None;
        let answer = wait_for(PATIENCE, || {
            last = self.ask().or(last.take());
            Ok(last.clone().filter(|answer| expected(answer)))
        });
        answer.with_context(|| {
            let log = log().unwrap_or_default();
            let printed = last_lines(&log);
            format!("no {what}, the last answer was {last:?}; the container printed:\n{printed}")
        })
    }

    /// Waits until a process other than this one answers with this version. An error shows the log.
    pub(crate) fn wait_for_restart(
        &self,
        version: &str,
        before: &Answer,
        log: impl Fn() -> Result<String>,
    ) -> Result<Answer> {
        let what = format!("{version} of another process");
        self.wait_until(&what, log, |answer| {
            answer.version == version && answer.process != before.process
        })
    }

    /// Asks once.
    pub(crate) fn ask(&self) -> Option<Answer> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .into();
        let mut response = agent.get(&self.url).call().ok()?;
        let body = response.body_mut().read_to_string().ok()?;
        let (version, process) = body.trim().split_once(' ')?;
        Some(Answer {
            version: version.to_owned(),
            process: process.to_owned(),
        })
    }
}
