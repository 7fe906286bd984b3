//! `<layers>/config/metadata.toml`: what the lifecycle noted of the build, for its launcher
//! (platform specification, "metadata.toml").

use std::io;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// The parts of the file that matter to a launch.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// The processes, one for each type.
    pub(crate) processes: Vec<Process>,
    /// The buildpacks, in the order in which they built.
    pub(crate) buildpacks: Vec<Buildpack>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its type.
    pub(crate) r#type: String,
    /// Program and arguments. The file has those that are always there, `command`, apart from
    /// those that a user may replace, `args`; and at Platform API below 0.10 its `command` is the
    /// program only, not a list.
    pub(crate) command_line: Vec<String>,
    /// Whether it is executed as it is; else a shell reads `command` as a script. Buildpacks with
    /// an API below 0.9 can have the latter.
    pub(crate) direct: bool,
    /// Its working directory, where that is not the app directory.
    pub(crate) working_directory: Option<String>,
    /// The execution environments that it is for; all where this is empty or has `*`.
    pub(crate) execution_environments: Vec<String>,
}

/// A buildpack that took part.
#[derive(Debug)]
pub(crate) struct Buildpack {
    /// Its id.
    pub(crate) id: String,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It is not TOML.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A value is of another kind than the specification says.
    #[error("`{0}` is not what it has to be")]
    Kind(&'static str),
}

impl Metadata {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or is not what the specification says.
    pub(crate) fn read(file: &Path) -> Result<Self, MetadataError> {
        Self::parse(&std::fs::read_to_string(file)?)
    }

    // By hand rather than by serde, whose code would be a tenth of this program.
    fn parse(text: &str) -> Result<Self, MetadataError> {
        let document = DeTable::parse(text)?;
        let document = document.get_ref();
        Ok(Self {
            processes: tables(document, "processes")?
                .map(Process::from_table)
                .collect::<Result<_, _>>()?,
            buildpacks: tables(document, "buildpacks")?
                .map(|table| {
                    let id = text_of(table, "id")?.ok_or(MetadataError::Kind("id"))?;
                    Ok(Buildpack { id })
                })
                .collect::<Result<_, MetadataError>>()?,
        })
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
            other_environments.extend(process.execution_environments.iter().cloned());
        }
        if other_environments.is_empty() {
            Err(NoProcess::UnknownType {
                known: self
                    .processes
                    .iter()
                    .filter(|one| !one.is_of_this_program())
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
        /// All types of the image that can be restarted: not those of this program.
        known: Vec<String>,
    },
    /// The process is for other execution environments.
    OtherEnvironment {
        /// These.
        environments: Vec<String>,
    },
}

impl Process {
    fn from_table(table: &DeTable<'_>) -> Result<Self, MetadataError> {
        let direct = match value(table, "direct") {
            None => false,
            Some(DeValue::Boolean(direct)) => *direct,
            Some(_) => return Err(MetadataError::Kind("direct")),
        };
        Ok(Self {
            r#type: text_of(table, "type")?.ok_or(MetadataError::Kind("type"))?,
            command_line: [texts(table, "command")?, texts(table, "args")?].concat(),
            direct,
            working_directory: text_of(table, "working-dir")?.filter(|path| !path.is_empty()),
            execution_environments: texts(table, "exec-env")?,
        })
    }

    /// Whether it is `reload`, or one of the sync tools.
    fn is_of_this_program(&self) -> bool {
        self.command_line
            .first()
            .and_then(|program| Path::new(program).file_name())
            .is_some_and(|name| name == env!("CARGO_BIN_NAME"))
    }

    fn runs_in(&self, execution_environment: &str) -> bool {
        self.execution_environments.is_empty()
            || self
                .execution_environments
                .iter()
                .any(|one| one == "*" || one == execution_environment)
    }
}

/// The value of a key.
fn value<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t DeValue<'t>> {
    table.get(key).map(toml::Spanned::get_ref)
}

/// An array of tables; none where there is no such key.
fn tables<'t>(
    table: &'t DeTable<'_>,
    key: &'static str,
) -> Result<impl Iterator<Item = &'t DeTable<'t>>, MetadataError> {
    let array = match value(table, key) {
        None => None,
        Some(DeValue::Array(array)) => Some(array),
        Some(_) => return Err(MetadataError::Kind(key)),
    };
    let tables: Option<Vec<_>> = array
        .into_iter()
        .flat_map(|array| array.iter())
        .map(|element| element.get_ref().as_table())
        .collect();
    Ok(tables.ok_or(MetadataError::Kind(key))?.into_iter())
}

/// A text.
fn text_of(table: &DeTable<'_>, key: &'static str) -> Result<Option<String>, MetadataError> {
    match value(table, key) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(MetadataError::Kind(key)),
        },
    }
}

/// A list of texts, or one text instead of a list; none where there is no such key.
fn texts(table: &DeTable<'_>, key: &'static str) -> Result<Vec<String>, MetadataError> {
    let texts: Option<Vec<String>> = match value(table, key) {
        Some(DeValue::Array(array)) => array
            .iter()
            .map(|element| element.get_ref().as_str().map(str::to_owned))
            .collect(),
        _ => return Ok(text_of(table, key)?.into_iter().collect()),
    };
    texts.ok_or(MetadataError::Kind(key))
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
    fn reads_what_the_lifecycle_writes() {
        let metadata = parse(METADATA);
        let web = metadata.process("web", "production").unwrap();
        assert_eq!(web.command_line, ["python3", "app.py", "--port", "8080"]);
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
        assert_eq!(web.command_line, ["python3 $APP"]);
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

    #[test]
    fn processes_of_this_program_are_none_to_restart() {
        let own = "\n[[processes]]\ntype = 'reload'\ncommand = ['live-reload', 'web']\n\
                   [[processes]]\ntype = 'tar'\ncommand = ['/layers/x/live-reload/bin/live-reload']\n";
        assert_eq!(
            parse(&(METADATA.to_owned() + own))
                .process("wrb", "production")
                .unwrap_err(),
            NoProcess::UnknownType {
                known: vec!["web".to_owned(), "debug".to_owned()]
            }
        );
    }

    #[test]
    fn a_file_that_is_something_else_is_an_error() {
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
