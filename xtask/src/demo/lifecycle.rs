//! What the lifecycle does around a buildpack: it calls detect and build by the CNB buildpack
//! spec, hands on what they wrote, and starts processes.

use anyhow::{Context, Result};
use fs_err as fs;
use libcnb::Env;
use libcnb::data::launch::{Launch, Process, WorkingDirectory};
use libcnb::data::layer_content_metadata::LayerContentMetadata;
use libcnb::generic::GenericMetadata;
use libcnb::layer_env::{LayerEnv, Scope};
use libcnb::read_toml_file;
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use toml_edit::DocumentMut;

/// The directories of one build.
pub(super) struct Lifecycle {
    /// The packaged buildpack.
    pub(super) buildpack: PathBuf,
    /// The app, which is also its sources.
    pub(super) app: PathBuf,
    /// Where the layers of all buildpacks are.
    pub(super) layers: PathBuf,
    /// The layers of this one.
    pub(super) own_layers: PathBuf,
    /// What the platform gives: here an empty directory.
    pub(super) platform: PathBuf,
    /// The build plan, which detect writes.
    pub(super) build_plan: PathBuf,
    /// The part of it that the buildpack provides, which build reads.
    pub(super) buildpack_plan: PathBuf,
}

/// A program with all that it needs, for a person to repeat.
pub(super) struct Call {
    pub(super) directory: PathBuf,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
}

impl Lifecycle {
    /// Makes the directories anew.
    pub(super) fn prepare(directory: &Path, buildpack: &Path) -> Result<Self> {
        let layers = directory.join("layers");
        let lifecycle = Self {
            buildpack: buildpack.to_owned(),
            app: directory.join("app"),
            // Named by the buildpack's id, with its slash replaced.
            own_layers: layers.join("live-reload_watchexec"),
            layers,
            platform: directory.join("platform"),
            build_plan: directory.join("build-plan.toml"),
            buildpack_plan: directory.join("buildpack-plan.toml"),
        };
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        for path in [&lifecycle.app, &lifecycle.own_layers, &lifecycle.platform] {
            fs::create_dir_all(path)?;
        }
        fs::write(&lifecycle.build_plan, "")?;
        Ok(lifecycle)
    }

    pub(super) fn detect(&self, arch: &str, user: &[(&str, &str)]) -> Call {
        self.phase(
            "bin/detect",
            arch,
            user,
            &[&self.platform, &self.build_plan],
        )
    }

    pub(super) fn build(&self, arch: &str, user: &[(&str, &str)]) -> Call {
        let arguments = [&self.own_layers, &self.platform, &self.buildpack_plan];
        self.phase("bin/build", arch, user, &arguments.map(PathBuf::as_path))
    }

    /// A call of the buildpack: its arguments and its environment as the spec has them.
    fn phase(
        &self,
        program: &str,
        arch: &str,
        user: &[(&str, &str)],
        arguments: &[impl AsRef<Path>],
    ) -> Call {
        let platform = [
            ("CNB_BUILDPACK_DIR", self.buildpack.as_os_str()),
            ("CNB_TARGET_OS", "linux".as_ref()),
            ("CNB_TARGET_ARCH", arch.as_ref()),
        ];
        let user = user.iter().map(|(name, value)| (*name, (*value).as_ref()));
        Call {
            directory: self.app.clone(),
            environment: platform
                .into_iter()
                .chain(user)
                .map(|(name, value)| (name.into(), value.to_owned()))
                .collect(),
            program: self.buildpack.join(program),
            arguments: arguments
                .iter()
                .map(|argument| argument.as_ref().into())
                .collect(),
        }
    }

    /// Makes the buildpack plan of the build plan. With one buildpack that provides what it
    /// requires, that is a change of names.
    pub(super) fn resolve_plan(&self) -> Result<()> {
        let mut build_plan: DocumentMut = fs::read_to_string(&self.build_plan)?.parse()?;
        let requires = build_plan
            .remove("requires")
            .context("the build plan requires nothing")?;
        let mut buildpack_plan = DocumentMut::new();
        buildpack_plan.insert("entries", requires);
        fs::write(&self.buildpack_plan, buildpack_plan.to_string())?;
        Ok(())
    }

    /// The processes that the buildpack contributed.
    pub(super) fn processes(&self) -> Result<Vec<Process>> {
        let path = self.own_layers.join("launch.toml");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let launch: Launch = read_toml_file(path)?;
        Ok(launch.processes)
    }

    /// Writes the image's list of processes, as the exporter does for the launcher.
    pub(super) fn write_metadata(&self, processes: &[Process]) -> Result<()> {
        #[derive(Serialize)]
        struct Metadata<'a> {
            processes: Vec<Entry<'a>>,
        }
        #[derive(Serialize)]
        struct Entry<'a> {
            #[serde(flatten)]
            process: &'a Process,
            direct: bool,
        }
        let metadata = Metadata {
            processes: processes
                .iter()
                .map(|process| Entry {
                    process,
                    direct: true,
                })
                .collect(),
        };
        fs::create_dir_all(self.layers.join("config"))?;
        fs::write(
            self.layers.join("config/metadata.toml"),
            toml_edit::ser::to_string_pretty(&metadata)?,
        )?;
        Ok(())
    }

    /// What the launcher executes for a process: it applies the environment of the launch layers
    /// in the order of their names, and goes to the working directory.
    pub(super) fn launch(&self, process: &Process, user: &[(&str, &str)]) -> Result<Call> {
        let mut environment = Env::new();
        environment.insert("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in user {
            environment.insert(name, value);
        }
        for layer in self.launch_layers()? {
            environment = LayerEnv::read_from_layer_dir(layer)?.apply(Scope::Launch, &environment);
        }
        let mut arguments = process.command.iter().chain(&process.args);
        let program = arguments.next().context("a process without a command")?;
        Ok(Call {
            directory: match &process.working_directory {
                WorkingDirectory::App => self.app.clone(),
                WorkingDirectory::Directory(directory) => self.app.join(directory),
            },
            environment: environment
                .into_iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            program: program.into(),
            arguments: arguments.map(OsString::from).collect(),
        })
    }

    /// The layers that are in the image.
    pub(super) fn launch_layers(&self) -> Result<Vec<PathBuf>> {
        let mut layers = Vec::new();
        for entry in fs::read_dir(&self.own_layers)? {
            let layer = entry?.path();
            if !layer.is_dir() {
                continue;
            }
            let metadata: LayerContentMetadata<GenericMetadata> =
                read_toml_file(layer.with_extension("toml"))?;
            if metadata.types.is_some_and(|types| types.launch) {
                layers.push(layer);
            }
        }
        layers.sort();
        Ok(layers)
    }
}

impl Call {
    /// The command that does exactly this.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory);
        command
    }

    /// The same for a shell, in which `$D` is `base`.
    pub(super) fn shell(&self, base: &Path) -> String {
        let path = std::env::var("PATH").unwrap_or_default();
        let word = |text: &OsStr| {
            let text = text.to_string_lossy();
            let text = text.replace(&path, "$PATH");
            quoted(&text.replace(&*base.to_string_lossy(), "$D"))
        };
        let environment: Vec<String> = self
            .environment
            .iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), word(value)))
            .collect();
        let words: Vec<String> = std::iter::once(self.program.as_os_str())
            .chain(self.arguments.iter().map(OsString::as_os_str))
            .map(word)
            .collect();
        format!(
            "(cd {} && env -i \\\n    {} \\\n    {})",
            word(self.directory.as_os_str()),
            environment.join(" "),
            words.join(" ")
        )
    }
}

/// A word as a shell reads it; `$` stays as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "$/.:,=_+-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Lifecycle};
    use libcnb::data::launch::ProcessBuilder;
    use libcnb::data::process_type;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    fn lifecycle(directory: &Path) -> Lifecycle {
        Lifecycle::prepare(&directory.join("demo"), Path::new("/buildpack")).unwrap()
    }

    fn add_layer(lifecycle: &Lifecycle, name: &str, launch: bool) {
        fs::create_dir_all(lifecycle.own_layers.join(name).join("bin")).unwrap();
        fs::write(
            lifecycle.own_layers.join(name).with_extension("toml"),
            format!("[types]\nlaunch = {launch}\n"),
        )
        .unwrap();
    }

    #[test]
    fn what_is_required_becomes_the_plan_of_the_build() {
        let directory = tempfile::tempdir().unwrap();
        let lifecycle = lifecycle(directory.path());
        fs::write(
            &lifecycle.build_plan,
            "[[provides]]\nname = 'watchexec'\n[[requires]]\nname = 'watchexec'\n\
             [requires.metadata]\nlaunch = true\n",
        )
        .unwrap();
        lifecycle.resolve_plan().unwrap();
        let plan: toml_edit::DocumentMut = fs::read_to_string(&lifecycle.buildpack_plan)
            .unwrap()
            .parse()
            .unwrap();
        assert!(!plan.contains_key("provides"));
        let entry = &plan["entries"][0];
        assert_eq!(entry["name"].as_str(), Some("watchexec"));
        assert_eq!(entry["metadata"]["launch"].as_bool(), Some(true));
    }

    #[test]
    fn a_process_finds_the_programs_of_launch_layers() {
        let directory = tempfile::tempdir().unwrap();
        let lifecycle = lifecycle(directory.path());
        add_layer(&lifecycle, "watchexec", true);
        add_layer(&lifecycle, "build-only", false);
        let process = ProcessBuilder::new(process_type!("web"), ["watchexec", "-r"])
            .arg("app")
            .build();
        let call = lifecycle.launch(&process, &[("PORT", "80")]).unwrap();
        assert_eq!(call.program, Path::new("watchexec"));
        assert_eq!(call.arguments, ["-r", "app"]);
        assert_eq!(call.directory, lifecycle.app);
        let path = std::env::var("PATH").unwrap();
        let bin = lifecycle.own_layers.join("watchexec/bin");
        assert!(
            call.environment
                .contains(&("PATH".into(), format!("{}:{path}", bin.display()).into()))
        );
        assert!(call.environment.contains(&("PORT".into(), "80".into())));
    }

    #[test]
    fn what_is_shown_can_be_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        let call = Call {
            directory: base.to_owned(),
            environment: vec![
                ("PATH".into(), std::env::var_os("PATH").unwrap()),
                ("TEXT".into(), "a 'b' \"c\"".into()),
            ],
            program: "sh".into(),
            arguments: ["-c", "pwd; env | grep TEXT", base.to_str().unwrap()]
                .map(Into::into)
                .into(),
        };
        let shown = call.shell(base);
        assert!(shown.ends_with("$D)"), "{shown}");
        let repeated = Command::new("sh")
            .args(["-c", &shown])
            .env("D", base)
            .output()
            .unwrap();
        assert_eq!(repeated.stdout, call.command().output().unwrap().stdout);
        assert!(repeated.status.success());
    }
}
