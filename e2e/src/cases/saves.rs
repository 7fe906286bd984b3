//! Saves by editors on the host, through a bind mount: the app starts once for each.
//!
//! vim, Emacs and sed are Debian's. The others make the system calls of their sources: Visual Studio Code writes
//! in place (`src/vs/platform/files/node/diskFileSystemProvider.ts`: truncates or opens with `w`, writes, flushes),
//! the IDEs of `JetBrains` write another file, and keep the old one until that has its name
//! (`platform/util/src/com/intellij/util/io/SafeFileOutputStream.java`).

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::buildpacks::{PROCFILE, WATCHEXEC};
use crate::case::{Case, cases, unaware_app};
use crate::cases::live_reload::expect_starts;
use crate::command::output;
use crate::container::Container;
use crate::offline::provide;

cases![terminal_editors, backups, desktop_editors];

/// A save in the app directory: its editor, the version that it saves, and how.
type Save<'a> = (&'a str, &'a str, &'a dyn Fn(&Path) -> Result<()>);

const SED: &[&str] = &["sed", "-i", "s/VERSION = .*/VERSION = \"v2\"/", "app.py"];
const VIM: &[&str] = &[
    "vim",
    "-u",
    "NONE",
    "-N",
    "-es",
    "-c",
    "%s/VERSION = .*/VERSION = \"v3\"/ | wq",
    "app.py",
];
/// As Emacs does it by itself: with a lock, and with a backup at the first save.
const EMACS: &[&str] = &[
    "emacs",
    "-Q",
    "--batch",
    "app.py",
    "--eval",
    "(progn (goto-char 1) (re-search-forward \"VERSION = .*\") (replace-match \"VERSION = \\\"v4\\\"\") (save-buffer))",
];

fn terminal_editors(case: &Case<'_>) -> Result<()> {
    provide("vim", &["vim"])?;
    provide("emacs", &["emacs-nox"])?;
    expect_one_start_each(
        case,
        &[
            ("sed -i", "v2", &|app| run(SED, app)),
            ("vim", "v3", &|app| run(VIM, app)),
            ("Emacs", "v4", &|app| run(EMACS, app)),
        ],
    )
}

/// vim that keeps the old file, and that renames it (`backupcopy`).
fn backups(case: &Case<'_>) -> Result<()> {
    provide("vim", &["vim"])?;
    let save = |version: &str, copy: &str, app: &Path| {
        let edit = format!(
            "set backup backupskip= backupcopy={copy} | %s/VERSION = .*/VERSION = \"{version}\"/ | wq"
        );
        run(
            &["vim", "-u", "NONE", "-N", "-es", "-c", &edit, "app.py"],
            app,
        )
    };
    expect_one_start_each(
        case,
        &[
            ("vim, backup renamed", "v2", &|app| save("v2", "no", app)),
            ("vim, backup copied", "v3", &|app| save("v3", "yes", app)),
        ],
    )
}

fn desktop_editors(case: &Case<'_>) -> Result<()> {
    expect_one_start_each(
        case,
        &[
            ("Visual Studio Code", "v2", &|app| in_place(app, "v2")),
            ("JetBrains", "v3", &|app| by_another_file(app, "v3")),
            ("JetBrains, without safe write", "v4", &|app| {
                in_place(app, "v4")
            }),
        ],
    )
}

/// Saves one after the other, and checks that each starts the app once.
fn expect_one_start_each(case: &Case<'_>, saves: &[Save<'_>]) -> Result<()> {
    let app = unaware_app("v1")?;
    let build = case.build(app.path()).buildpacks(&[PROCFILE, WATCHEXEC]);
    let image = build.live_reload("true").image()?;
    let mount = format!("{}:/workspace", app.path().display());
    let container = Container::start_with(&image, &["--volume", &mount])?;
    container.wait_for("v1")?;
    expect_starts(&container, 1)?;
    for (starts, (editor, version, save)) in (2..).zip(saves) {
        save(app.path())?;
        container
            .wait_for(version)
            .with_context(|| format!("saved by {editor}"))?;
        expect_starts(&container, starts).with_context(|| format!("saved by {editor}"))?;
        case.show(*editor);
    }
    Ok(())
}

/// Runs a program in the app directory.
fn run(words: &[&str], app: &Path) -> Result<()> {
    let mut program = std::process::Command::new(words[0]);
    output(program.args(&words[1..]).current_dir(app)).map(drop)
}

/// The text of the app, of this version.
fn text(app: &Path, version: &str) -> Result<String> {
    let text = fs::read_to_string(app.join("app.py"))?;
    let line = |line: &str| match line.strip_prefix("VERSION = ") {
        Some(_) => format!("VERSION = {version:?}\n"),
        None => format!("{line}\n"),
    };
    Ok(text.lines().map(line).collect())
}

fn in_place(app: &Path, version: &str) -> Result<()> {
    let text = text(app, version)?;
    let mut file = OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(app.join("app.py"))?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_data()?)
}

fn by_another_file(app: &Path, version: &str) -> Result<()> {
    let [file, new, old] =
        ["app.py", "app.py___jb_tmp___", "app.py___jb_old___"].map(|name| app.join(name));
    fs::write(&new, text(app, version)?)?;
    fs::rename(&file, &old)?;
    fs::rename(&new, &file)?;
    fs::set_permissions(&file, fs::metadata(&old)?.permissions())?;
    Ok(fs::remove_file(&old)?)
}
