//! `live-reload tar`, compared with the faster of GNU tar and busybox.

use super::{Rows, script};
use anyhow::Result;
use fs_err as fs;
use harness::{Goal, interleaved};
use std::path::Path;

/// Turns. Each one writes 20,000 files, or 500 MB.
const TURNS: usize = 10;

/// Extracts many small files and a large one as sync tools do: from a pipe. The files are written to
/// memory, since the disk would take most of the time.
pub(super) fn measure(program: &Path, directory: &Path, rows: &mut Rows) -> Result<()> {
    for file in 0..20_000 {
        let parent = directory.join(format!("small/{}", file % 200));
        fs::create_dir_all(&parent)?;
        fs::write(parent.join(file.to_string()), [b'a'; 1000])?;
    }
    fs::File::create(directory.join("large"))?.set_len(500_000_000)?;
    script(
        directory,
        "tar -cf small.tar small; tar -cf large.tar large",
    )?;

    let ours = format!("{} tar", program.display());
    let memory = tempfile::tempdir_in("/dev/shm")?;
    let renamed = "All files of an archive appear at once, when it has arrived: a slow sync restarts the app once. \
                   Therefore each file is renamed.";
    for (name, archive, is_new, reference, tar, note) in [
        (
            "20,000 new files of 1 kB",
            "small.tar",
            true,
            "GNU tar",
            "tar",
            Some(renamed),
        ),
        (
            "20,000 files of 1 kB again",
            "small.tar",
            false,
            "GNU tar",
            "tar",
            None,
        ),
        (
            "a file of 500 MB",
            "large.tar",
            true,
            "busybox tar",
            "busybox tar",
            None,
        ),
    ] {
        let extract = |tar: &str, target: &str| {
            let target = memory.path().join(target);
            if is_new && target.exists() {
                fs::remove_dir_all(&target)?;
            }
            fs::create_dir_all(&target)?;
            let target = target.display();
            script(
                directory,
                &format!("cat {archive} | {tar} -xf - -C {target}"),
            )
        };
        let pair = interleaved(
            TURNS,
            || extract(&ours, "ours"),
            || extract(tar, "reference"),
        )?;
        let name = format!("`tar`, {name}");
        rows.timed(&name, reference, pair, Goal::Ratio(1.2), note);
    }
    Ok(())
}
