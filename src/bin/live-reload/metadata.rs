//! `<layers>/config/metadata.toml`: what the lifecycle noted of the build, for its launcher
//! (platform specification, "metadata.toml").

use serde::Deserialize;
use std::path::Path;

/// The parts of the file that matter to a launch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    /// The processes, one for each type.
    pub(crate) processes: Vec<Process>,
    /// The buildpacks, in the order in which they built.
    pub(crate) buildpacks: Vec<Buildpack>,
}

/// A process.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Process {
    /// Its type.
    pub(crate) r#type: String,
    /// The program and arguments that are always there.
    pub(crate) command: Command,
    /// Arguments that a user may replace.
    pub(crate) args: Vec<String>,
    /// Whether it is executed as it is; else a shell reads `command` as a script. Buildpacks with
    /// an API below 0.9 can have the latter.
    pub(crate) direct: bool,
    /// Its working directory, where that is not the app directory.
    pub(crate) working_dir: String,
    /// The execution environments that it is for; all where this is empty or has `*`.
    pub(crate) exec_env: Vec<String>,
}

/// A program and arguments: a list, or at Platform API below 0.10 only the program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Command {
    /// At Platform API below 0.10.
    Program(String),
    /// At Platform API 0.10 and above.
    List(Vec<String>),
}

impl Default for Command {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

/// A buildpack that took part.
#[derive(Debug, Deserialize)]
pub(crate) struct Buildpack {
    /// Its id.
    pub(crate) id: String,
}

impl Metadata {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or is not what the specification says.
    pub(crate) fn read(file: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(toml::from_str(&std::fs::read_to_string(file)?)?)
    }

    /// The process of a type that may run in this execution environment; the launcher's default
    /// for that is `production`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn process(
        &self,
        wanted: &str,
        execution_environment: &str,
    ) -> Result<&Process, NoProcess> {
        let mut other_environments = Vec::new();
        for process in self.processes.iter().filter(|one| one.r#type == wanted) {
            if process.runs_in(execution_environment) {
                return Ok(process);
            }
            other_environments.extend(process.exec_env.iter().cloned());
        }
        if other_environments.is_empty() {
            Err(NoProcess::UnknownType {
                known: self
                    .processes
                    .iter()
                    .map(|one| one.r#type.clone())
                    .collect(),
            })
        } else {
            Err(NoProcess::OtherEnvironment {
                environments: other_environments,
            })
        }
    }
}

/// Why there is no process to restart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoProcess {
    /// The image has no process of that type, but these.
    UnknownType {
        /// All types of the image.
        known: Vec<String>,
    },
    /// The process is for other execution environments.
    OtherEnvironment {
        /// These.
        environments: Vec<String>,
    },
}

impl Process {
    fn runs_in(&self, execution_environment: &str) -> bool {
        self.exec_env.is_empty()
            || self
                .exec_env
                .iter()
                .any(|one| one == "*" || one == execution_environment)
    }

    /// Program and all arguments.
    pub(crate) fn command_line(&self) -> Vec<String> {
        let command = match &self.command {
            Command::Program(program) => std::slice::from_ref(program),
            Command::List(list) => list,
        };
        [command, &self.args].concat()
    }
}

impl Buildpack {
    /// The name of its directory in the layers directory (buildpack specification, "Layers": `/`
    /// becomes `_`).
    pub(crate) fn directory_name(&self) -> String {
        self.id.replace('/', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Metadata {
        toml::from_str(text).unwrap()
    }

    /// As lifecycle 0.21 writes it.
    const METADATA: &str = r#"
        buildpack-default-process-type = "web"

        [[processes]]
        type = "web"
        command = ["python3", "app.py"]
        args = ["--port", "8080"]
        direct = true
        default = true
        buildpack-id = "example/python"

        [[processes]]
        type = "debug"
        command = ["python3"]
        direct = true
        working-dir = "/workspace/tools"
        exec-env = ["development", "test"]

        [[buildpacks]]
        api = "0.10"
        id = "example/python"
        version = "1.0.0"
    "#;

    #[test]
    fn reads_what_the_lifecycle_writes() {
        let metadata = parse(METADATA);
        let web = metadata.process("web", "production").unwrap();
        assert_eq!(web.command_line(), ["python3", "app.py", "--port", "8080"]);
        assert!(web.direct);
        assert_eq!(metadata.buildpacks[0].directory_name(), "example_python");
    }

    #[test]
    fn reads_what_platforms_before_0_10_have() {
        let metadata = parse(
            r#"
                [[processes]]
                type = "web"
                command = "python3 $APP"
                args = []
                direct = false
            "#,
        );
        let web = metadata.process("web", "production").unwrap();
        assert_eq!(web.command_line(), ["python3 $APP"]);
        assert!(!web.direct);
    }

    #[test]
    fn a_process_can_be_for_other_environments() {
        let metadata = parse(METADATA);
        metadata.process("debug", "test").unwrap();
        assert_eq!(
            metadata.process("debug", "production").unwrap_err(),
            NoProcess::OtherEnvironment {
                environments: vec!["development".to_owned(), "test".to_owned()]
            }
        );
    }

    #[test]
    fn an_unknown_type_tells_the_known_ones() {
        assert_eq!(
            parse(METADATA).process("wrb", "production").unwrap_err(),
            NoProcess::UnknownType {
                known: vec!["web".to_owned(), "debug".to_owned()]
            }
        );
    }
}
