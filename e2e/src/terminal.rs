//! A terminal in which a case runs the commands of a page: a folder with a copy of the pages and
//! the examples, and `pack` and `docker` on the PATH.
//!
//! Three things differ from a reader's terminal, as the engine may be the user's: stand-ins replace
//! published images and buildpacks, a free port replaces the examples' port, and the names of
//! images and containers are unique to the case.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use fs_err as fs;
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::build::Image;
use crate::case::Case;
use crate::command::{free_port, logged, retry};
use crate::directories::{copy, log, workspace};
use crate::offline::{self, Namespace};
use crate::printed;
use crate::running::Running;
use documentation::Block;

/// How long a command may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(2);
/// The pages and examples, and the files that pack packages the buildpack by.
const FILES: [&str; 5] = [
    "README.md",
    "docs",
    "examples",
    "package.toml",
    "buildpack.toml",
];
/// The port of all examples.
const PORT: &str = "8080";
/// How Compose publishes that port.
const PUBLISHED: &str = "ports:\n      - \"8080:8080\"";
/// How the pages edit a file.
const EDIT: &str = "perl -pi -e ";
/// The start of all names of images and containers on the pages.
const NAMES: [&str; 2] = ["example-", "my-app"];

/// The registry on the pages.
pub(crate) const REGISTRY: &str = "registry.example.com";

/// A folder to run commands in.
#[derive(Debug)]
pub(crate) struct Terminal<'a> {
    pub(crate) case: &'a Case<'a>,
    port: u16,
    root: TempDir,
    /// The namespace of a terminal of the cluster.
    pub(crate) namespace: Option<Namespace>,
    /// How many commands have been run, for the names of their logs.
    typed: Cell<usize>,
}

/// A page, and the directory for its commands.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    terminal: &'a Terminal<'a>,
    name: String,
    pub(crate) text: String,
    directory: PathBuf,
}

impl Case<'_> {
    /// A terminal for the commands of pages.
    pub(crate) fn terminal(&self) -> Result<Terminal<'_>> {
        Terminal::open(self, None)
    }
}

impl<'a> Terminal<'a> {
    /// Opens one for a case.
    pub(crate) fn open(case: &'a Case<'a>, namespace: Option<Namespace>) -> Result<Self> {
        let terminal = Self {
            case,
            port: free_port()?,
            root: tempfile::tempdir()?,
            namespace,
            typed: Cell::new(0),
        };
        for place in FILES {
            for file in files(&workspace().join(place))? {
                let to = terminal.path(file.strip_prefix(workspace())?);
                fs::create_dir_all(to.parent().unwrap_or(&to))?;
                // With its mode: some are programs.
                fs::copy(&file, &to)?;
                if let Ok(text) = fs::read_to_string(&file) {
                    fs::write(&to, terminal.replaced(&text)?)?;
                }
            }
        }
        fs::write(terminal.path(".curlrc"), "no-progress-meter\n")?;
        // The directory of `make package`.
        let package = terminal.path("target/package/buildpack");
        copy(&case.platform.watchexec, &package)?;
        Ok(terminal)
    }

    /// A file or directory of the copy.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    /// Opens a page. Commands of an example run in its directory, all others in the root of the
    /// repository.
    pub(crate) fn page(&self, name: &str) -> Result<Page<'_>> {
        let path = self.path(name);
        let directory = match path.parent() {
            Some(directory) if name.starts_with("examples/") => directory.to_owned(),
            _ => self.path(""),
        };
        Ok(Page {
            terminal: self,
            name: name.to_owned(),
            text: fs::read_to_string(path)?,
            directory,
        })
    }

    /// The port that replaces the one on the pages.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// An image that a command has built.
    pub(crate) fn image(&self, name: &str) -> Image<'a> {
        Image {
            case: self.case,
            name: self.case.named(name),
            log: String::new(),
        }
    }

    /// Replaces the port, and the names of images and containers, in a text.
    fn replaced(&self, text: &str) -> Result<String> {
        // A private engine publishes no ports: its containers share the host's.
        let mut text = text
            .replace(PUBLISHED, "network_mode: host")
            .replace(PORT, &self.port.to_string());
        for name in NAMES {
            text = text.replace(name, &self.case.named(name));
        }
        if let Some(namespace) = &self.namespace {
            text = text.replace(REGISTRY, &namespace.registry);
        }
        offline::replaced(self.case.platform, &text)
    }

    /// Runs commands in a directory. Returns their output.
    pub(crate) fn run(&self, commands: &str, directory: &Path) -> Result<String> {
        let log = self.next_log();
        logged(&mut self.shell(commands, directory)?, &log)?;
        Ok(fs::read_to_string(log)?)
    }

    pub(crate) fn shell(&self, commands: &str, directory: &Path) -> Result<Command> {
        let mut shell = self.case.platform.command("setpriv")?;
        shell
            .args(["--pdeathsig", "TERM", "sh", "-e", "-u", "-c", commands])
            .current_dir(directory)
            // The default is the name of the folder, which is not unique.
            .env("COMPOSE_PROJECT_NAME", self.case.named("compose"))
            // Tilt's web page, its data, and no telemetry.
            .env("TILT_PORT", free_port()?.to_string())
            .env("TILT_WEB_MODE", "prod")
            .env("TILT_DEV_DIR", self.path("tilt-dev"))
            .env("DO_NOT_TRACK", "1")
            // At a terminal, curl prints a small answer and nothing else.
            .env("CURL_HOME", self.root.path());
        if let Some(namespace) = &self.namespace {
            // Skaffold and kubectl keep files in the home directory.
            shell
                .env("KUBECONFIG", &namespace.kubeconfig)
                .env("HOME", self.path(""));
        }
        Ok(shell)
    }

    fn next_log(&self) -> PathBuf {
        self.typed.set(self.typed.get() + 1);
        log(&self.case.named(&self.typed.get().to_string()))
    }
}

impl<'a> Page<'a> {
    /// The case that follows the page.
    pub(crate) fn case(&self) -> &'a Case<'a> {
        self.terminal.case
    }

    /// The blocks that name this case in the comment above them. Their number has to be right, so
    /// that a new block is not forgotten.
    pub(crate) fn blocks<const N: usize>(&self) -> Result<[Block; N]> {
        let name = &self.terminal.case.name;
        let blocks = self.all_blocks(&format!("run: {name}"))?;
        let count = blocks.len();
        let blocks = <[Block; N]>::try_from(blocks).ok();
        blocks.with_context(|| format!("{} has {count} blocks for {name}, not {N}", self.name))
    }

    /// The blocks of commands with this comment above them.
    pub(crate) fn all_blocks(&self, comment: &str) -> Result<Vec<Block>> {
        let blocks = documentation::blocks(&self.text, |_, _| ());
        let blocks = blocks.with_context(|| format!("{} ends inside a block", self.name))?;
        let has_comment =
            |block: &Block| block.has_commands() && block.comment.as_deref() == Some(comment);
        Ok(blocks.into_iter().filter(has_comment).collect())
    }

    /// Runs a block, and compares its output with the block below it.
    ///
    /// A question to an app is asked until there is an answer, and a log is read until it is
    /// complete.
    pub(crate) fn follow(&self, block: &Block) -> Result<()> {
        let Some(expected) = &block.output else {
            return self.run(&block.text).map(drop);
        };
        let only = |program: &str| block.text.lines().all(|line| line.starts_with(program));
        let shown = if only("curl ") {
            retry(PATIENCE, || self.run(&block.text))
                .and_then(|answer| printed::expect(&answer, expected))
        } else if only("docker logs ") {
            retry(PATIENCE, || {
                printed::expect(&self.run(&block.text)?, expected)
            })
        } else {
            printed::expect(&self.run(&block.text)?, expected)
        };
        shown.with_context(|| format!("{}:{}", self.name, block.line))
    }

    /// Runs commands. Returns their output.
    pub(crate) fn run(&self, commands: &str) -> Result<String> {
        self.terminal.run(commands, &self.directory)
    }

    /// Starts a single command that stays in the foreground.
    pub(crate) fn start(&self, command: &str) -> Result<Running> {
        // The shell becomes the command, which then ends with the suite.
        let command = format!("exec {command}");
        let mut shell = self.terminal.shell(&command, &self.directory)?;
        Running::start(&mut shell, Stdio::null(), self.terminal.next_log())
    }

    /// Makes the edit of the page. The second time, it saves the file unchanged.
    pub(crate) fn edit(&self) -> Result<()> {
        let mut lines = self.text.lines().map(str::trim);
        let edit = lines.find(|line| line.starts_with(EDIT));
        self.run(edit.with_context(|| format!("{} has no edit", self.name))?)
            .map(drop)
    }
}

/// The files at or below a path, except for build output.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let is_source = |entry: &walkdir::DirEntry| {
        entry.depth() == 0
            || !["target", "node_modules"]
                .iter()
                .any(|built| entry.file_name() == *built)
    };
    let mut files = Vec::new();
    for entry in WalkDir::new(path)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_source)
    {
        let entry = entry?;
        if !entry.file_type().is_dir() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}
