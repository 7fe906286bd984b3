//! Programs from `PyPI`, installed into a directory of the suite.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use crate::command::logged;
use crate::directories::{cached, log, source};

/// The path of zizmor, which audits workflows.
pub(crate) fn zizmor() -> Result<PathBuf> {
    let requirements = source("zizmor.txt");
    let pinned = fs::read_to_string(&requirements)?;
    let directory = cached("zizmor", &[&pinned], |directory| {
        let pip = "-m pip install --no-deps --require-hashes --only-binary :all: --target";
        let mut python = Command::new("python3");
        python.args(pip.split(' ')).arg(directory);
        logged(python.arg("--requirement").arg(&requirements), &log("pip"))
    })?;
    Ok(directory.join("bin/zizmor"))
}
