//! Calls a built buildpack as the lifecycle does: by name, with arguments, in the app directory,
//! and with exactly the variables that the lifecycle passes.

use fs_err as fs;
use fs_err::os::unix::fs::symlink;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use toml::Value;

/// The directories of a build, and the settings of the platform and the user.
pub struct Lifecycle {
    directory: PathBuf,
    buildpack: PathBuf,
    layers: PathBuf,
    variables: Vec<(String, String)>,
    /// A script that starts the phase, `"$@"`, with redirections or a umask.
    shell: Option<&'static str>,
    /// Removes the directory of a test.
    temporary: Option<TempDir>,
}

/// The formats of SBOMs that buildpack.toml declares.
const SBOM_FORMATS: &str =
    r#"["application/vnd.cyclonedx+json", "application/spdx+json", "application/vnd.syft+json"]"#;

/// The outcome of a phase.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            status: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Both outputs, as a user sees them.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Panics with both outputs unless the phase passed.
    pub fn assert_success(self) -> Self {
        assert_eq!(self.status, 0, "{}", self.output());
        self
    }

    /// Panics with both outputs unless the phase failed.
    pub fn assert_failure(self) -> Self {
        assert_eq!(self.status, 1, "{}", self.output());
        self
    }
}

impl Lifecycle {
    /// The programs that cargo built for the running test, in a buildpack with these dependencies.
    pub fn new(dependencies: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let buildpack = folder.path().join("buildpack");
        fs::create_dir_all(buildpack.join("bin")).unwrap();
        // Cargo names the program while it runs the tests of its package.
        let program = env::var_os("CARGO_BIN_EXE_watchexec-buildpack").unwrap();
        for phase in ["detect", "build"] {
            symlink(&program, buildpack.join("bin").join(phase)).unwrap();
        }
        // The buildpack copies the program and does not run it. The crate of the program has tests
        // that do, and the suite runs both together.
        fs::write(buildpack.join("bin/live-reload"), "live-reload").unwrap();
        let mut lifecycle = Self::of(&buildpack, folder.path(), "layers");
        lifecycle.temporary = Some(folder);
        lifecycle.set_dependencies(dependencies);
        lifecycle.with("CNB_TARGET_ARCH", "amd64")
    }

    /// A packaged buildpack on this machine, with the other directories in `directory`. `layers`
    /// names the directory of the buildpack's layers in it.
    pub fn of(buildpack: &Path, directory: &Path, layers: &str) -> Self {
        for name in ["app", "platform/env", layers] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        let lifecycle = Self {
            directory: directory.to_owned(),
            buildpack: buildpack.to_owned(),
            layers: directory.join(layers),
            variables: Vec::new(),
            shell: None,
            temporary: None,
        };
        let arch = match env::consts::ARCH {
            "aarch64" => "arm64",
            _ => "amd64",
        };
        lifecycle
            .with("CNB_BUILDPACK_DIR", path_text(buildpack))
            .with("CNB_TARGET_OS", "linux")
            .with("CNB_TARGET_ARCH", arch)
            .with("CNB_TARGET_DISTRO_NAME", "debian")
            .with("CNB_TARGET_DISTRO_VERSION", "12")
            .with("BP_LIVE_RELOAD_ENABLED", "true")
    }

    /// Writes buildpack.toml with other dependencies.
    pub fn set_dependencies(&self, dependencies: &str) {
        let descriptor = format!(
            "api = \"0.12\"\n\n[buildpack]\nid = \"test/watchexec\"\nname = \"Test Buildpack\"\n\
             version = \"1.2.3\"\nsbom-formats = {SBOM_FORMATS}\n\n[metadata]\n{dependencies}"
        );
        fs::write(self.buildpack.join("buildpack.toml"), descriptor).unwrap();
    }

    /// Writes buildpack.toml with other SBOM formats, an array.
    pub fn set_sbom_formats(&self, formats: &str) {
        let path = self.buildpack.join("buildpack.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace(SBOM_FORMATS, formats)).unwrap();
    }

    /// Writes buildpack.toml with another API.
    pub fn set_api(&self, api: &str) {
        let path = self.buildpack.join("buildpack.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("\"0.12\"", &format!("{api:?}"))).unwrap();
    }

    /// Adds a line to `[buildpack]` of buildpack.toml.
    pub fn add_to_buildpack_table(&self, line: &str) {
        let path = self.buildpack.join("buildpack.toml");
        let text = fs::read_to_string(&path).unwrap();
        let table = "[buildpack]\n";
        fs::write(path, text.replace(table, &format!("{table}{line}\n"))).unwrap();
    }

    /// Sets a variable of the process.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Removes a variable of the process.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self
    }

    /// Starts the phases by a shell script that ends in `exec "$@"`.
    #[must_use]
    pub fn in_shell(mut self, script: &'static str) -> Self {
        self.shell = Some(script);
        self
    }

    /// Sets a variable in the platform directory.
    #[must_use]
    pub fn with_platform(self, name: &str, value: &str) -> Self {
        fs::write(self.path("platform/env").join(name), value).unwrap();
        self
    }

    /// A path below the directory of the build.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The buildpack's directory.
    pub fn buildpack(&self) -> PathBuf {
        self.buildpack.clone()
    }

    /// The directory of the buildpack's layers.
    pub fn layers(&self) -> PathBuf {
        self.layers.clone()
    }

    /// The layer `watchexec`.
    pub fn layer(&self) -> PathBuf {
        self.layers.join("watchexec")
    }

    /// launch.toml, as text.
    pub fn launch_toml(&self) -> String {
        fs::read_to_string(self.layers.join("launch.toml")).unwrap()
    }

    /// Lists the processes of the image for the launcher, as the exporter does: those of the
    /// buildpack, and `web` of the app's own.
    pub fn export(&self, web: &[&str]) {
        let web = format!("\n[[processes]]\ntype = \"web\"\ndirect = true\ncommand = {web:?}\n");
        let config = self.path("layers/config");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("metadata.toml"), self.launch_toml() + &web).unwrap();
    }

    /// A process of the image as the launcher starts it: in the app directory, with the programs of
    /// the layers on PATH.
    pub fn launch(&self, kind: &str) -> Command {
        let metadata = fs::read_to_string(self.path("layers/config/metadata.toml")).unwrap();
        let metadata: toml::Table = metadata.parse().unwrap();
        let processes = metadata["processes"].as_array().unwrap();
        let is_it = |process: &&Value| process["type"].as_str() == Some(kind);
        let process = processes.iter().find(is_it).unwrap();
        let words = ["command", "args"]
            .iter()
            .filter_map(|key| process.get(key)?.as_array());
        let words: Vec<&str> = words.flatten().filter_map(Value::as_str).collect();
        let mut path = ["live-reload", "watchexec"]
            .map(|layer| self.layers.join(layer).join("bin"))
            .to_vec();
        path.extend(env::split_paths(&env::var_os("PATH").unwrap()));
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.path("app"))
            .env_clear()
            .env("PATH", env::join_paths(path).unwrap());
        command
    }

    /// The layer's metadata, as text.
    pub fn layer_toml(&self) -> String {
        fs::read_to_string(self.layers.join("watchexec.toml")).unwrap()
    }

    /// Everything below the layers directory, as sorted relative paths.
    pub fn layer_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.layers.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path);
                } else {
                    files.push(path_text(path.strip_prefix(&self.layers).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    /// Acts as the lifecycle between two builds with the same cache: restores cached layers
    /// without their types, only the metadata of other launch layers, and no launch.toml. Integers
    /// become floats, since the lifecycle keeps the metadata as JSON.
    pub fn restore_cache(&self) {
        fs::remove_file(self.layers.join("launch.toml")).unwrap();
        for name in ["watchexec", "live-reload"] {
            let path = self.layers.join(format!("{name}.toml"));
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let mut toml: toml::Table = text.parse().unwrap();
            if toml.remove("types").unwrap()["cache"] != true.into() {
                // A layer that was taken over from an earlier image has no content either.
                let _ = fs::remove_dir_all(self.layers.join(name));
            }
            let kept = as_kept(toml.into());
            fs::write(path, toml::to_string(&kept).unwrap()).unwrap();
        }
    }

    /// Runs `bin/detect`.
    pub fn detect(&self) -> Outcome {
        Outcome::of(&mut self.detect_command())
    }

    /// The call of `bin/detect`, which finds an empty build plan.
    pub fn detect_command(&self) -> Command {
        let plan = self.plan_path();
        // A new file: truncating a longer one may wait for the disk.
        fs::remove_file(&plan).ok();
        fs::write(&plan, "").unwrap();
        self.command("detect", &[&self.path("platform"), &plan])
    }

    /// The build plan that detect wrote.
    pub fn plan(&self) -> String {
        fs::read_to_string(self.plan_path()).unwrap()
    }

    fn plan_path(&self) -> PathBuf {
        self.path("plan.toml")
    }

    /// A build in which no other buildpack requires watchexec.
    pub fn build(&self) -> Outcome {
        self.build_with("")
    }

    /// A build with further entries in the buildpack plan.
    pub fn build_with(&self, entries: &str) -> Outcome {
        Outcome::of(&mut self.build_command(entries))
    }

    /// The call of `bin/build`, with further entries in the buildpack plan.
    pub fn build_command(&self, entries: &str) -> Command {
        let plan = self.path("buildpack-plan.toml");
        fs::write(
            &plan,
            format!(
                "[[entries]]\nname = \"watchexec\"\n[entries.metadata]\nlaunch = true\n{entries}"
            ),
        )
        .unwrap();
        self.command("build", &[&self.layers, &self.path("platform"), &plan])
    }

    /// Calls `bin/detect` or `bin/build` with these arguments.
    pub fn phase(&self, name: &str, arguments: &[&Path]) -> Outcome {
        Outcome::of(&mut self.command(name, arguments))
    }

    fn command(&self, name: &str, arguments: &[&Path]) -> Command {
        let program = self.buildpack.join("bin").join(name);
        let mut command = match self.shell {
            None => Command::new(program),
            Some(script) => {
                let mut command = Command::new("/bin/sh");
                command.args(["-c", script, "sh"]).arg(program);
                command
            }
        };
        command
            .args(arguments)
            .current_dir(self.path("app"))
            .env_clear()
            .envs(self.variables.clone());
        command
    }
}

/// A value after the round trip through JSON.
fn as_kept(value: Value) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "as Go does")]
    match value {
        Value::Integer(number) => Value::Float(number as f64),
        Value::Array(values) => values.into_iter().map(as_kept).collect::<Vec<_>>().into(),
        Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| (key, as_kept(value)))
            .collect::<toml::Table>()
            .into(),
        other => other,
    }
}

fn path_text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
