//! Runs the built program as the lifecycle does: by its name, with its arguments, in the app's
//! directory, and with an environment that holds what the lifecycle passes and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use toml::Value;

/// One build: a buildpack, an app, a platform and layers, in a folder of their own.
pub(crate) struct Lifecycle {
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// A script that starts the phase, `"$@"`, with what only a shell can set.
    shell: &'static str,
}

/// What a phase did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Both outputs, as a user sees them.
    pub(crate) fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    pub(crate) fn assert_success(self) -> Self {
        assert_eq!(self.status, 0, "{}", self.output());
        self
    }

    pub(crate) fn assert_failure(self) -> Self {
        assert_eq!(self.status, 1, "{}", self.output());
        self
    }
}

impl Lifecycle {
    /// A buildpack whose buildpack.toml has these dependencies.
    pub(crate) fn new(dependencies: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["buildpack/bin", "app", "platform/env", "layers"] {
            fs::create_dir_all(path.join(name)).unwrap();
        }
        for phase in ["detect", "build"] {
            symlink(
                env!("CARGO_BIN_EXE_watchexec-buildpack"),
                path.join("buildpack/bin").join(phase),
            )
            .unwrap();
        }
        // The buildpack copies the program and does not run it. The crate of the program has tests
        // that do, and the suite runs both together.
        fs::write(path.join("buildpack/bin/live-reload"), "live-reload").unwrap();
        let lifecycle = Self {
            folder,
            variables: Vec::new(),
            shell: "exec \"$@\"",
        };
        lifecycle.set_dependencies(dependencies);
        let buildpack = path_text(&lifecycle.buildpack());
        lifecycle
            .with("CNB_BUILDPACK_DIR", buildpack)
            .with("CNB_TARGET_OS", "linux")
            .with("CNB_TARGET_ARCH", "amd64")
            .with("CNB_TARGET_DISTRO_NAME", "debian")
            .with("CNB_TARGET_DISTRO_VERSION", "12")
            .with("BP_LIVE_RELOAD_ENABLED", "true")
    }

    /// Writes buildpack.toml with other dependencies.
    pub(crate) fn set_dependencies(&self, dependencies: &str) {
        let descriptor = format!(
            "api = \"0.12\"\n\n[buildpack]\nid = \"test/watchexec\"\nname = \"Test Buildpack\"\n\
             version = \"1.2.3\"\n\n[metadata]\n{dependencies}"
        );
        fs::write(self.buildpack().join("buildpack.toml"), descriptor).unwrap();
    }

    /// Writes buildpack.toml with another API.
    pub(crate) fn set_api(&self, api: &str) {
        let path = self.buildpack().join("buildpack.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("\"0.12\"", &format!("{api:?}"))).unwrap();
    }

    /// Adds a line to `[buildpack]` of buildpack.toml.
    pub(crate) fn add_to_buildpack_table(&self, line: &str) {
        let path = self.buildpack().join("buildpack.toml");
        let text = fs::read_to_string(&path).unwrap();
        let table = "[buildpack]\n";
        fs::write(path, text.replace(table, &format!("{table}{line}\n"))).unwrap();
    }

    /// Sets a variable of the process.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Removes a variable of the process.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self
    }

    /// Starts the phases by a shell script that ends in `exec "$@"`.
    #[must_use]
    pub(crate) fn in_shell(mut self, script: &'static str) -> Self {
        self.shell = script;
        self
    }

    /// Sets a variable in the platform directory.
    #[must_use]
    pub(crate) fn with_platform(self, name: &str, value: &str) -> Self {
        fs::write(self.path("platform/env").join(name), value).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn buildpack(&self) -> PathBuf {
        self.path("buildpack")
    }

    pub(crate) fn layers(&self) -> PathBuf {
        self.path("layers")
    }

    pub(crate) fn layer(&self) -> PathBuf {
        self.path("layers/watchexec")
    }

    /// launch.toml, as text.
    pub(crate) fn launch_toml(&self) -> String {
        fs::read_to_string(self.path("layers/launch.toml")).unwrap()
    }

    /// The layer's metadata, as text.
    pub(crate) fn layer_toml(&self) -> String {
        fs::read_to_string(self.path("layers/watchexec.toml")).unwrap()
    }

    /// Everything below the layers directory, as sorted relative paths.
    pub(crate) fn layer_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.layers()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path);
                } else {
                    files.push(path_text(path.strip_prefix(self.layers()).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    /// What the lifecycle does between two builds with the same cache: what is cached comes back
    /// without its types, of other launch layers the metadata alone, and launch.toml not at all.
    /// Whole numbers come back as floats, since the metadata is kept as JSON.
    pub(crate) fn restore_cache(&self) {
        fs::remove_file(self.path("layers/launch.toml")).unwrap();
        for name in ["watchexec", "live-reload"] {
            let path = self.layers().join(format!("{name}.toml"));
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let mut toml: toml::Table = text.parse().unwrap();
            if toml.remove("types").unwrap()["cache"] != true.into() {
                fs::remove_dir_all(self.layers().join(name)).unwrap();
            }
            let kept = as_kept(toml.into());
            fs::write(path, toml::to_string(&kept).unwrap()).unwrap();
        }
    }

    pub(crate) fn detect(&self) -> Outcome {
        self.phase("detect", &[&self.path("platform"), &self.plan_path()])
    }

    /// The build plan that detect wrote.
    pub(crate) fn plan(&self) -> String {
        fs::read_to_string(self.plan_path()).unwrap()
    }

    fn plan_path(&self) -> PathBuf {
        self.path("plan.toml")
    }

    /// A build in which nobody else requires watchexec.
    pub(crate) fn build(&self) -> Outcome {
        self.build_with("")
    }

    /// A build with further entries in the buildpack plan.
    pub(crate) fn build_with(&self, entries: &str) -> Outcome {
        let plan = self.path("buildpack-plan.toml");
        fs::write(
            &plan,
            format!(
                "[[entries]]\nname = \"watchexec\"\n[entries.metadata]\nlaunch = true\n{entries}"
            ),
        )
        .unwrap();
        self.phase("build", &[&self.layers(), &self.path("platform"), &plan])
    }

    /// Calls `bin/detect` or `bin/build` with these arguments.
    pub(crate) fn phase(&self, name: &str, arguments: &[&Path]) -> Outcome {
        let output = Command::new("/bin/sh")
            .args(["-c", self.shell, "sh"])
            .arg(self.buildpack().join("bin").join(name))
            .args(arguments)
            .current_dir(self.path("app"))
            .env_clear()
            .envs(self.variables.clone())
            .output()
            .unwrap();
        Outcome {
            status: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A value after the way through JSON that layer metadata takes.
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
