//! The directories of the image.

use reload_options::PROGRAM;
use std::env;
use std::path::{Path, PathBuf};

/// The layers directory unless the platform names another (platform specification,
/// `CNB_LAYERS_DIR`).
const DEFAULT_LAYERS: &str = "/layers";

/// The name of the program, and of the layer that our buildpack installs it into.
pub(crate) const WATCHEXEC: &str = "watchexec";

/// The directories of the image.
#[derive(Debug)]
pub(crate) struct Image {
    /// This program, if it can be found.
    pub(crate) program: Option<PathBuf>,
    /// `<layers>`, which has a directory for each buildpack, and `config/metadata.toml`.
    pub(crate) layers: PathBuf,
    /// The directory of our own buildpack's layers, where it is known.
    pub(crate) own_layers: Option<PathBuf>,
    /// The app directory.
    pub(crate) app: PathBuf,
}

impl Image {
    /// Finds the directories of the image that this program runs in.
    ///
    /// The launcher removes `CNB_LAYERS_DIR` and `CNB_APP_DIR` from the environment of what it
    /// starts, and starts it in the app directory. The layers directory is the one that this
    /// program itself is in.
    ///
    /// # Errors
    /// The working directory was deleted.
    pub(crate) fn find() -> std::io::Result<Self> {
        let program = own_path();
        let own_layers = program.as_deref().and_then(buildpack_layers);
        let layers = match (&own_layers, env::var_os("CNB_LAYERS_DIR")) {
            (_, Some(directory)) if !directory.is_empty() => directory.into(),
            (Some(own), _) => own.parent().unwrap_or(own).to_owned(),
            (None, _) => DEFAULT_LAYERS.into(),
        };
        Ok(Self {
            program,
            layers,
            own_layers,
            app: env::current_dir()?,
        })
    }

    /// The file that lists the processes of the image.
    pub(crate) fn metadata(&self) -> PathBuf {
        self.layers.join("config/metadata.toml")
    }
}

/// The path of this program. Without /proc it is looked up as the launcher looked it up.
fn own_path() -> Option<PathBuf> {
    env::current_exe()
        .ok()
        .or_else(|| find_program(PROGRAM, &env::var_os("PATH")?))
}

/// The buildpack's directory of layers that has `program` as `<layer>/bin/<program>`.
fn buildpack_layers(program: &Path) -> Option<PathBuf> {
    let bin = program.parent()?;
    (bin.file_name()? == "bin").then_some(())?;
    Some(bin.parent()?.parent()?.to_owned())
}

/// The first executable file of this name in the directories of `path`, a list as in `PATH`.
pub(crate) fn find_program(name: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
}

/// Whether this user may execute the file.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.is_file() && nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_layers_directory_from_its_own_layer() {
        let program = Path::new("/layers/live-reload_watchexec/live-reload/bin/live-reload");
        assert_eq!(
            buildpack_layers(program).unwrap(),
            Path::new("/layers/live-reload_watchexec")
        );
    }

    #[test]
    fn finds_no_layers_directory_elsewhere() {
        assert_eq!(
            buildpack_layers(Path::new("/target/debug/live-reload")),
            None
        );
        assert_eq!(buildpack_layers(Path::new("/bin/live-reload")), None);
    }
}
