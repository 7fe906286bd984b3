//! The sample Java app, built by Maven from libraries of Maven Central.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::command::{logged, output};
use crate::directories::{copy, log, source};
use harness::cached;

const SOURCES: [&str; 4] = [
    "pom.xml",
    "src/main/java/e2e/Answer.java",
    "src/main/java/e2e/Application.java",
    "src/main/resources/application.properties",
];

/// The app's runnable jar.
pub(crate) fn jar() -> Result<PathBuf> {
    let app = source("apps/java");
    let contents = SOURCES.map(|file| fs::read_to_string(app.join(file)));
    let contents = contents.into_iter().collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<&str> = contents.iter().map(String::as_str).collect();
    cached("java-app", &inputs, |jar| {
        // Maven writes beside its sources.
        let project = jar.with_added_extension("project");
        copy(&app, &project)?;
        let mut maven = Command::new("mvn");
        maven
            .args(["--batch-mode", "package"])
            .current_dir(&project);
        logged(&mut maven, &log("maven"))?;
        fs::rename(project.join("target/app.jar"), jar)?;
        Ok(fs::remove_dir_all(project)?)
    })
}

/// Compiles the app's class `Answer` of v2.
pub(crate) fn compile_answer(directory: &Path) -> Result<PathBuf> {
    let original = fs::read_to_string(source("apps/java").join(SOURCES[1]))?;
    let changed = original.replace("\"v1\"", "\"v2\"");
    ensure!(changed != original, "{} answers no \"v1\"", SOURCES[1]);
    let source = directory.join("Answer.java");
    fs::write(&source, changed)?;
    let mut javac = Command::new("javac");
    javac.args(["--release", "17", "-d"]).arg(directory);
    output(javac.arg(source))?;
    Ok(directory.join("e2e/Answer.class"))
}
