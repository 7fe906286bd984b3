//! Saves by editors on the host, through a bind mount: the app starts once for each.
//!
//! vim, Emacs and sed are Debian's. The others make the system calls of their sources: Visual
//! Studio Code writes in place (`src/vs/platform/files/node/diskFileSystemProvider.ts`), the IDEs
//! of `JetBrains` write another file, and keep the old one until that has its name
//! (`platform/util/src/com/intellij/util/io/SafeFileOutputStream.java`).

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::case::{Case, cases, unaware_app};
use crate::cases::restarts::expect_starts;
use crate::command::output;
use crate::container::Container;
use crate::offline::provide;

cases![editors];

/// How each editor saves the file with `$TEXT` in place of the version.
const SCRIPTS: [(&str, &str); 5] = [
    ("sed -i", r#"sed -i "s/VERSION = .*/$TEXT/" app.py"#),
    (
        "vim",
        r#"vim -u NONE -N -es -c "%s/VERSION = .*/$TEXT/ | wq" app.py"#,
    ),
    (
        "vim, which renames its backup",
        r#"vim -u NONE -N -es -c "set backup bsk= bkc=no | %s/VERSION = .*/$TEXT/ | wq" app.py"#,
    ),
    (
        "vim, which copies its backup",
        r#"vim -u NONE -N -es -c "set backup bsk= bkc=yes | %s/VERSION = .*/$TEXT/ | wq" app.py"#,
    ),
    // With a lock, and a backup.
    (
        "Emacs",
        r#"emacs -Q --batch app.py --eval '(progn (re-search-forward "VERSION = .*")
            (replace-match (getenv "TEXT")) (save-buffer))'"#,
    ),
];

fn editors(case: &Case<'_>) -> Result<()> {
    provide("vim", &["vim"])?;
    provide("emacs", &["emacs-nox"])?;
    let app = unaware_app("v1")?;
    // For the files that `expect_starts` saves.
    fs::set_permissions(app.path(), Permissions::from_mode(0o777))?;
    let image = case.build_unaware(&app).image()?;
    let mount = format!("{}:/workspace", app.path().display());
    let container = Container::start_with(&image, &["--volume", &mount])?;
    container.wait_for("v1")?;
    expect_starts(&container, 1)?;
    let mut starts = 1;
    let mut expect_one_start = |save: &dyn Fn(&str) -> Result<()>| {
        starts += 1;
        let version = format!("v{starts}");
        save(&format!("VERSION = \"{version}\""))?;
        container.wait_for(&version)?;
        expect_starts(&container, starts)
    };
    for (editor, script) in SCRIPTS {
        let save = |text: &str| {
            let mut shell = Command::new("sh");
            output(
                shell
                    .args(["-c", script])
                    .env("TEXT", text)
                    .current_dir(app.path()),
            )
            .map(drop)
        };
        expect_one_start(&save).context(editor)?;
    }
    for (editor, write) in [
        ("Visual Studio Code", in_place as fn(&Path, &str) -> _),
        ("JetBrains", renamed),
    ] {
        let file = app.path().join("app.py");
        let save = |text: &str| {
            let saved = fs::read_to_string(&file)?;
            let lines = saved.lines().map(|line| {
                if line.starts_with("VERSION = ") {
                    text
                } else {
                    line
                }
            });
            write(&file, &(lines.collect::<Vec<_>>().join("\n") + "\n"))
        };
        expect_one_start(&save).context(editor)?;
    }
    Ok(())
}

fn in_place(file: &Path, text: &str) -> Result<()> {
    Ok(fs::write(file, text)?)
}

fn renamed(file: &Path, text: &str) -> Result<()> {
    let [new, old] =
        ["py___jb_tmp___", "py___jb_old___"].map(|extension| file.with_extension(extension));
    fs::write(&new, text)?;
    fs::rename(file, &old)?;
    fs::rename(&new, file)?;
    fs::set_permissions(file, fs::metadata(&old)?.permissions())?;
    Ok(fs::remove_file(&old)?)
}
