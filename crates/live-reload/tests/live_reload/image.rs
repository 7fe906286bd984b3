//! Directories like those of an image, with `live-reload` in them.

use crate::programs;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use tempfile::TempDir;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_live-reload");

/// Records its call in files in its directory; by `environ` of /proc, as a shell adds variables
/// of its own.
pub(crate) const RECORD: &str = r#"#!/bin/sh
here=$(dirname "$0")
printf '%s\n' "$@" > "$here/arguments"
cat "/proc/$$/environ" > "$here/environment"
pwd > "$here/directory"
grep -E '^Sig(Blk|Ign)' /proc/self/status > "$here/signals"
"#;

/// Runs the command after `--` as watchexec does, in its own process group. SIGTERM during a run ends it
/// with 99, and after a run with the status of the run.
pub(crate) const RUN: &str = r#"#!/bin/sh
trap 'exit 99' TERM
trap 'echo USR1' USR1
trap 'echo USR2' USR2
while [ "$1" != -- ]; do shift; done
shift
setsid "$@" &
while :; do
    wait $!
    last=$?
    kill -0 $! 2>/dev/null || break
done
trap 'exit $last' TERM
mkfifo "$0.wait"
exec 3<> "$0.wait"
echo ended
read -r never <&3
"#;

/// The layers and the app directory of an image.
pub(crate) struct Image {
    directory: TempDir,
}

/// How `live-reload` called watchexec.
pub(crate) struct Called {
    /// Arguments of watchexec.
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
        programs::write(&image.watchexec(), RECORD);
        programs::write(&image.app().join("app"), app);
        image
    }

    /// An image with one process `web` that runs the script, and a watchexec that really runs it.
    pub(crate) fn running(app: &str) -> Self {
        let image = Self::new(&process("web", "[\"./app\"]"), &format!("#!/bin/sh\n{app}"));
        programs::write(&image.watchexec(), RUN);
        image
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

    /// Runs `live-reload` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        programs::run(&mut self.command(arguments))
    }

    /// Runs `live-reload`, which must call watchexec.
    pub(crate) fn call(&self, command: &mut Command) -> Called {
        let output = programs::run(command);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        called(&self.watchexec())
    }

    /// Runs `live-reload`, which must fail, and gives its exit status and its errors, without
    /// the name of this image's directory.
    pub(crate) fn fail(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), self.anywhere(&errors))
    }

    /// A text without the name of this image's directory.
    pub(crate) fn anywhere(&self, text: &str) -> String {
        text.replace(self.directory.path().to_str().unwrap(), "")
    }

    /// Starts `live-reload` and waits until the process has written `up`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut child = programs::start(self.command(arguments).stdout(Stdio::piped()));
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            output
                .lines()
                .try_for_each(|line| sender.send(line.unwrap()))
        });
        let mut running = Running { child, lines };
        running.wait_for("up");
        running
    }
}

/// Writes a file, with the directories that it is in.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The call that [`RECORD`] has written down.
pub(crate) fn called(watchexec: &Path) -> Called {
    let record = |name: &str| fs::read_to_string(watchexec.with_file_name(name)).unwrap();
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
}

impl Running {
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
        // Only where a test has failed is it still there.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
