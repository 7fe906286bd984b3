//! Directories like those of an image, with `live-reload` in them.

use crate::{programs, watchexec};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_live-reload");

/// Records how it was called in files beside the app directory. The environment comes from /proc,
/// since a shell adds variables of its own.
pub(crate) const RECORD: &str = r#"#!/bin/sh
records=$(dirname "$0")/../records
mkdir -p "$records"
printf '%s\n' "$@" > "$records/arguments"
cat "/proc/$$/environ" > "$records/environment"
pwd > "$records/directory"
grep -E '^Sig(Blk|Ign)' /proc/self/status > "$records/signals"
"#;

/// What the log says when the process has ended by itself.
const ENDED: &str = "; the next change starts it again";

/// The clock of file systems ticks less often than this: the files of an image are older than its
/// start.
const TICK: Duration = Duration::from_millis(15);

/// The layers and the app directory of an image.
pub(crate) struct Image {
    directory: TempDir,
}

/// How [`RECORD`] was called.
pub(crate) struct Called {
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Its environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Its working directory.
    pub(crate) directory: PathBuf,
    /// The standard signals that it has blocked and ignored, as bits.
    pub(crate) signals: Vec<u32>,
}

impl Image {
    /// An image with these processes, in the form of metadata.toml. The app directory has an
    /// executable file `app`, a script of the given text.
    pub(crate) fn new(processes: &str, app: &str) -> Self {
        // Beside the program under test, so that it can be linked instead of copied.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let image = Self { directory };
        fs::create_dir_all(image.layers().join("config")).unwrap();
        fs::create_dir_all(image.app()).unwrap();
        let metadata = format!(
            "{processes}\n\
             [[buildpacks]]\nid = \"example/app\"\napi = \"0.10\"\n\
             [[buildpacks]]\nid = \"live-reload/watchexec\"\napi = \"0.12\"\n"
        );
        fs::write(image.layers().join("config/metadata.toml"), metadata).unwrap();
        programs::link_or_copy(Path::new(PROGRAM), &image.program());
        fs::create_dir(image.init().parent().unwrap()).unwrap();
        symlink("../bin/live-reload", image.init()).unwrap();
        watchexec::install(&image.watchexec());
        programs::write(&image.app().join("app"), app);
        image
    }

    /// An image with one process `web` that runs the script.
    pub(crate) fn running(app: &str) -> Self {
        Self::new(&process("web", "[\"./app\"]"), &format!("#!/bin/sh\n{app}"))
    }

    /// The layers directory.
    pub(crate) fn layers(&self) -> PathBuf {
        self.directory.path().join("layers")
    }

    /// The app directory.
    pub(crate) fn app(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    /// `live-reload` in its layer.
    pub(crate) fn program(&self) -> PathBuf {
        self.layers()
            .join("live-reload_watchexec/live-reload/bin/live-reload")
    }

    /// watchexec in its layer.
    pub(crate) fn watchexec(&self) -> PathBuf {
        self.layers()
            .join("live-reload_watchexec/watchexec/bin/watchexec")
    }

    /// `live-reload` by the name of watchexec.
    pub(crate) fn init(&self) -> PathBuf {
        self.layers()
            .join("live-reload_watchexec/live-reload/init/watchexec")
    }

    /// The PATH that the launcher makes of the layers.
    pub(crate) fn path(&self) -> String {
        let programs = [self.init(), self.watchexec(), self.program()];
        let directories = programs.iter().map(|program| program.parent().unwrap());
        let directories = directories.map(|directory| directory.to_str().unwrap().to_owned());
        let path = std::env::var("PATH").unwrap();
        directories.chain([path]).collect::<Vec<_>>().join(":")
    }

    /// `live-reload`, ready to be started as the launcher starts it: in the app directory, with
    /// `PATH` as its only variable.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command
            .args(arguments)
            .current_dir(self.app())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::null());
        command
    }

    /// Runs `live-reload` until the process has ended.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_times(1, &mut self.command(arguments))
    }

    /// Runs `live-reload` until the process has ended `times` times; after each end, a change
    /// starts it again. The lines about these ends are left out of the log.
    pub(crate) fn run_times(&self, times: usize, command: &mut Command) -> Output {
        thread::sleep(TICK);
        let mut child = programs::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let process = Pid::from_raw(child.id().cast_signed());
        let stdout = child.stdout.take().unwrap();
        let output = thread::spawn(|| io::read_to_string(stdout).unwrap());
        let (mut log, mut ends) = (String::new(), 0);
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if !line.ends_with(ENDED) {
                log += &(line + "\n");
                continue;
            }
            ends += 1;
            if ends < times {
                self.change("app");
            } else {
                kill(process, Signal::SIGTERM).unwrap();
            }
        }
        Output {
            status: child.wait().unwrap(),
            stdout: output.join().unwrap().into_bytes(),
            stderr: log.into_bytes(),
        }
    }

    /// Has watchexec report a change of a file in the app directory.
    pub(crate) fn change(&self, file: &str) {
        self.report(&format!("modify:{}", self.app().join(file).display()));
    }

    /// Waits until watchexec has been started so many times.
    pub(crate) fn wait_for_watchexec(&self, times: usize) {
        while watchexec::starts(&self.watchexec()).len() < times {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has watchexec write a line.
    pub(crate) fn report(&self, line: &str) {
        watchexec::send(&self.watchexec(), line);
    }

    /// Runs `live-reload` with a process that is [`RECORD`].
    pub(crate) fn call(&self, command: &mut Command) -> Called {
        let output = self.run_times(1, command);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        called(&self.records())
    }

    /// Where [`RECORD`] writes.
    pub(crate) fn records(&self) -> PathBuf {
        self.directory.path().join("records")
    }

    /// Runs `live-reload`, which must fail, and gives its exit status and its errors, without
    /// the name of this image's directory.
    pub(crate) fn fail(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code().unwrap(),
            self.without_directory(&errors),
        )
    }

    /// A text without the name of this image's directory.
    pub(crate) fn without_directory(&self, text: &str) -> String {
        text.replace(self.directory.path().to_str().unwrap(), "")
    }

    /// Starts `live-reload` and waits until the process has written `up`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut running = Running::of(&mut self.command(arguments));
        running.wait_for("up");
        running
    }
}

/// The lines of a file, as they come.
fn lines_of(file: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let read = move || {
        let mut file = BufReader::new(file).lines();
        file.try_for_each(|line| sender.send(line.unwrap()))
    };
    thread::spawn(read);
    lines
}

/// Writes a file, with the directories that it is in.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The call that [`RECORD`] has written down.
pub(crate) fn called(records: &Path) -> Called {
    let record = |name: &str| fs::read_to_string(records.join(name)).unwrap();
    Called {
        arguments: record("arguments").lines().map(str::to_owned).collect(),
        environment: record("environment")
            .split_terminator('\0')
            .map(|variable| {
                let (name, value) = variable.split_once('=').unwrap();
                (name.to_owned(), value.to_owned())
            })
            .collect(),
        directory: record("directory").trim_end().into(),
        signals: record("signals")
            .lines()
            .map(|line| {
                let (_, set) = line.rsplit_once('\t').unwrap();
                // The others are the C library's own affair.
                u32::try_from(u64::from_str_radix(set, 16).unwrap() & 0x7fff_ffff).unwrap()
            })
            .collect(),
    }
}

/// An entry of metadata.toml.
pub(crate) fn process(kind: &str, command: &str) -> String {
    format!("[[processes]]\ntype = \"{kind}\"\ncommand = {command}\nargs = []\ndirect = true\n")
}

/// A running `live-reload`.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    log: Receiver<String>,
}

impl Running {
    /// Starts `live-reload`.
    pub(crate) fn of(command: &mut Command) -> Self {
        thread::sleep(TICK);
        let mut child = programs::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let lines = lines_of(child.stdout.take().unwrap());
        let log = lines_of(child.stderr.take().unwrap());
        Self { child, lines, log }
    }

    /// The process id of `live-reload`.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends `live-reload` a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.id().cast_signed());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        self.lines.recv_timeout(programs::LIMIT).unwrap()
    }

    /// Reads lines until this one comes.
    pub(crate) fn wait_for(&mut self, wanted: &str) {
        while self.line() != wanted {}
    }

    /// Whether the process has written nothing since the last line that was read.
    pub(crate) fn is_silent(&self) -> bool {
        self.lines.try_recv().is_err()
    }

    /// Waits for a line of the log that contains this text, and returns it.
    pub(crate) fn logs(&self, wanted: &str) -> String {
        let mut passed = Vec::new();
        loop {
            let line = self.log.recv_timeout(programs::LIMIT);
            let line = line.unwrap_or_else(|_| panic!("not logged: {wanted}; but {passed:#?}"));
            if line.contains(wanted) {
                return line;
            }
            passed.push(line);
        }
    }

    /// Waits for the end. Returns the exit status and the output since.
    pub(crate) fn end(mut self) -> (i32, String) {
        let status = programs::end(&mut self.child);
        let mut rest = String::new();
        loop {
            match self.lines.recv_timeout(programs::LIMIT) {
                Ok(line) => rest += &(line + "\n"),
                Err(RecvTimeoutError::Disconnected) => return (status, rest),
                Err(RecvTimeoutError::Timeout) => panic!("the process has not been stopped"),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It still runs only if the test has failed. If it were killed at once, it would leave its
        // process behind.
        let process = Pid::from_raw(self.id().cast_signed());
        let is_running = |child: &mut Child| matches!(child.try_wait(), Ok(None));
        if is_running(&mut self.child) && kill(process, Signal::SIGTERM).is_ok() {
            thread::sleep(Duration::from_secs(1));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
