//! Chooses the process to restart, and says why.

use super::metadata::Process;
use reload_options::process_type::ProcessType;
use std::fmt::{self, Display, Formatter};

/// Why a process was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A user has named its type, at build or at start.
    Named,
    /// No other process runs watchexec itself: its buildpack has made it for reloading.
    RunsWatchexec,
    /// The type is `web`.
    Web,
    /// The image has no other type.
    Only,
}

impl Display for Reason {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Named => "as requested",
            Self::RunsWatchexec => "the only process that runs watchexec",
            Self::Web => "the default choice",
            Self::Only => "the only process",
        })
    }
}

/// Why there is no process to restart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoProcess {
    /// The image has no process but those of this program.
    #[error(
        "This image has no process to restart: its buildpacks contributed none.\n\
         Add a Procfile, or the file in which your buildpack looks for the start command, and build \
         the image again."
    )]
    EmptyImage,
    /// The image has no process of the wanted type, but these.
    #[error(
        "This image has no process `{0}`, only: {types}.\n\
         {NAME_ONE}",
        types = .1.join(", ")
    )]
    UnknownType(String, Vec<String>),
    /// The user has named no type, and the image has several that could be meant.
    #[error(
        "This image has several processes, and none is `web`: {types}.\n\
         {NAME_ONE}",
        types = .0.join(", ")
    )]
    Undecided(Vec<String>),
    /// The process is for other execution environments.
    #[error(
        "The process `{wanted}` does not run in the execution environment `{current}`, only in: {}.\n\
         Start the container in one of these: `docker run --env CNB_EXEC_ENV={}`.",
        .others.join(", "),
        .others.first().map_or("", String::as_str)
    )]
    OtherEnvironment {
        wanted: String,
        current: String,
        others: Vec<String>,
    },
}

/// The remedy where the image has other types.
const NAME_ONE: &str = "Name the one to restart: `docker run --entrypoint reload IMAGE TYPE`, or \
    BP_LIVE_RELOAD_PROCESS=TYPE at build.";

/// Chooses among the processes that may run in the current execution environment: the one of the
/// named type, or else the only one that runs watchexec itself, or else `web`, or else the only
/// one.
///
/// # Errors
/// The image has no such process.
pub(crate) fn choose<'p>(
    processes: &'p [Process],
    named: Option<&str>,
    current: &str,
) -> Result<(&'p Process, Reason), NoProcess> {
    let here = || processes.iter().filter(|one| one.runs_in(current));
    let of_type = |wanted| here().find(|one| one.r#type == wanted);
    let chosen = match named {
        Some(named) => of_type(named).map(|process| (process, Reason::Named)),
        None => only(here().filter(|one| one.runs_watchexec()))
            .map(|process| (process, Reason::RunsWatchexec))
            .or_else(|| of_type(ProcessType::WEB).map(|process| (process, Reason::Web)))
            .or_else(|| only(here()).map(|process| (process, Reason::Only))),
    };
    chosen.ok_or_else(|| no_process(processes, named, current))
}

/// The element of an iterator that has exactly one.
fn only<T>(mut elements: impl Iterator<Item = T>) -> Option<T> {
    elements.next().filter(|_| elements.next().is_none())
}

fn no_process(processes: &[Process], named: Option<&str>, current: &str) -> NoProcess {
    let types = |processes: &[&Process]| processes.iter().map(|one| one.r#type.clone()).collect();
    let (here, elsewhere): (Vec<&Process>, Vec<&Process>) =
        processes.iter().partition(|one| one.runs_in(current));
    // Without a name, types of other environments matter only if the current one has no types.
    let wanted = named.or_else(|| {
        let first = elsewhere.first().filter(|_| here.is_empty())?;
        Some(&first.r#type)
    });
    match wanted {
        _ if processes.is_empty() => NoProcess::EmptyImage,
        None => NoProcess::Undecided(types(&here)),
        Some(wanted) => {
            let others: Vec<String> = elsewhere
                .iter()
                .filter(|one| one.r#type == wanted)
                .flat_map(|one| one.execution_environments.clone())
                .collect();
            if others.is_empty() {
                NoProcess::UnknownType(wanted.to_owned(), types(&here))
            } else {
                NoProcess::OtherEnvironment {
                    wanted: wanted.to_owned(),
                    current: current.to_owned(),
                    others,
                }
            }
        }
    }
}
