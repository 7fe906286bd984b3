//! The log of a build, on standard output, and its lines that have several wordings.

use crate::app_dir::GroupWritable;
use crate::layers::live_reload::Processes;
use printable::printable;
use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use watchexec_release::catalog::{Release, Target};
use watchexec_release::requirement::Requirement;
use watchexec_release::text::joined;

/// Writes the log with three levels: a title, steps, and details. A line that cannot be written is
/// lost: the build does what it was called for without it.
pub(crate) struct Log {
    out: RefCell<Box<dyn Write>>,
    debug: bool,
}

impl Log {
    /// A log that goes to standard output; with `debug` it shows every decision.
    pub(crate) fn to_stdout(debug: bool) -> Self {
        Self::new(Box::new(io::stdout()), debug)
    }

    fn new(out: Box<dyn Write>, debug: bool) -> Self {
        let out = RefCell::new(out);
        Self { out, debug }
    }

    /// The first line: which buildpack this is.
    pub(crate) fn title(&self, text: impl Display) {
        self.line("", text);
    }

    /// A line directly below the title.
    pub(crate) fn subtitle(&self, text: impl Display) {
        self.line("  ", text);
    }

    /// A step of the build, after an empty line.
    pub(crate) fn step(&self, text: impl Display) {
        let _ = writeln!(self.out.borrow_mut());
        self.line("  ", text);
    }

    /// A detail of the current step.
    pub(crate) fn detail(&self, text: impl Display) {
        self.line("    ", text);
    }

    /// Several details.
    pub(crate) fn details(&self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.detail(text);
        }
    }

    /// A warning: the build goes on, and someone should act.
    pub(crate) fn warning(&self, text: impl Display) {
        self.line("  ", format_args!("Warning: {text}"));
    }

    /// A decision and its inputs; shown with `BP_LOG_LEVEL=DEBUG` only.
    pub(crate) fn debug(&self, text: impl Display) {
        if self.debug {
            self.line("    ", format_args!("[debug] {text}"));
        }
    }

    /// Writes one line, whatever the text contains.
    fn line(&self, indent: &str, text: impl Display) {
        let mut out = self.out.borrow_mut();
        let _ = writeln!(out, "{indent}{}", printable(&text.to_string()));
        let _ = out.flush();
    }
}

/// Names the chosen release and the candidates.
pub(crate) fn choice(release: &Release, target: &Target, requirements: &[Requirement]) -> String {
    let version = &release.dependency.version;
    let from = joined(&release.available, ", ");
    let mut line = format!("watchexec {version} for {target}: the newest of {from}");
    if !requirements.is_empty() {
        line += " that satisfies ";
        line += &joined(requirements, " and ");
    }
    line
}

/// The processes that were added, how to start `reload`, and that the image is for development
/// only.
pub(crate) fn processes(processes: &Processes) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(settings) = &processes.reload {
        let restarted = match &settings.process {
            Some(process) => format!("the app's process {process}"),
            None => "the app's process".to_owned(),
        };
        lines.push(format!(
            "Added the process type reload, which restarts {restarted} when files change"
        ));
        lines.push(if processes.reload_is_default {
            "Default process: reload, unless a later buildpack sets another".to_owned()
        } else {
            "Default process: set by another buildpack; that process reloads only if it runs watchexec".to_owned()
        });
        lines.push("To start reload by name: docker run --entrypoint reload IMAGE".to_owned());
    }
    let tools = "Added the process types tar and rm, for tools that sync into a running container";
    lines.extend(processes.sync_tools.then(|| tools.to_owned()));
    lines.push(
        "For development only: anyone who can write to the app directory decides what this image runs"
            .to_owned(),
    );
    lines
}

/// Counts the paths that became writable for the run image's user, and those that did not.
pub(crate) fn group_writable(app_dir: &Path, made: &GroupWritable) -> Vec<String> {
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let files = counted(made.files, "file", "files");
    let directories = counted(made.directories, "directory", "directories");
    let changed: Vec<String> = files.into_iter().chain(directories).collect();
    let mut lines = Vec::new();
    if !changed.is_empty() {
        let (changed, app_dir) = (changed.join(" and "), app_dir.display());
        lines.push(format!("Made {changed} in {app_dir} group-writable"));
    }
    if let Some((path, error)) = made.failed.first() {
        let others = counted(made.failed.len() - 1, "other path", "other paths");
        let others = others.map_or_else(String::new, |others| format!(" and {others}"));
        let paths = format!("{}{others}", path.display());
        lines.push(format!(
            "Could not make {paths} group-writable ({error}); a sync to it may fail"
        ));
    }
    lines
}

#[cfg(test)]
pub(crate) mod testing {
    use super::Log;
    use std::cell::RefCell;
    use std::io::{self, Write};
    use std::rc::Rc;

    /// The text of a log made by [`recording`].
    #[derive(Clone, Default)]
    pub(crate) struct Recording(Rc<RefCell<Vec<u8>>>);

    impl Recording {
        pub(crate) fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.borrow()).into_owned()
        }
    }

    impl Write for Recording {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A log with all lines, and its text.
    pub(crate) fn recording(debug: bool) -> (Log, Recording) {
        let recording = Recording::default();
        (Log::new(Box::new(recording.clone()), debug), recording)
    }
}

#[cfg(test)]
mod tests {
    use super::testing::recording;
    use super::*;
    use insta::assert_snapshot;
    use reload_options::Settings;
    use watchexec_release::catalog::Catalog;
    use watchexec_release::checksum::Checksum;

    fn sample(debug: bool) -> String {
        let (log, recording) = recording(debug);
        log.title("Buildpack 1");
        log.step("step");
        log.detail("detail");
        log.debug("because");
        log.warning("mind");
        recording.text()
    }

    #[test]
    fn indents_by_depth() {
        assert_eq!(
            sample(false),
            "Buildpack 1\n\n  step\n    detail\n  Warning: mind\n"
        );
    }

    #[test]
    fn shows_decisions_at_debug_only() {
        assert!(sample(true).contains("    [debug] because\n"));
    }

    #[test]
    fn choices() {
        let entry = |version| {
            format!(
                "[[dependencies]]\nid = 'watchexec'\nversion = '{version}'\nuri = 'file:///w'\n\
                 checksum = '{}'\n",
                Checksum::of(b"")
            )
        };
        let catalog: Catalog = toml::from_str(&(entry("2.5.1") + &entry("2.8.0"))).unwrap();
        let target = Target {
            os: "linux".to_owned(),
            arch: "amd64".to_owned(),
        };
        let line = |requirements: &[Requirement]| {
            let chosen = catalog.choose(&target, requirements).unwrap();
            choice(&chosen, &target, requirements)
        };
        assert_snapshot!(line(&[]), @"watchexec 2.8.0 for linux/amd64: the newest of 2.8.0, 2.5.1");
        assert_snapshot!(
            line(&[Requirement::parse("~2.5", "BP_WATCHEXEC_VERSION").unwrap()]),
            @r#"watchexec 2.5.1 for linux/amd64: the newest of 2.8.0, 2.5.1 that satisfies "~2.5" (BP_WATCHEXEC_VERSION)"#
        );
        assert_snapshot!(
            line(&[
                Requirement::parse("2.*", "the build plan").unwrap(),
                Requirement::parse("<2.8", "the build plan").unwrap(),
            ]),
            @r#"watchexec 2.5.1 for linux/amd64: the newest of 2.8.0, 2.5.1 that satisfies "2.*" (the build plan) and "<2.8" (the build plan)"#
        );
    }

    #[test]
    fn processes_and_how_to_start_them() {
        let lines = |process: Option<&str>, reload_is_default| {
            let settings = Settings {
                process: process.map(|process| process.parse().unwrap()),
                ..Settings::default()
            };
            processes(&Processes {
                reload: Some(settings),
                reload_is_default,
                sync_tools: !reload_is_default,
            })
            .join("\n")
        };
        assert_snapshot!(lines(None, true) + "\n\n" + &lines(Some("worker"), false));
        let none = Processes {
            reload: None,
            reload_is_default: true,
            sync_tools: false,
        };
        assert_eq!(processes(&none).len(), 1);
    }

    #[test]
    fn writable_app_directory() {
        let broken = |name: &str| {
            let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
            (Path::new("/workspace").join(name), error)
        };
        let lines = |files, directories, failed: &[&str]| {
            group_writable(
                Path::new("/workspace"),
                &GroupWritable {
                    files,
                    directories,
                    failed: failed.iter().map(|name| broken(name)).collect(),
                },
            )
        };
        assert_eq!(lines(0, 0, &[]), [""; 0]);
        assert_snapshot!(
            [
                lines(1, 0, &[]),
                lines(0, 1, &[]),
                lines(0, 0, &["a"]),
                lines(0, 0, &["a", "b"]),
                lines(12, 2, &["a", "b", "c"]),
            ]
            .concat()
            .join("\n")
        );
    }
}
