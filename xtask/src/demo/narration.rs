//! The output of the demo: headings, commands that can be repeated, and files.

use anyhow::Result;
use fs_err as fs;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command as a person can repeat it in a shell in which `$D` is `base`.
pub(super) fn shell(command: &Command, base: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let word = |text: &OsStr| {
        let text = text.to_string_lossy().replace(&path, "$PATH");
        let text = text.replace(&*base.to_string_lossy(), "$D");
        let plain = |c: char| c.is_ascii_alphanumeric() || "$/.:,=_+-".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            return text;
        }
        format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
    };
    let environment: Vec<String> = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.display(), word(value?))))
        .collect();
    let words: Vec<String> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(word)
        .collect();
    let directory = command.get_current_dir().unwrap_or(base);
    format!(
        "(cd {} && env -i \\\n    {} \\\n    {})",
        word(directory.as_os_str()),
        environment.join(" "),
        words.join(" ")
    )
}

pub(super) fn heading(text: &str) {
    println!("\n{text}");
}

pub(super) fn say(text: &str) {
    println!("   {text}");
}

pub(super) fn command(text: &str) {
    println!("   $ {}", text.replace('\n', "\n   "));
}

/// Shows the output of something else.
pub(super) fn quote(text: &str) {
    for line in text.lines() {
        println!("   | {line}");
    }
}

/// Shows the components of the layers' CycloneDX SBOMs. The other formats list the same.
pub(super) fn show_sboms(layers: &Path) -> Result<()> {
    for path in files(layers)? {
        if !path.to_string_lossy().ends_with(".sbom.cdx.json") {
            continue;
        }
        say(&format!("{} lists:", path.strip_prefix(layers)?.display()));
        let sbom: serde_json::Value = serde_json::from_slice(&fs::read(&path)?)?;
        for component in sbom["components"].as_array().into_iter().flatten() {
            let text = |pointer: &str| {
                let value = component.pointer(pointer).and_then(|value| value.as_str());
                value.unwrap_or_default().to_owned()
            };
            quote(&format!(
                "{} {}, {}{}, {}",
                text("/name"),
                text("/version"),
                text("/licenses/0/license/id"),
                text("/licenses/0/expression"),
                text("/purl")
            ));
        }
    }
    Ok(())
}

/// Shows every file below a directory with its size in bytes.
pub(super) fn list_files(directory: &Path) -> Result<()> {
    for file in files(directory)? {
        let size = match fs::read_link(&file) {
            Ok(target) => format!("-> {}", target.display()),
            Err(_) => fs::metadata(&file)?.len().to_string(),
        };
        quote(&format!(
            "{size:>10}  {}",
            file.strip_prefix(directory)?.display()
        ));
    }
    Ok(())
}

/// Every file below a directory, sorted.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::shell;
    use std::process::Command;

    #[test]
    fn shows_commands_that_can_be_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        let mut command = Command::new("sh");
        command
            .args(["-c", "pwd; env | grep TEXT", base.to_str().unwrap()])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TEXT", "a 'b' \"c\"")
            .current_dir(base);
        let shown = shell(&command, base);
        assert!(shown.ends_with("$D)"), "{shown}");
        let repeated = Command::new("sh")
            .args(["-c", &shown])
            .env("D", base)
            .output()
            .unwrap();
        assert!(repeated.status.success());
        assert_eq!(repeated.stdout, command.output().unwrap().stdout);
    }
}
