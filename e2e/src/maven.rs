//! The sample Java application, built by Maven from libraries of Maven Central.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::command::{logged, output};
use crate::directories::Directories;

const SOURCES: [&str; 4] = [
    "pom.xml",
    "src/main/java/e2e/Answer.java",
    "src/main/java/e2e/Application.java",
    "src/main/resources/application.properties",
];

/// The application's runnable jar.
pub(crate) fn jar(directories: &Directories) -> Result<PathBuf> {
    let source = directories.source("apps/java");
    let contents = SOURCES.map(|file| fs::read(source.join(file)));
    let contents = contents.into_iter().collect::<Result<Vec<_>, _>>()?;
    let inputs: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    directories.cached("java-app", &inputs, |jar| {
        // Maven writes beside its sources, and those are the repository's.
        let project = tempfile::tempdir_in(directories.unfinished())?;
        for (file, contents) in SOURCES.iter().zip(&contents) {
            let copy = project.path().join(file);
            fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
            fs::write(copy, contents)?;
        }
        logged(
            Command::new("mvn")
                .args(["--batch-mode", "package"])
                .current_dir(project.path()),
            &directories.log("maven"),
        )?;
        fs::rename(project.path().join("target/app.jar"), jar)?;
        Ok(())
    })
}

/// Compiles the application's `Answer` with another version into a class file.
pub(crate) fn compile_answer(
    version: &str,
    output_directory: &Path,
    directories: &Directories,
) -> Result<PathBuf> {
    let original = fs::read_to_string(directories.source("apps/java").join(SOURCES[1]))?;
    let changed = original.replace("\"v1\"", &format!("\"{version}\""));
    ensure!(changed != original, "{} answers no \"v1\"", SOURCES[1]);
    let source = output_directory.join("Answer.java");
    fs::write(&source, changed)?;
    output(
        Command::new("javac")
            .args(["--release", "17", "-d"])
            .arg(output_directory)
            .arg(source),
    )?;
    Ok(output_directory.join("e2e/Answer.class"))
}
