//! As much of Markdown as the texts of this repository use.

use super::root;
use documentation::{Block, blocks};
use std::fs;
use std::path::{Path, PathBuf};

/// A text, taken apart.
pub(crate) struct Page {
    /// Its path.
    pub(crate) file: PathBuf,
    /// The names by which its headings can be linked to.
    pub(crate) anchors: Vec<String>,
    /// The targets of its links and pictures, with their lines.
    pub(crate) links: Vec<(usize, String)>,
    /// Its blocks between fences.
    pub(crate) blocks: Vec<Block>,
}

impl Page {
    pub(crate) fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let mut page = Self {
            file: file.to_owned(),
            anchors: Vec::new(),
            links: Vec::new(),
            blocks: Vec::new(),
        };
        let blocks = blocks(&text, |number, line| {
            if let Some(heading) = heading(line) {
                page.add_anchor(heading);
            }
            let links = links(line).map(|link| (number, link.to_owned()));
            page.links.extend(links);
        });
        page.blocks = blocks.unwrap_or_else(|| panic!("{} ends inside a block", page.name()));
        page
    }

    /// The path from the root of the repository.
    pub(crate) fn name(&self) -> String {
        let name = self.file.strip_prefix(root()).unwrap_or(&self.file);
        name.display().to_string()
    }

    /// The way in which GitHub makes an anchor of a heading.
    fn add_anchor(&mut self, heading: &str) {
        let name: String = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let same = self
            .anchors
            .iter()
            .filter(|anchor| **anchor == name)
            .count();
        self.anchors.push(if same == 0 {
            name
        } else {
            format!("{name}-{same}")
        });
    }
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    (text.len() < line.len()).then(|| text.strip_prefix(' '))?
}

/// The targets in `[text](target)`; code between backticks is none.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let outside_code = line.split('`').step_by(2);
    let complete = outside_code.flat_map(|part| part.split("](").skip(1));
    // A link whose text is code is split by it: what follows begins with the end of the text.
    complete.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}
