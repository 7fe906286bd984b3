//! What the suite says at its end: the times that cases have measured; and of the examples, which it
//! ran and with what, which it could only check and how, and which commands of the texts nothing runs.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use fs_err as fs;

use crate::directories::Directories;
use crate::page;

/// What has been said so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    shown: Mutex<Vec<String>>,
    ran: Mutex<Vec<String>>,
    checked: Mutex<Vec<String>>,
}

impl Report {
    /// A case has measured something, or has something to say.
    pub(crate) fn shown(&self, case: &str, what: &[String]) {
        if !what.is_empty() {
            add(&self.shown, format!("{case}: {}", what.join(", ")));
        }
    }

    /// A case has run what a text says, with these tools.
    pub(crate) fn ran(&self, case: &str, tools: &str) {
        add(&self.ran, format!("{case}: {tools}"));
    }

    /// A case has checked what it could not run.
    pub(crate) fn checked(&self, case: &str, how: &str) {
        add(&self.checked, format!("{case}: {how}"));
    }

    /// Prints it, but for what the cases that were chosen had nothing to do with.
    pub(crate) fn print(&self, pack: &str, engine: &str, directories: &Directories) -> Result<()> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if !shown.is_empty() {
            print_list(
                "Measured; a reload is from the end of the sync to the first answer of the new process:",
                &shown,
            );
        }
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if ran.is_empty() && checked.is_empty() {
            return Ok(());
        }
        let title = format!("Examples and texts that ran, with pack {pack} on Docker {engine}:");
        print_list(&title, &ran);
        print_list("Checked, not run:", &checked);
        print_list("Command blocks that no case runs:", &not_run(directories)?);
        println!();
        Ok(())
    }
}

fn add(list: &Mutex<Vec<String>>, line: String) {
    list.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
}

fn print_list(title: &str, lines: &[String]) {
    println!("{title}");
    for line in lines {
        println!("  {line}");
    }
}

/// The command blocks of all texts that say of themselves that nothing runs them, and why.
fn not_run(directories: &Directories) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for text in directories.texts_and_examples()? {
        if text.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let markdown = fs::read_to_string(directories.workspace().join(&text))?;
        for block in page::blocks(&markdown)? {
            let comment = block.comment.unwrap_or_default();
            if let Some(reason) = comment.strip_prefix("not run: ") {
                lines.push(format!("{}:{}: {reason}", text.display(), block.line));
            }
        }
    }
    Ok(lines)
}
