//! `<layers>/config/metadata.toml`, which the lifecycle writes at build for its launcher (platform
//! specification, "metadata.toml").

use crate::image::WATCHEXEC;
use std::io;
use std::path::Path;
use std::slice;
use toml::de::{DeTable, DeValue};

/// The parts of the file that matter to a launch.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// The processes of other buildpacks, one for each type and execution environment.
    pub(crate) processes: Vec<Process>,
    /// The buildpacks' directories in the layers directory, in the order in which they built. Each
    /// is named after its buildpack's id (buildpack specification, "Layers": `/` becomes `_`).
    pub(crate) buildpacks: Vec<String>,
}

/// A process of the image.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// The process type, such as `web`.
    pub(crate) r#type: String,
    /// Program and arguments. The file has `command`, which a user cannot replace, apart from
    /// `args`, which a user may; and at Platform API below 0.10 its `command` is the program only,
    /// not a list.
    pub(crate) command_line: Vec<String>,
    /// How many entries of it a user cannot replace.
    fixed: usize,
    /// Whether the command is executed directly; else a shell reads it as a script, which
    /// buildpacks with an API below 0.9 can ask for.
    pub(crate) direct: bool,
    /// The working directory, absolute or relative to the app directory; `None` for the latter
    /// itself.
    pub(crate) working_directory: Option<String>,
    /// The execution environments that the process is for; all if this is empty or has `*`.
    pub(crate) execution_environments: Vec<String>,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    /// The file cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// The file is not TOML.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A key is missing, or its value is of another kind than the specification says.
    #[error("`{0}` has the wrong type")]
    Kind(&'static str),
}

impl Metadata {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read, or has another form than the specification says.
    pub(crate) fn read(file: &Path) -> Result<Self, MetadataError> {
        Self::parse(&std::fs::read_to_string(file)?)
    }

    // By hand rather than by serde, whose code would be a tenth of this program.
    fn parse(text: &str) -> Result<Self, MetadataError> {
        let document = DeTable::parse(text)?;
        let document = document.get_ref();
        let processes = values(document, "processes", DeValue::as_table)?;
        let buildpacks = values(document, "buildpacks", DeValue::as_table)?;
        Ok(Self {
            processes: processes
                .into_iter()
                .map(Process::from_table)
                .filter(|process| !matches!(process, Ok(own) if own.runs(env!("CARGO_BIN_NAME"))))
                .collect::<Result<_, _>>()?,
            buildpacks: buildpacks
                .into_iter()
                .map(|table| Ok(required(table, "id")?.replace('/', "_")))
                .collect::<Result<_, MetadataError>>()?,
        })
    }
}

impl Process {
    fn from_table(table: &DeTable<'_>) -> Result<Self, MetadataError> {
        let command = strings(table, "command")?;
        Ok(Self {
            r#type: required(table, "type")?.to_owned(),
            fixed: command.len(),
            command_line: [command, strings(table, "args")?].concat(),
            direct: values(table, "direct", DeValue::as_bool)?.contains(&true),
            working_directory: strings(table, "working-dir")?
                .pop()
                .filter(|path| !path.is_empty()),
            execution_environments: strings(table, "exec-env")?,
        })
    }

    /// Replaces the arguments, as the launcher does with those of a user (platform specification,
    /// "Launcher").
    pub(crate) fn replace_arguments(&mut self, arguments: &[String]) {
        self.command_line.truncate(self.fixed);
        self.command_line.extend_from_slice(arguments);
    }

    /// Whether it runs watchexec itself, so that its buildpack has made it for reloading.
    pub(crate) fn runs_watchexec(&self) -> bool {
        self.runs(WATCHEXEC)
    }

    /// Whether it runs a program of this name, in any directory.
    fn runs(&self, name: &str) -> bool {
        let program = match self.script() {
            Some(script) => script.split_whitespace().find(|word| *word != "exec"),
            None => self.command_line.first().map(String::as_str),
        };
        program.is_some_and(|program| Path::new(program).ends_with(name))
    }

    /// The script of a process that a shell runs: the launcher's, or one that the buildpack names,
    /// as Procfile buildpacks with Buildpack API 0.9 and newer do.
    fn script(&self) -> Option<&str> {
        match self.command_line.as_slice() {
            [script, ..] if !self.direct => Some(script),
            [shell, option, script, ..] if option == "-c" => {
                let is_shell = |name| Path::new(shell).ends_with(name);
                (is_shell("bash") || is_shell("sh")).then_some(script)
            }
            _ => None,
        }
    }

    pub(crate) fn runs_in(&self, execution_environment: &str) -> bool {
        let environments = &self.execution_environments;
        let named = |one: &String| one == "*" || one == execution_environment;
        environments.is_empty() || environments.iter().any(named)
    }
}

/// The values of a key: the elements of a list, or a single value, or none where
/// there is no such key.
fn values<'t, T>(
    table: &'t DeTable<'_>,
    key: &'static str,
    convert: impl Fn(&'t DeValue<'t>) -> Option<T>,
) -> Result<Vec<T>, MetadataError> {
    let values = match table.get(key) {
        None => &[],
        Some(value) => match value.get_ref() {
            DeValue::Array(array) => &array[..],
            _ => slice::from_ref(value),
        },
    };
    let values = values.iter().map(|value| convert(value.get_ref()));
    values
        .collect::<Option<_>>()
        .ok_or(MetadataError::Kind(key))
}

fn strings(table: &DeTable<'_>, key: &'static str) -> Result<Vec<String>, MetadataError> {
    values(table, key, |value| value.as_str().map(str::to_owned))
}

fn required<'t>(table: &'t DeTable<'_>, key: &'static str) -> Result<&'t str, MetadataError> {
    let mut values = values(table, key, DeValue::as_str)?;
    values.pop().ok_or(MetadataError::Kind(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Metadata {
        Metadata::parse(text).unwrap()
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
    fn reads_the_file_of_lifecycle_0_21() {
        let metadata = parse(METADATA);
        let web = &metadata.processes[0];
        assert_eq!(web.command_line, ["python3", "app.py", "--port", "8080"]);
        assert!(web.direct);
        assert_eq!(metadata.buildpacks, ["example_python"]);
    }

    #[test]
    fn reads_the_file_of_platform_api_0_9() {
        let metadata = parse(
            r#"
                [[processes]]
                type = "web"
                command = "python3 $APP"
                args = []
                direct = false
            "#,
        );
        let web = &metadata.processes[0];
        assert_eq!(web.command_line, ["python3 $APP"]);
        assert!(!web.direct);
    }

    #[test]
    fn leaves_out_its_own_processes() {
        let own = "\n[[processes]]\ntype = 'reload'\ncommand = ['live-reload', 'web']\n\
                   [[processes]]\ntype = 'tar'\ncommand = ['/layers/x/live-reload/bin/live-reload']\n\
                   direct = true\n";
        let metadata = parse(&(METADATA.to_owned() + own));
        let types: Vec<&str> = metadata
            .processes
            .iter()
            .map(|one| one.r#type.as_str())
            .collect();
        assert_eq!(types, ["web", "debug"]);
    }

    #[test]
    fn recognizes_processes_that_run_watchexec() {
        let runs_watchexec = |command: &str, direct: bool| {
            let text =
                format!("[[processes]]\ntype = 'web'\ncommand = [{command}]\ndirect = {direct}");
            parse(&text).processes[0].runs_watchexec()
        };
        assert!(runs_watchexec("'watchexec', '-r', 'app'", true));
        assert!(runs_watchexec("'/layers/a/watchexec/bin/watchexec'", true));
        assert!(runs_watchexec("'bash', '-c', 'watchexec app'", true));
        assert!(!runs_watchexec("'bash', '-c', 'app watchexec'", true));
        assert!(!runs_watchexec("'watchexec app'", true));
        assert!(runs_watchexec("' watchexec -r app'", false));
        assert!(runs_watchexec("'exec bin/watchexec -r app'", false));
        assert!(runs_watchexec("'watchexec', '-r', 'app'", false));
        assert!(!runs_watchexec("'app --watchexec'", false));
        assert!(!runs_watchexec("''", false));
        assert!(!runs_watchexec("", true));
    }

    #[test]
    fn rejects_invalid_metadata() {
        for text in [
            "processes = 1",
            "processes = [1]",
            "[[processes]]",
            "[[processes]]\ntype = 1",
            "[[processes]]\ntype = 'web'\ndirect = 'yes'",
            "[[processes]]\ntype = 'web'\nargs = [1]",
            "[[buildpacks]]",
        ] {
            let error = Metadata::parse(text).unwrap_err();
            assert!(matches!(error, MetadataError::Kind(_)), "{text}: {error}");
        }
        let error = Metadata::parse("processes").unwrap_err();
        assert!(matches!(error, MetadataError::Toml(_)));
    }
}
