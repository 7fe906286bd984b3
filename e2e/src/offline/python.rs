//! Programs and libraries from `PyPI`, each installed into a directory of the suite.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use crate::command::logged;
use crate::directories::{log, source};
use harness::cached;

/// The directory of what the file `e2e/NAME.txt` pins, without bytecode.
pub(crate) fn installed(name: &str) -> Result<PathBuf> {
    let requirements = source(&format!("{name}.txt"));
    let pinned = fs::read_to_string(&requirements)?;
    cached(name, &[&pinned], |directory| {
        let pip =
            "-m pip install --no-deps --no-compile --require-hashes --only-binary :all: --target";
        let mut python = Command::new("python3");
        python.args(pip.split(' ')).arg(directory);
        logged(python.arg("--requirement").arg(&requirements), &log("pip"))
    })
}
