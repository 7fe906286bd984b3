//! A terminal, in which a case types what a text says: a folder with a copy of the texts and the
//! examples, and `pack` and `docker` on the PATH.
//!
//! Three things differ from a reader's: what is published is replaced by what stands in for it, the
//! examples' port by a free one, and the names of images and containers by ones of this case alone,
//! as the engine and the machine may be the user's.

use std::cell::Cell;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use fs_err::File;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::blocks::Block;
use crate::command::{last_lines, logged, output};
use crate::container::Container;
use crate::directories;
use crate::pack::Image;
use crate::page;
use crate::platform::Platform;
use crate::server::free_port;

/// How long a command may take until it has printed what shows that it is ready.
const PATIENCE: Duration = Duration::from_mins(2);
/// The port of all examples.
const PORT: &str = "8080";
/// How Compose publishes it.
const PUBLISHED: &str = "ports:\n      - \"8080:8080\"";
/// What the names of their images, containers and projects begin with.
const NAMES: [&str; 2] = ["example-", "my-app"];

/// A folder to type in.
#[derive(Debug)]
pub(crate) struct Terminal<'a> {
    pub(crate) platform: &'a Platform,
    case: &'static str,
    /// What stands before the examples' names.
    prefix: String,
    port: u16,
    root: TempDir,
    /// How many blocks have been typed, for the names of their logs.
    typed: Cell<usize>,
}

/// A text, and where its commands are typed.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    terminal: &'a Terminal<'a>,
    name: String,
    /// The text itself.
    pub(crate) text: String,
    directory: PathBuf,
}

/// A file that was changed.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Where it is.
    pub(crate) path: PathBuf,
    original: String,
}

/// A command that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct Running {
    process: Child,
    log: PathBuf,
}

impl<'a> Terminal<'a> {
    /// Opens one for a case.
    pub(crate) fn open(platform: &'a Platform, case: &'static str) -> Result<Self> {
        let terminal = Self {
            platform,
            case,
            prefix: platform.engine.named(case),
            port: free_port()?,
            root: tempfile::tempdir()?,
            typed: Cell::new(0),
        };
        for file in platform.directories.texts_and_examples()? {
            let copy = terminal.path(&file);
            fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
            // With its mode: some are programs.
            fs::copy(platform.directories.workspace().join(&file), &copy)?;
            if let Ok(text) = fs::read_to_string(&copy) {
                fs::write(&copy, terminal.replaced(&text)?)?;
            }
        }
        // Where `make package` puts it.
        let package = terminal.path("target/package/buildpack");
        directories::copy(&platform.watchexec, &package)?;
        terminal.write_programs()?;
        Ok(terminal)
    }

    /// A file or directory of the copy.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    /// A text, whose commands are meant for the directory that it is in, if that is an example's,
    /// and for the root of the repository otherwise.
    pub(crate) fn page(&self, name: &str) -> Result<Page<'_>> {
        let path = self.path(name);
        let directory = match path.parent() {
            Some(directory) if name.starts_with("examples/") => directory.to_owned(),
            _ => self.root.path().to_owned(),
        };
        Ok(Page {
            terminal: self,
            name: name.to_owned(),
            text: fs::read_to_string(path)?,
            directory,
        })
    }

    /// The name that one of an image or container in the texts has here.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// The container that a command has started.
    pub(crate) fn container(&self, name: &str) -> Container<'a> {
        Container::running(self.platform, self.name(name), self.port)
    }

    /// The image that a command has built.
    pub(crate) fn image(&self, name: &str) -> Image<'a> {
        Image {
            platform: self.platform,
            name: self.name(name),
            log: String::new(),
        }
    }

    /// Saves a file of an example with another version in it.
    pub(crate) fn save(&self, file: &str) -> Result<Saved> {
        let path = self.path(file);
        let original = fs::read_to_string(&path)?;
        let changed = original.replace("\"v1\"", "\"v2\"");
        ensure!(changed != original, "{file} answers no \"v1\"");
        fs::write(&path, changed)?;
        Ok(Saved { path, original })
    }

    /// A text with this terminal's port and names, and with stand-ins for what is published.
    pub(crate) fn replaced(&self, text: &str) -> Result<String> {
        // A private engine publishes no ports: its containers share the host's.
        let mut text = text
            .replace(PUBLISHED, "network_mode: host")
            .replace(PORT, &self.port.to_string());
        for name in NAMES {
            text = text.replace(name, &self.name(name));
        }
        Ok(self.platform.published()?.replaced(&text))
    }

    /// Puts a program on the PATH.
    pub(crate) fn add_program(&self, name: &str, program: &Path) -> Result<()> {
        self.write_program(
            name,
            &format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display()),
        )
    }

    /// A program that stands on the PATH before others of its name.
    fn write_program(&self, name: &str, script: &str) -> Result<()> {
        let file = self.path("bin").join(name);
        fs::create_dir_all(self.path("bin"))?;
        fs::write(&file, script)?;
        fs::set_permissions(file, PermissionsExt::from_mode(0o755))?;
        Ok(())
    }

    fn write_programs(&self) -> Result<()> {
        // Nothing can be pulled; a private engine has no network but the host's; and a volume of
        // the suite can be told from the user's by its name. With added buildpacks pack takes
        // phases from the lifecycle's image, which would be pulled as well.
        let pack = self.platform.pack.display();
        let lifecycle = &self.platform.images.lifecycle;
        let prefix = &self.prefix;
        self.write_program(
            "pack",
            &format!(
                "#!/bin/sh\n\
                 [ \"$1\" = build ] || exec '{pack}' \"$@\" --pull-policy never\n\
                 exec '{pack}' \"$@\" --pull-policy never --trust-builder --no-color \\\n\
                 --network host --docker-host inherit --lifecycle-image '{lifecycle}' \\\n\
                 --cache 'type=build;format=volume;name={prefix}-build' \\\n\
                 --cache 'type=launch;format=volume;name={prefix}-launch'\n"
            ),
        )?;
        let docker = output(Command::new("sh").args(["-c", "command -v docker"]))?;
        self.write_program(
            "docker",
            &format!(
                "#!/bin/sh\n\
                 [ \"$1\" = run ] || exec '{docker}' \"$@\"\n\
                 shift\n\
                 exec '{docker}' run --network host \"$@\"\n"
            ),
        )
    }

    fn shell(&self, commands: &str, directory: &Path) -> Result<Command> {
        let directories = &self.platform.directories;
        let mut shell = page::shell_with(&self.path("bin"), directories, directory, commands)?;
        shell.env("DOCKER_HOST", self.platform.engine.host());
        Ok(shell)
    }

    fn next_log(&self) -> PathBuf {
        self.typed.set(self.typed.get() + 1);
        let name = format!("{}-{}", self.case, self.typed.get());
        self.platform.directories.log(&name)
    }
}

impl Page<'_> {
    /// The blocks that say of themselves that this case runs them: as many as it expects, so that
    /// none is forgotten.
    pub(crate) fn blocks<const N: usize>(&self) -> Result<[Block; N]> {
        let comment = format!("run: {}", self.terminal.case);
        let blocks = page::blocks_with(&comment, &self.text)?;
        <[Block; N]>::try_from(blocks).map_err(|blocks| {
            anyhow::anyhow!(
                "{} has {} blocks with `{comment}`, not {N}",
                self.name,
                blocks.len()
            )
        })
    }

    /// The first block that another case runs, for one that goes on from there.
    pub(crate) fn first_block(&self, case: &str) -> Result<Block> {
        let comment = format!("run: {case}");
        page::blocks_with(&comment, &self.text)?
            .into_iter()
            .next()
            .with_context(|| format!("{} has no block with `{comment}`", self.name))
    }

    /// Types commands, and waits for their end. Returns what they printed.
    pub(crate) fn run(&self, commands: &str) -> Result<String> {
        let log = self.terminal.next_log();
        logged(&mut self.terminal.shell(commands, &self.directory)?, &log)?;
        Ok(fs::read_to_string(log)?)
    }

    /// Types a command that stays in the foreground.
    pub(crate) fn start(&self, command: &str, variables: &[(&str, String)]) -> Result<Running> {
        let log = self.terminal.next_log();
        let file = File::create(&log)?.into_parts().0;
        let process = self
            .terminal
            .shell(command, &self.directory)?
            .envs(variables.iter().map(|(name, value)| (name, value)))
            // Of its own, so that what it starts can be stopped with it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {command}"))?;
        Ok(Running { process, log })
    }

    /// Makes the edit that the text asks for.
    pub(crate) fn edit(&self) -> Result<()> {
        let (file, code) =
            page::edit(&self.text).with_context(|| format!("{} asks for no edit", self.name))?;
        let path = find(&self.directory, file)?
            .with_context(|| format!("{}: there is no {file}", self.name))?;
        let original = fs::read_to_string(&path)?;
        let before = code.replace("v2", "v1");
        ensure!(
            before != code && original.contains(&before),
            "{}: {file} has no {before}",
            self.name
        );
        fs::write(&path, original.replace(&before, code))?;
        Ok(())
    }
}

impl Saved {
    /// Makes it what it was.
    pub(crate) fn restore(self) -> Result<()> {
        fs::write(&self.path, self.original)?;
        Ok(())
    }
}

impl Running {
    /// Waits until it has printed this.
    pub(crate) fn wait_for(&mut self, text: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let printed = fs::read_to_string(&self.log)?;
            if printed.contains(text) {
                return Ok(());
            }
            let ended = self.process.try_wait()?;
            if ended.is_some() || started.elapsed() > PATIENCE {
                bail!("no {text:?}, ended: {ended:?}\n{}", last_lines(&printed));
            }
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    /// As by Ctrl-C, which goes to all processes of the terminal's foreground.
    fn drop(&mut self) {
        let Some(group) = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw)
        else {
            return;
        };
        let _ = kill_process_group(group, Signal::INT);
        let asked = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            if asked.elapsed() > Duration::from_secs(20) {
                let _ = kill_process_group(group, Signal::KILL);
                let _ = self.process.wait();
            }
            sleep(Duration::from_millis(50));
        }
    }
}

/// A file of this name, in the directory or below it.
fn find(directory: &Path, name: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name)? {
                return Ok(Some(found));
            }
        } else if path.ends_with(name) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
